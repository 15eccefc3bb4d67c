/**
 * The longest time for which `work` held the event loop, in ms: the shortest of several runs, because other programs of the machine
 * only ever add to it.
 */
export async function longestHold(work: () => Promise<unknown>, runs = 3): Promise<number> {
  let best = Infinity;
  for (let run = 0; run < runs; run += 1) {
    let longest = 0;
    let last = performance.now();
    let running = true;
    const tick = (): void => {
      const now = performance.now();
      longest = Math.max(longest, now - last);
      last = now;
      if (running) setImmediate(tick);
    };
    setImmediate(tick);
    await work();
    running = false;
    best = Math.min(best, longest);
  }
  return best;
}

const YARDSTICK = JSON.stringify(
  Object.fromEntries(Array.from({ length: 20_000 }, (_, i) => [`k${i.toString(36)}`, 1])),
);

/** 50 ms, the longest time for which a request may hold the event loop; on a busy or slow machine as many times longer. */
export async function holdLimit(): Promise<number> {
  // About 10 ms where nothing else runs.
  return Math.max(50, 5 * (await longestHold(async () => JSON.parse(YARDSTICK) as unknown)));
}

const LIMIT_MS = 50;
const ATTEMPTS = 5;

/**
 * Checks that `work` does not hold the event loop for longer than 50 ms of CPU time, or on a slow machine than three times as long as ordinary
 * work of the same size. CPU time, because other programs interrupt this one for as long as they like. One good attempt is enough; work that
 * grows faster than its input is many times over the limit in each.
 *
 * @returns The times of the best attempt, which the caller compares.
 */
export async function holds(
  work: () => Promise<unknown>,
  ordinary: () => Promise<unknown>,
): Promise<{ readonly held: number; readonly limit: number }> {
  let best = { held: Infinity, limit: LIMIT_MS };
  for (let attempt = 0; attempt < ATTEMPTS && best.held >= best.limit; attempt += 1) {
    const limit = Math.max(LIMIT_MS, 3 * (await longestTurn(ordinary)));
    const held = await longestTurn(work);
    if (held / limit < best.held / best.limit) best = { held, limit };
  }
  return best;
}

/** The longest turn of the event loop during the work, ms of CPU time. */
async function longestTurn(work: () => Promise<unknown>): Promise<number> {
  let longest = 0;
  let last = cpuMs();
  let running = true;
  const tick = (): void => {
    const now = cpuMs();
    longest = Math.max(longest, now - last);
    last = now;
    if (running) setImmediate(tick);
  };
  setImmediate(tick);
  await work();
  running = false;
  return longest;
}

function cpuMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1_000;
}

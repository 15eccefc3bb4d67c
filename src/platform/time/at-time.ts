/** The longest delay of `setTimeout`: beyond 2^31 - 1 ms (24.8 days) it fires at once. */
const LONGEST_TIMEOUT_MS = 2 ** 31 - 1;

/** Calls back at a moment, however far away, by a chain of timers. Returns a function that cancels it. */
export function atTime(moment: Date, callback: () => void): () => void {
  let timer: NodeJS.Timeout;
  const arm = (): void => {
    const left = moment.getTime() - Date.now();
    timer = setTimeout(
      left > LONGEST_TIMEOUT_MS ? arm : callback,
      Math.min(Math.max(left, 0), LONGEST_TIMEOUT_MS),
    );
    timer.unref();
  };
  arm();
  return () => clearTimeout(timer);
}

/**
 * The longest wait of one timer. Node keeps a list for each duration, so timers of thousands of streams that wait for different moments would
 * each have one of their own. It is also far below the longest delay of `setTimeout`, beyond which it fires at once (24.8 days).
 */
const STEP_MS = 60_000;

/** Calls back at a moment, however far away, by a chain of timers. Returns a function that cancels it. */
export function atTime(moment: Date, callback: () => void): () => void {
  let timer: NodeJS.Timeout;
  const arm = (): void => {
    const left = moment.getTime() - Date.now();
    timer = setTimeout(left > STEP_MS ? arm : callback, Math.min(Math.max(left, 0), STEP_MS));
    timer.unref();
  };
  arm();
  return () => clearTimeout(timer);
}

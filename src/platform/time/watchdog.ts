/**
 * Calls back when `ms` have passed and the input that arrived meanwhile is read. A process that was busy for longer than that
 * runs its timers before it reads its sockets, and would otherwise close a connection whose answer is already there.
 *
 * @returns A function that ends the wait.
 */
export function watchdog(ms: number, callback: () => void): () => void {
  let look: NodeJS.Immediate | undefined;
  const timer = setTimeout(() => {
    // Immediates come after the poll for input, but the first poll may read a part only.
    look = setImmediate(() => (look = setImmediate(callback)));
  }, ms).unref();
  return () => {
    clearTimeout(timer);
    clearImmediate(look);
  };
}

/**
 * Calls back when `ms` have passed and what has arrived meanwhile is read. A process that was busy for longer than that
 * finds its timers due before it looks at its sockets; without the second look it would cut a connection whose answer
 * lies there.
 *
 * @returns Ends the wait.
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

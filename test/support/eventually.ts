/**
 * Calls `probe` until it neither throws nor returns `false`, and gives back what it returned; for states that send no signal.
 * Put expectations into it: the last failure is the one that is thrown.
 *
 * @throws what the last call threw when the time (default 5,000 ms) is up.
 */
export async function eventually<T>(
  probe: () => T | Promise<T>,
  options: { timeoutMs?: number; everyMs?: number } = {},
): Promise<T> {
  const { timeoutMs = 5_000, everyMs = 20 } = options;
  const deadline = Date.now() + timeoutMs;
  for (;;) {
    let problem: unknown;
    try {
      const value = await probe();
      if (value !== false) return value;
      problem = new Error(`still false after ${timeoutMs} ms: ${probe.toString()}`);
    } catch (error) {
      problem = error;
    }
    if (Date.now() >= deadline) throw problem;
    await new Promise((resolve) => setTimeout(resolve, everyMs));
  }
}

import { setTimeout as delay } from 'node:timers/promises';

/**
 * Calls `probe` until it neither throws nor returns `false`, and gives back what it returned; for states that send no signal.
 * Put expectations into it: the last failure is the one that is thrown.
 *
 * @param options.everyMs the time between two calls; by default a tenth of the time waited so far, from 10 to 100 ms: short waits end at
 * once, and long ones leave the machine to what they wait for.
 * @throws what the last call threw when the time (default 20,000 ms, for busy machines: what holds is seen at once) is up.
 */
export async function eventually<T>(
  probe: () => T | Promise<T>,
  options: { timeoutMs?: number; everyMs?: number } = {},
): Promise<T> {
  const { timeoutMs = 20_000, everyMs } = options;
  const began = Date.now();
  for (;;) {
    let problem: unknown;
    try {
      const value = await probe();
      if (value !== false) return value;
      problem = new Error(`still false after ${timeoutMs} ms: ${probe.toString()}`);
    } catch (error) {
      problem = error;
    }
    const waitedMs = Date.now() - began;
    if (waitedMs >= timeoutMs) throw problem;
    await delay(everyMs ?? Math.min(Math.max(waitedMs / 10, 10), 100));
  }
}

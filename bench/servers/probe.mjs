/**
 * Loaded before a server under test (`node --import`), the same for ours and the baselines: it tells the memory after a
 * collection, records a CPU profile when asked, and ends the server when the benchmark is gone. It costs nothing meanwhile.
 */
import { Session } from 'node:inspector/promises';

const session = new Session();

const methods = {
  memory() {
    globalThis.gc?.();
    globalThis.gc?.();
    return process.memoryUsage();
  },
  async startProfile() {
    session.connect();
    await session.post('Profiler.enable');
    await session.post('Profiler.setSamplingInterval', { interval: 500 });
    await session.post('Profiler.start');
  },
  async stopProfile() {
    const { profile } = await session.post('Profiler.stop');
    session.disconnect();
    return profile;
  },
};

process.on('message', async ({ call, method }) => {
  if (Object.hasOwn(methods, method)) process.send?.({ answer: call, result: await methods[method]() });
});
process.on('disconnect', () => process.kill(process.pid, 'SIGTERM'));
// Neither keeps a server running that wants to end.
process.channel?.unref();

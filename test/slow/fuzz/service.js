/**
 * The service as `dist/main.js` starts it, which also reports each turn of its event loop that took more than 50 ms of CPU to whoever started it.
 * CPU and not time: on a busy machine a process may wait for longer than that. Argument: the directory of the build.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { setInterval } from 'node:timers';
import { pathToFileURL } from 'node:url';

const LONGEST_MS = 50;
const EVERY_MS = 5;
const TASK = `/proc/self/task/${process.pid}/schedstat`;

/** What the main thread has computed; without /proc what the process has, with its other threads. */
function cpuMs() {
  try {
    return Number(readFileSync(TASK, 'utf8').split(' ')[0]) / 1e6;
  } catch {
    const { user, system } = process.cpuUsage();
    return (user + system) / 1_000;
  }
}

let last = cpuMs();
let lastAt = performance.now();
setInterval(() => {
  const [now, nowAt] = [cpuMs(), performance.now()];
  // Timers run once a turn, so that one turn lies between two of them.
  if (now - last > LONGEST_MS && nowAt - lastAt > LONGEST_MS)
    process.send?.({ heldMs: Math.round(now - last) });
  [last, lastAt] = [now, nowAt];
}, EVERY_MS).unref();

// Whoever started it is gone without a word.
process.on('disconnect', () => process.exit(1));

const load = (file) => import(pathToFileURL(join(process.argv[2], file)).href);
const [{ composition }, { Lifecycle }, { startService }] = await Promise.all(
  ['service/service.module.js', 'service/lifecycle.js', 'service/start.js'].map(load),
);
await new Lifecycle().run((life) => startService(life, composition, process.env));

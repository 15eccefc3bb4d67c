/** Starts several processes of the service, one for each port in PORTS, and ends them with itself. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';

const ports = process.env.PORTS.split(',');
// One after the other: the first one makes the tables.
for (const [nth, port] of ports.entries()) {
  const child = spawn(process.execPath, ['dist/main.js'], {
    env: { ...process.env, PORT: port },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  process.once('SIGTERM', () => child.kill('SIGTERM'));
  process.once('exit', () => child.kill('SIGKILL'));
  let listens = false;
  for await (const line of createInterface(child.stdout)) {
    listens ||= /listens on http/.test(line);
    if (listens) break;
  }
  child.stdout.resume();
  if (!listens) throw new Error(`Process ${nth + 1} ended at its start`);
  child.once('exit', () => (process.exitCode = 0));
}
console.log(`${ports.length} processes are up`);
await once(process, 'SIGTERM');

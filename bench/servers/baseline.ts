import { Child } from '../child.js';
import { taskData } from '../load/producer.js';
import { streamHead } from './credential.js';
import type { Target } from './target.js';

/** Starts a baseline; with `keep` it keeps every event and replays. */
export async function startBaseline(which: 'bare-http' | 'plain-nest', keep: boolean): Promise<Target> {
  const name = which === 'bare-http' ? 'bare node:http' : 'plain Nest';
  const env = keep ? { KEEP: '1' } : undefined;
  const child = await Child.start({ name, script: `bench/servers/${which}.ts`, env, ready: /port \d+\n/ });
  const ports = [Number(/port (\d+)\n/.exec(child.output)?.[1])];
  return {
    name,
    child,
    queue: null,
    publishing: {
      ports,
      head: 'POST /publish HTTP/1.1\r\nHost: bench\r\nContent-Type: application/json\r\n',
      body: JSON.stringify({ to: '$to', data: taskData('$task') }),
    },
    streams: async (users) => ({
      ports,
      heads: await Promise.all(users.map((user) => streamHead(`/stream?user=${user}`, user))),
      readyMark: '\r\n\r\n',
      firstId: '0',
    }),
  };
}

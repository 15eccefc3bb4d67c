import type { Child } from '../child.js';
import type { Backend, Lab } from '../lab.js';
import type { QueueAddress } from '../queue.js';
import { remote, type Remote } from '../rpc.js';
import type { NoopWorker } from './noop-worker.js';

/** The worker that Tidings stands on, doing nothing, with a queue of its own. */
export interface Noop {
  readonly child: Child;
  readonly queue: QueueAddress;
  readonly worker: Remote<NoopWorker>;
}

export async function startNoop(lab: Lab, backend: Backend): Promise<Noop> {
  const { databaseUrl, redisUrl } = lab.ground;
  const url = backend === 'redis' && redisUrl !== null ? redisUrl : databaseUrl;
  const queue: QueueAddress = { backend, url, name: `noop-on-${backend}` };
  const env = { QUEUE: JSON.stringify(queue), CONCURRENCY: String(lab.options.sizes.concurrency) };
  const name = `worker doing nothing, ${backend === 'redis' ? 'Redis' : 'Postgres'}`;
  const child = await lab.child({ name, script: 'bench/servers/noop-worker.ts', env, ready: /ready/ });
  return { child, queue, worker: remote<NoopWorker>(child.process, name) };
}

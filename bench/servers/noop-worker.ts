/**
 * A baseline: the worker that Tidings stands on, doing nothing. Same concurrency, locks and clean-up as Tidings' own
 * (src/jobs/worker.ts), and the same number of connections to Postgres.
 */
import { createPostgresBackend, createRedisBackend, Worker } from 'bullmq';
import { prepareQueue, queuePool, redisConnection, type QueueAddress } from '../queue.js';
import { serve } from '../rpc.js';
import { Arrivals, type Arrived } from '../arrivals.js';

export interface NoopWorker {
  /** From now on so many jobs are waited for. */
  expect(jobs: number): void;
  arrived(): Promise<Arrived>;
}

const address = JSON.parse(process.env['QUEUE'] ?? '') as QueueAddress;
const onRedis = address.backend === 'redis';
await prepareQueue(address);

const arrivals = new Arrivals('jobs');
const worker = new Worker(
  address.name,
  () => Promise.resolve(),
  {
    connection: onRedis ? redisConnection(address.url) : queuePool(address.url, 8),
    concurrency: Number(process.env['CONCURRENCY']),
    lockDuration: 15_000,
    stalledInterval: 10_000,
    // On Postgres Tidings does not let BullMQ trim, which would take most of the time.
    ...(onRedis && { removeOnComplete: { age: 86_400, count: 10_000 } }),
  },
  onRedis ? createRedisBackend : (createPostgresBackend as unknown as typeof createRedisBackend),
);
worker.on('completed', () => arrivals.add());
worker.on('error', (error) => console.error(error));

serve({ expect: (jobs) => arrivals.expect(jobs), arrived: () => arrivals.done() } satisfies NoopWorker);
await worker.waitUntilReady();
console.log('ready');

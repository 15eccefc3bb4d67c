/**
 * A baseline: the worker that Tidings stands on, doing nothing. Same concurrency, locks and clean-up as Tidings' own
 * (src/jobs/worker.ts), and the same number of connections to Postgres.
 */
import { createPostgresBackend, createRedisBackend, Worker, type Job } from 'bullmq';
import { prepareQueue, queuePool, redisConnection, type QueueAddress } from '../queue.js';
import { serve } from '../rpc.js';
import { Arrivals, clock, type Arrived } from '../arrivals.js';
import { latencyOf, type Latency } from '../latencies.js';

export interface NoopWorker {
  /** From now on so many jobs are waited for. */
  expect(jobs: number): void;
  arrived(): Promise<Arrived>;
  /** The same for stamped jobs (see load/producer.ts): how long they took to get here. */
  latency(): Promise<Latency>;
}

const address = JSON.parse(process.env['QUEUE'] ?? '') as QueueAddress;
const onRedis = address.backend === 'redis';
await prepareQueue(address);

let times: number[] = [];
const arrivals = new Arrivals('jobs');
const worker = new Worker(
  address.name,
  ({ data: { data } }: Job<{ data: { durationMs: number } }>) => {
    times.push(clock() - data.durationMs / 1_000);
    return Promise.resolve();
  },
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

serve({
  expect: (jobs) => {
    arrivals.expect(jobs);
    times = [];
  },
  arrived: () => arrivals.done(),
  latency: async () => latencyOf(times, await arrivals.done()),
} satisfies NoopWorker);
await worker.waitUntilReady();
console.log('ready');

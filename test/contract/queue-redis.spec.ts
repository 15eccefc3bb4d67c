import { Queue } from 'bullmq';
import { startRedis } from '../support/redis.js';
import { describeWith } from '../support/tools.js';
import { invalidJobsContract } from './invalid-jobs.contract.js';
import { plainJobsContract } from './plain-jobs.contract.js';
import { queueBench, type QueueServer } from './queue-bench.js';
import { queueProducerContract } from './queue-producer.contract.js';
import { withdrawalContract } from './queue-withdrawal.contract.js';
import { queueWorkerContract } from './queue-worker.contract.js';

async function startServer(): Promise<QueueServer> {
  const redis = await startRedis({ appendonly: true });
  return {
    // The database is not asked for anything: the queue is on Redis.
    options: { database: { url: 'postgres://127.0.0.1:1/none' }, redis: { url: redis.url } },
    plainQueue: async (name) => {
      const queue = new Queue(name, { connection: { url: redis.url } });
      queue.on('error', () => {}); // the tests stop the server on purpose
      await queue.waitUntilReady();
      return { queue, close: () => queue.close() };
    },
    wipe: () => redis.flushAll(),
    pause: () => redis.pause(),
    resume: () => redis.resume(),
    stop: () => redis.stop(),
    start: () => redis.start(),
    close: () => redis.stop(),
  };
}

describeWith('redis-server', 'The queue on Redis', () => {
  const bench = queueBench(startServer);
  plainJobsContract(bench);
  invalidJobsContract(bench);
  queueProducerContract(bench);
  queueWorkerContract(bench);
  withdrawalContract(bench);
});

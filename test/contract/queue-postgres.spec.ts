import { describe } from '@jest/globals';
import { createPostgresBackend, Queue, type createRedisBackend } from 'bullmq';
import pg from 'pg';
import { startPostgres } from '../support/postgres.js';
import { invalidJobsContract } from './invalid-jobs.contract.js';
import { plainJobsContract } from './plain-jobs.contract.js';
import { queueBench, type QueueServer } from './queue-bench.js';
import { queueProducerContract } from './queue-producer.contract.js';
import { withdrawalContract } from './queue-withdrawal.contract.js';
import { queueWorkerContract } from './queue-worker.contract.js';

async function startServer(): Promise<QueueServer> {
  const postgres = await startPostgres();
  return {
    options: { database: { url: postgres.url }, redis: null },
    plainQueue: async (name) => {
      const pool = new pg.Pool({ connectionString: postgres.url, options: '-c search_path=bullmq', max: 2 });
      pool.on('error', () => {}); // the tests stop the server on purpose
      const queue = new Queue(
        name,
        { connection: pool },
        createPostgresBackend as unknown as typeof createRedisBackend,
      );
      queue.on('error', () => {});
      await queue.waitUntilReady();
      return {
        queue,
        close: async () => {
          await queue.close();
          await pool.end();
        },
      };
    },
    wipe: async () => {
      const client = new pg.Client(postgres.url);
      await client.connect();
      await client.query('DROP SCHEMA bullmq CASCADE');
      await client.end();
    },
    pause: () => postgres.pause(),
    resume: () => postgres.resume(),
    stop: () => postgres.stop('immediate'),
    start: () => postgres.start(),
    close: () => postgres.stop(),
  };
}

describe('The queue on Postgres', () => {
  const bench = queueBench(startServer);
  plainJobsContract(bench);
  invalidJobsContract(bench);
  queueProducerContract(bench);
  queueWorkerContract(bench);
  withdrawalContract(bench);
});

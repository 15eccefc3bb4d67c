import { createPostgresBackend, Queue, type createRedisBackend } from 'bullmq';
import pg from 'pg';
import { startPostgres } from '../support/postgres.js';
import { queueContract, type QueueServer } from './queue.contract.js';
import { withdrawalContract } from './queue-withdrawal.contract.js';

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

queueContract('Postgres', startServer);
withdrawalContract('Postgres', startServer);

import { createPostgresBackend, Worker, type createRedisBackend } from 'bullmq';
import pg from 'pg';
import { setTimeout as delay } from 'node:timers/promises';
import type { World } from './world.js';

const EVERY_MS = 300;

/** BullMQ's own search for jobs without a lock, more often than the workers look. */
export function openStalledCheck(world: World): { run: () => Promise<void>; close: () => Promise<void> } {
  const pool = world.redis
    ? null
    : new pg.Pool({ connectionString: world.postgres.url, options: '-c search_path=bullmq', max: 3 });
  pool?.on('error', () => {});
  const backend = (pool ? createPostgresBackend : undefined) as unknown as
    typeof createRedisBackend | undefined;
  const connection = pool ?? { host: '127.0.0.1', port: world.redis?.port, maxRetriesPerRequest: null };
  const options = { connection, autorun: false, stalledInterval: EVERY_MS, maxStalledCount: 1_000_000 };
  const worker = backend
    ? new Worker('tidings', null, options, backend)
    : new Worker('tidings', null, options);
  worker.on('error', () => {});
  return {
    // One look marks what has no lock, the next one takes it.
    run: async () => {
      await worker.startStalledCheckTimer();
      await delay(4 * EVERY_MS);
    },
    close: async () => {
      await worker.close(true);
      await pool?.end();
    },
  };
}

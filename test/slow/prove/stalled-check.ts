import { createPostgresBackend, Worker, type createRedisBackend } from 'bullmq';
import { Redis } from 'ioredis';
import pg from 'pg';
import { setTimeout as delay } from 'node:timers/promises';
import type { World } from './world.js';

const EVERY_MS = 300;
const OPTIONS = { autorun: false, stalledInterval: EVERY_MS, maxStalledCount: 1_000_000 };

/** BullMQ's own search for jobs without a lock, more often than the workers look. */
export function openStalledCheck(world: World): { run: () => Promise<void>; close: () => Promise<void> } {
  const { worker, end } = world.redis ? onRedis(world.redis.port) : onPostgres(world.postgres.url);
  worker.on('error', () => {});
  return {
    // One look marks what has no lock, the next one takes it.
    run: async () => {
      await worker.startStalledCheckTimer();
      await delay(4 * EVERY_MS);
    },
    close: async () => {
      await worker.close(true).catch(() => {});
      await end();
    },
  };
}

function onRedis(port: number): { worker: Worker; end: () => Promise<void> } {
  const clients: Redis[] = [];
  const own = (client: Redis): Redis => {
    clients.push(client);
    client.on('error', () => {});
    return client;
  };
  const connection = own(new Redis(port, '127.0.0.1', { maxRetriesPerRequest: null }));
  // The Worker makes another one for its blocking command, and leaves it open when it is closed in a hurry.
  const duplicate = connection.duplicate.bind(connection);
  connection.duplicate = (override) => own(duplicate(override));
  const end = (): Promise<void> => {
    for (const client of clients) client.disconnect();
    return Promise.resolve();
  };
  return { worker: new Worker('tidings', null, { ...OPTIONS, connection }), end };
}

function onPostgres(url: string): { worker: Worker; end: () => Promise<void> } {
  const pool = new pg.Pool({ connectionString: url, options: '-c search_path=bullmq', max: 3 });
  pool.on('error', () => {});
  pool.on('connect', (client) => client.on('error', () => {}));
  // The constructor's types know the default backend only, though it takes any.
  const backend = createPostgresBackend as unknown as typeof createRedisBackend;
  const worker = new Worker('tidings', null, { ...OPTIONS, connection: pool }, backend);
  // The connection that the Worker listens on may never come back to the pool.
  return { worker, end: () => Promise.race([pool.end(), delay(1_000)]) };
}

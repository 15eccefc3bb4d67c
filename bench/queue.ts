import { createPostgresBackend, createRedisBackend, Queue, runMigrations } from 'bullmq';
import { Client, Pool } from 'pg';

/** A queue of BullMQ, as text in messages and in the environment. */
export interface QueueAddress {
  readonly backend: 'postgres' | 'redis';
  readonly url: string;
  readonly name: string;
}

/** BullMQ's tables, where it expects them. */
export const SEARCH_PATH = '-c search_path=bullmq';

/** A pool for BullMQ's Postgres backend, which wants its schema in the path. */
export function queuePool(url: string, max: number): Pool {
  const pool = new Pool({ connectionString: url, options: SEARCH_PATH, max, keepAlive: true });
  pool.on('error', (error) => console.error(error));
  return pool;
}

export function redisConnection(url: string): { host: string; port: number; maxRetriesPerRequest: null } {
  const { hostname, port } = new URL(url);
  return { host: hostname, port: Number(port), maxRetriesPerRequest: null };
}

/** The queue for a producer that uses nothing but BullMQ. */
export function openQueue({ backend, url, name }: QueueAddress): Queue {
  if (backend === 'redis') return new Queue(name, { connection: redisConnection(url) }, createRedisBackend);
  // The backend is in the type, which nothing here depends on.
  const factory = createPostgresBackend as unknown as typeof createRedisBackend;
  return new Queue(name, { connection: queuePool(url, 4) }, factory);
}

export async function prepareQueue({ backend, url }: QueueAddress): Promise<void> {
  if (backend === 'redis') return;
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    await runMigrations(client, 'bullmq');
  } finally {
    await client.end();
  }
}

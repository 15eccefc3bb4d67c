import { randomBytes } from 'node:crypto';
import { freePort } from '../../src/embedded-postgres/ports.js';
import { Child } from '../child.js';
import { taskData, TYPE } from '../load/producer.js';
import type { QueueAddress } from '../queue.js';
import { JWT_SECRET, streamHead } from './credential.js';
import type { Target } from './target.js';

const API_KEY = randomBytes(16).toString('hex');

/** What Tidings stands on. */
export interface Ground {
  readonly backend: 'postgres' | 'redis';
  readonly databaseUrl: string;
  readonly redisUrl: string | null;
  readonly concurrency: number;
}

/** Starts the service as `npm start` does, with the settings of production. */
export async function startTidings({ backend, databaseUrl, redisUrl, concurrency }: Ground): Promise<Target> {
  const port = await freePort();
  const name = `Tidings, ${backend === 'redis' ? 'Redis' : 'Postgres'}`;
  const url = backend === 'redis' && redisUrl !== null ? redisUrl : databaseUrl;
  const queue: QueueAddress = { backend, url, name: `tidings-on-${backend}` };
  const child = await Child.start({
    name,
    script: 'dist/main.js',
    env: {
      PORT: String(port),
      HOST: '127.0.0.1',
      DATABASE_URL: databaseUrl,
      ...(backend === 'redis' && redisUrl !== null && { REDIS_URL: redisUrl }),
      TIDINGS_QUEUE: queue.name,
      AUTH_JWT_SECRET: JWT_SECRET,
      PRODUCER_API_KEYS: API_KEY,
      WORKER_CONCURRENCY: String(concurrency),
    },
    ready: /listens on http/,
  });
  return {
    name,
    child,
    queue,
    publishing: {
      port,
      head: `POST /v1/notifications HTTP/1.1\r\nHost: bench\r\nContent-Type: application/json\r\nX-API-Key: ${API_KEY}\r\n`,
      body: JSON.stringify({ type: TYPE, to: '$to', data: taskData('$task') }),
    },
    streams: async (users) => ({
      port,
      heads: await Promise.all(users.map((user) => streamHead('/v1/stream', user))),
      readyMark: 'event: feed.ready',
      firstId: '0',
    }),
  };
}

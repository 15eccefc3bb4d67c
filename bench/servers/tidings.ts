import { randomBytes } from 'node:crypto';
import { basename } from 'node:path';
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

/** How it is run. */
export interface Deployment {
  readonly delivery: 'direct' | 'queue';
  readonly processes: number;
  /** Instead of free ones. */
  readonly ports?: readonly number[];
  /** Modules that come before it. */
  readonly preloads?: readonly string[];
}

export const USUAL: Deployment = { delivery: 'direct', processes: 1 };

/** Starts the service as `npm start` does, with the settings of production. */
export async function startTidings(
  { backend, databaseUrl, redisUrl, concurrency }: Ground,
  { delivery, processes, ports: given = [], preloads = [] }: Deployment = USUAL,
): Promise<Target> {
  const ports = [...given];
  while (ports.length < processes) ports.push(await freePort());
  const name = nameOf(backend, { delivery, processes, preloads });
  const url = backend === 'redis' && redisUrl !== null ? redisUrl : databaseUrl;
  const queue: QueueAddress = { backend, url, name: `tidings-on-${backend}` };
  const child = await Child.start({
    name,
    preloads,
    script: processes === 1 ? 'dist/main.js' : 'bench/servers/many.mjs',
    env: {
      PORT: String(ports[0]),
      PORTS: ports.join(','),
      HOST: '127.0.0.1',
      DATABASE_URL: databaseUrl,
      ...(backend === 'redis' && redisUrl !== null && { REDIS_URL: redisUrl }),
      TIDINGS_DELIVERY: delivery,
      TIDINGS_QUEUE: queue.name,
      AUTH_JWT_SECRET: JWT_SECRET,
      PRODUCER_API_KEYS: `${API_KEY};audiences`,
      WORKER_CONCURRENCY: String(concurrency),
    },
    ready: processes === 1 ? /listens on http/ : /processes are up/,
  });
  return {
    name,
    child,
    queue,
    publishing: {
      ports,
      head: `POST /v1/notifications HTTP/1.1\r\nHost: bench\r\nContent-Type: application/json\r\nX-API-Key: ${API_KEY}\r\n`,
      body: JSON.stringify({ type: TYPE, to: '$to', data: taskData('$task') }),
    },
    streams: async (users) => ({
      ports,
      heads: await Promise.all(users.map((user) => streamHead('/v1/stream', user))),
      readyMark: 'event: feed.ready',
      firstId: '0',
    }),
  };
}

function nameOf(backend: 'postgres' | 'redis', { delivery, processes, preloads = [] }: Deployment): string {
  return [
    'Tidings',
    backend === 'redis' ? 'Redis' : 'Postgres',
    ...(delivery === 'queue' ? ['by the queue'] : []),
    ...(processes > 1 ? [`${processes} processes`] : []),
    ...preloads.map((path) => basename(path, '.mjs')),
  ].join(', ');
}

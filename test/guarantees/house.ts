import { describe } from '@jest/globals';
import { NestFactory } from '@nestjs/core';
import type { INestApplication } from '@nestjs/common';
import {
  createPostgresBackend,
  Queue,
  type createRedisBackend,
  type JobsOptions,
  type QueueOptions,
} from 'bullmq';
import { SignJWT } from 'jose';
import type { AddressInfo } from 'node:net';
import type { Server } from 'node:http';
import pg from 'pg';
import type { TidingsOptions } from '../../src/contract/options/options.js';
import { SHIPPED_TYPES } from '../../src/types/shipped/index.js';
import { TidingsModule } from '../../src/module/tidings.module.js';
import { IMPATIENT_WORKER } from '../support/impatient.js';
import { createMigratedDatabase, startPostgres, type PrivatePostgres } from '../support/postgres.js';
import { startRedis, type RedisServer } from '../support/redis.js';
import { connect, type SseClient, type SseFrame } from '../support/sse-client.js';
import { describeWith } from '../support/tools.js';

export const JWT_SECRET = 'a secret of the tests, with 32 bytes or more';
export const API_KEY = 'a-key-of-the-tests-1';
export type Backend = 'Postgres' | 'Redis';

/** Runs a suite on both backends; the one on Redis is skipped, and named, where there is no redis-server. */
export function onBothBackends(title: string, suite: (backend: Backend) => void): void {
  describe(`${title} (Postgres)`, () => suite('Postgres'));
  describeWith('redis-server', `${title} (Redis)`, () => suite('Redis'));
}

type PlainOptions = Omit<QueueOptions, 'connection'>;

interface PlainQueue {
  readonly queue: Queue;
  readonly close: () => Promise<void>;
}

/** One deployment: a database, a queue, and as many instances of the module as a test wants. */
export class House {
  private readonly instances: Instance[] = [];
  private plain: PlainQueue | null = null;
  private readonly connections: pg.Pool;

  private constructor(
    readonly databaseUrl: string,
    /** There if the test asked for a server of its own. */
    readonly postgres: PrivatePostgres | null,
    readonly redis: RedisServer | null,
    private readonly dropDatabase: () => Promise<void>,
  ) {
    this.connections = new pg.Pool({ connectionString: databaseUrl, max: 2 });
    this.connections.on('error', () => {}); // tests stop the server on purpose
  }

  /** `ownPostgres`: a server that the test may stop, freeze and restore. The Redis is always one of its own. */
  static async open(
    backend: Backend,
    options: { ownPostgres?: boolean; appendonly?: boolean } = {},
  ): Promise<House> {
    const redis = backend === 'Redis' ? await startRedis({ appendonly: options.appendonly ?? true }) : null;
    if (options.ownPostgres) {
      const postgres = await startPostgres();
      return new House(postgres.url, postgres, redis, () => postgres.stop('immediate'));
    }
    const database = await createMigratedDatabase();
    return new House(database.url, null, redis, () => database.drop());
  }

  /** Starts an instance of the module, with its HTTP interface on a free port. */
  async start(options: Partial<TidingsOptions> = {}): Promise<Instance> {
    const app = await NestFactory.create(
      TidingsModule.forRoot({
        database: { url: this.databaseUrl },
        redis: this.redis && { url: this.redis.url },
        types: [...SHIPPED_TYPES],
        ...options,
        worker: { ...IMPATIENT_WORKER, ...options.worker },
        stream: { retryMs: 50, headCheckMs: 1_000, ...options.stream },
        http: { jwt: { secret: JWT_SECRET }, producerApiKeys: [API_KEY], ...options.http },
      }),
      { logger: ['fatal'], abortOnError: false },
    );
    await app.listen(0, '127.0.0.1');
    const instance = new Instance(app);
    this.instances.push(instance);
    return instance;
  }

  /** A Queue of nothing but BullMQ, as a producer elsewhere has it. An instance must have run before. */
  queue(): Queue {
    this.plain ??= this.openQueue();
    return this.plain.queue;
  }

  /** One more, with options of BullMQ; the caller closes it. */
  openQueue(options: PlainOptions = {}): PlainQueue {
    return this.redis
      ? plainRedisQueue(this.redis.url, options)
      : plainPostgresQueue(this.databaseUrl, options);
  }

  /** Adds a `task-completed` job whose `taskId` says which one it is. */
  async add(
    to: string | string[],
    taskId: string,
    more: { dedupeKey?: string; tenant?: string } = {},
    opts?: JobsOptions,
  ): Promise<void> {
    await this.queue().add('task-completed', { to, data: task(taskId), ...more }, opts);
  }

  /** The same for many jobs, in one call. */
  async addMany(to: string, taskIds: readonly string[]): Promise<void> {
    await this.queue().addBulk(
      taskIds.map((id) => ({ name: 'task-completed', data: { to, data: task(id) } })),
    );
  }

  async sql<Row extends pg.QueryResultRow>(text: string, values: unknown[] = []): Promise<Row[]> {
    return (await this.connections.query<Row>(text, values)).rows;
  }

  async close(): Promise<void> {
    await this.plain?.close();
    await this.connections.end();
    await Promise.all(this.instances.map((instance) => instance.close()));
    await this.redis?.stop();
    await this.dropDatabase();
  }
}

/** One running instance. */
export class Instance {
  private readonly clients: SseClient[] = [];
  private closed: Promise<void> | null = null;
  readonly origin: string;

  constructor(readonly app: INestApplication) {
    const { port } = (app.getHttpServer() as Server).address() as AddressInfo;
    this.origin = `http://127.0.0.1:${port}`;
  }

  /** Opens a stream; resolves at its `feed.ready`. */
  async stream(recipient: string, options: { after?: string; query?: string } = {}): Promise<SseClient> {
    const client = await this.streamAnyhow(recipient, options.after, options.query);
    await client.waitFor(({ event }) => event === 'feed.ready');
    return client;
  }

  /** Opens a stream, whatever it then says. */
  async streamAnyhow(recipient: string, after?: string, query = ''): Promise<SseClient> {
    const headers: Record<string, string> = { authorization: `Bearer ${await token(recipient)}` };
    if (after !== undefined) headers['last-event-id'] = after;
    const client = await connect(`${this.origin}/v1/stream${query}`, { headers });
    this.clients.push(client);
    return client;
  }

  publish(body: object, headers: Record<string, string> = {}): Promise<Response> {
    return fetch(`${this.origin}/v1/notifications`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'x-api-key': API_KEY, ...headers },
      body: JSON.stringify(body),
    });
  }

  close(): Promise<void> {
    this.closed ??= (async () => {
      await this.app.close();
      await Promise.all(this.clients.map((client) => client.close()));
    })();
    return this.closed;
  }
}

export function task(taskId: string): { taskId: string; title: string; status: string } {
  return { taskId, title: `Task ${taskId}`, status: 'succeeded' };
}

/** The `taskId`s of the notifications among these blocks, in order. */
export function taskIds(frames: readonly SseFrame[]): string[] {
  return frames
    .filter(({ event, data }) => event === 'task-completed' && data !== null)
    .map(({ data }) => (JSON.parse(data!) as { data: { taskId: string } }).data.taskId);
}

/** The numbers in the ids of the entries among these blocks, in order. */
export function seqs(frames: readonly SseFrame[]): number[] {
  return frames
    .filter(({ id, event }) => id !== null && !event.startsWith('feed.'))
    .map(({ id }) => Number(id!.slice(id!.indexOf('-') + 1)));
}

/** Resolves when the client has this many notifications. */
export async function untilTasks(client: SseClient, count: number, timeoutMs = 15_000): Promise<string[]> {
  // Asked of every frame again: it must cost nothing but for the newest one.
  const enough = (): boolean =>
    client.frames.filter(({ event }) => event === 'task-completed').length >= count;
  await client.waitFor((frame) => frame === client.frames.at(-1) && enough(), { timeoutMs });
  return taskIds(client.frames);
}

export function numbered(count: number, prefix = ''): string[] {
  return Array.from({ length: count }, (_, index) => `${prefix}${index}`);
}

export function token(recipient: string): Promise<string> {
  return new SignJWT({ sub: recipient })
    .setProtectedHeader({ alg: 'HS256' })
    .setExpirationTime('1h')
    .sign(new TextEncoder().encode(JWT_SECRET));
}

function plainRedisQueue(url: string, options: PlainOptions): PlainQueue {
  const queue = new Queue('tidings', { ...options, connection: { url } });
  queue.on('error', () => {}); // tests stop the server on purpose
  return { queue, close: () => queue.close() };
}

function plainPostgresQueue(url: string, options: PlainOptions): PlainQueue {
  const pool = new pg.Pool({ connectionString: url, options: '-c search_path=bullmq', max: 2 });
  pool.on('error', () => {}); // tests stop the server on purpose
  // The types of the constructor know the default backend only, though it takes any.
  const backend = createPostgresBackend as unknown as typeof createRedisBackend;
  const queue = new Queue('tidings', { ...options, connection: pool }, backend);
  queue.on('error', () => {});
  return {
    queue,
    close: async () => {
      await queue.close();
      await pool.end();
    },
  };
}

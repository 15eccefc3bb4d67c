import { createPostgresBackend, Queue, type createRedisBackend } from 'bullmq';
import pg from 'pg';
import { mintToken } from '../../src/service/development-credentials.js';
import { IMPATIENT_SERVICE } from './impatient.js';
import { createMigratedDatabase, type TestDatabase } from './postgres.js';
import { startRedis, type RedisServer } from './redis.js';
import { spawnService, type ServiceProcess } from './service.js';

/** A busy machine takes many times as long as an idle one. */
const START_MS = 60_000;
const SECRET = 'a secret of the tests, with 32 bytes or more';
/** The cookie that a deployment's processes take a token from. */
export const COOKIE = 'session';
export const PRODUCER_KEY = 'a-key-of-the-tests-1';

/** What several processes of the service have in common: a database, a Redis if wanted, and one way to sign in. */
export class Deployment {
  private plain: { queue: Queue; close: () => Promise<unknown> } | null = null;
  private readonly connections: pg.Pool;

  private constructor(
    private readonly database: Pick<TestDatabase, 'url' | 'drop'>,
    private readonly redis: RedisServer | null,
  ) {
    this.connections = new pg.Pool({ connectionString: database.url, max: 2 });
    // The next statement fails, or not.
    this.connections.on('error', () => {});
  }

  static async open(
    backend: 'postgres' | 'redis',
    database: Pick<TestDatabase, 'url' | 'drop'> | null = null,
  ): Promise<Deployment> {
    return new Deployment(
      database ?? (await createMigratedDatabase()),
      backend === 'redis' ? await startRedis() : null,
    );
  }

  /** Starts a process of it, with these variables besides; resolves when it listens. */
  async start(env: Record<string, string> = {}): Promise<ServiceProcess> {
    const service = await spawnService({
      DATABASE_URL: this.database.url,
      REDIS_URL: this.redis?.url ?? '',
      HOST: '127.0.0.1',
      AUTH_JWT_SECRET: SECRET,
      AUTH_COOKIE: COOKIE,
      PRODUCER_API_KEYS: PRODUCER_KEY,
      ...IMPATIENT_SERVICE,
      ...env,
    });
    await service.says(/listens on http/, START_MS);
    return service;
  }

  token(recipient: string, lifetimeSeconds = 3_600): Promise<string> {
    return mintToken(SECRET, recipient, lifetimeSeconds);
  }

  /** Adds jobs as a producer elsewhere does that knows nothing but BullMQ. A process must have run before. */
  async add(to: string, ...taskIds: string[]): Promise<void> {
    this.plain ??= this.redis ? redisQueue(this.redis.url) : postgresQueue(this.database.url);
    await this.plain.queue.addBulk(
      taskIds.map((taskId) => ({
        name: 'task-completed',
        data: { to, data: { taskId, title: `Task ${taskId}`, status: 'succeeded' } },
      })),
    );
  }

  async sql(text: string): Promise<Record<string, unknown>[]> {
    return (await this.connections.query<Record<string, unknown>>(text)).rows;
  }

  /** A session in its database. Release it before you close. */
  session(): Promise<pg.PoolClient> {
    return this.connections.connect();
  }

  /** Stop its processes first. */
  async close(): Promise<void> {
    await this.plain?.close();
    await this.connections.end();
    await this.redis?.stop();
    await this.database.drop();
  }
}

function redisQueue(url: string) {
  const queue = new Queue('tidings', { connection: { url } });
  return { queue, close: () => queue.close() };
}

function postgresQueue(url: string) {
  const pool = new pg.Pool({ connectionString: url, options: '-c search_path=bullmq', max: 2 });
  // The constructor's types know the default backend only, though it takes any.
  const backend = createPostgresBackend as unknown as typeof createRedisBackend;
  const queue = new Queue('tidings', { connection: pool }, backend);
  return { queue, close: () => queue.close().then(() => pool.end()) };
}

import pg from 'pg';
import { mintToken } from '../../../src/service/development-credentials.js';
import { startPostgres, type PrivatePostgres } from '../../support/postgres.js';
import { freePort } from '../../support/ports.js';
import { startRedis, type RedisServer } from '../../support/redis.js';
import { buildService } from '../../support/service.js';
import { withoutMessages, withoutNotifications } from './filters.js';
import { ManagedService } from './managed-service.js';
import { Proxy } from './proxy.js';
import { now, Timeline } from './timeline.js';

export type Backend = 'postgres' | 'redis';

export const API_KEY = 'a-key-of-the-proof-1';
/** The process that sends everything over the queue. */
const QUEUEING = 'api-3';
const SECRET = 'a secret of the proof, with 32 bytes or more';
/** Longer than any clock is moved. */
const TOKEN_SECONDS = 7 * 86_400;

/** One process with its own ways to the servers behind it. */
export interface House {
  readonly service: ManagedService;
  readonly toPostgres: Proxy;
  readonly toRedis: Proxy | null;
  /** Its own port. */
  readonly port: number;
  /** The clients' way to it. */
  readonly door: Proxy;
}

/** A deployment of real processes on loopback: Postgres, Redis, two workers, three API processes (of which one sends everything over the queue), and a breakable way between any two. */
export class World {
  /** The bus's messages do not arrive. */
  busIsLossy = false;
  private wideOpen: pg.Pool;

  private constructor(
    readonly backend: Backend,
    /** Notifications that the retention leaves in each feed. */
    readonly keep: number,
    readonly timeline: Timeline,
    /** The primary. */
    public postgres: PrivatePostgres,
    /** The one that queue and bus are on now. */
    public redis: RedisServer | null,
    readonly houses: readonly House[],
    /** The producers' way to the queue. */
    readonly toQueue: Proxy,
    /** The way of producers that send in transactions to the log. */
    private readonly toLog: Proxy,
  ) {
    this.wideOpen = this.pool();
  }

  /** @param keep Notifications kept for each feed; older ones are trimmed within a second or two. */
  static async open(backend: Backend, keep: number): Promise<World> {
    const [main, postgres, redis] = await Promise.all([
      buildService(),
      startPostgres(),
      backend === 'redis' ? startRedis({ appendonly: true }) : null,
    ]);
    const timeline = new Timeline();
    let world: World | null = null;
    const lossy = (): boolean => world?.busIsLossy ?? false;
    const houses: House[] = [];
    for (const name of ['api-1', 'api-2', QUEUEING, 'worker-1', 'worker-2']) {
      const role = name.startsWith('api') ? 'api' : 'worker';
      const toPostgres = await Proxy.start(postgres.port, () => withoutNotifications(lossy));
      const toRedis = redis && (await Proxy.start(redis.port, () => withoutMessages(lossy)));
      const port = await freePort();
      const env = {
        PORT: String(port),
        HOST: '127.0.0.1',
        TIDINGS_ROLES: role,
        TIDINGS_DELIVERY: name === QUEUEING ? 'queue' : 'direct',
        DATABASE_URL: via(postgres.url, toPostgres),
        REDIS_URL: toRedis ? `redis://127.0.0.1:${toRedis.port}` : '',
        AUTH_JWT_SECRET: SECRET,
        AUTH_AUDIENCES_CLAIM: 'scenario',
        PRODUCER_API_KEYS: `${API_KEY};audiences`,
        RETENTION_MAX_ENTRIES: String(keep),
        STREAM_HEARTBEAT_MS: '2000',
      };
      const service = new ManagedService(name, role, main, env, timeline);
      houses.push({ service, toPostgres, toRedis, port, door: await Proxy.start(port) });
    }
    const toQueue = await Proxy.start((redis ?? postgres).port);
    const toLog = await Proxy.start(postgres.port);
    world = new World(backend, keep, timeline, postgres, redis, houses, toQueue, toLog);
    await Promise.all(houses.map(({ service }) => service.start()));
    return world;
  }

  get apis(): readonly House[] {
    return this.houses.filter(({ service }) => service.role === 'api');
  }

  get workers(): readonly House[] {
    return this.houses.filter(({ service }) => service.role === 'worker');
  }

  /** Every way between a service or a producer and the server of this kind. */
  waysTo(server: 'postgres' | 'redis'): Proxy[] {
    const ways = this.houses.map(({ toPostgres, toRedis }) => (server === 'postgres' ? toPostgres : toRedis));
    const producers = [
      this.backend === server ? this.toQueue : null,
      server === 'postgres' ? this.toLog : null,
    ];
    return [...ways, ...producers].filter((way) => way !== null);
  }

  /** The queue as producers see it. */
  get queueUrl(): string {
    return this.redis ? `redis://127.0.0.1:${this.toQueue.port}` : via(this.postgres.url, this.toQueue);
  }

  /** The log as producers see it that send in transactions. */
  get logUrl(): string {
    return via(this.postgres.url, this.toLog);
  }

  /** @param scenario The audience of the recipient. */
  token(recipient: string, scenario: string): Promise<string> {
    return mintToken(SECRET, recipient, TOKEN_SECONDS, { scenario });
  }

  /** Asks the database directly, past all proxies, as its owner. */
  async sql<Row extends pg.QueryResultRow>(text: string, values: unknown[] = []): Promise<Row[]> {
    return (await this.wideOpen.query<Row>(text, values)).rows;
  }

  /** A connection of its own for a transaction; to be ended by the caller. */
  async connect(): Promise<pg.Client> {
    const client = new pg.Client(this.postgres.url);
    client.on('error', () => {});
    await client.connect();
    return client;
  }

  /** Leads everyone to another Redis, which is empty. The former one is stopped. */
  async moveToRedis(appendonly: boolean): Promise<void> {
    const former = this.redis;
    this.redis = await startRedis({ appendonly });
    for (const way of this.waysTo('redis')) way.retarget(this.redis.port);
    await former?.stop();
    this.timeline.add(
      `everyone was led to a new Redis ${appendonly ? 'with' : 'without'} an append-only file`,
    );
  }

  /** Leads everyone to another primary. */
  async moveToPostgres(primary: PrivatePostgres): Promise<void> {
    this.postgres = primary;
    for (const way of this.waysTo('postgres')) way.retarget(primary.port);
    const former = this.wideOpen;
    this.wideOpen = this.pool();
    this.timeline.add('everyone was led to another Postgres');
    await former.end();
  }

  /** Ends what faults there are and starts what does not run. */
  async heal(): Promise<void> {
    this.busIsLossy = false;
    for (const { toPostgres, toRedis, door } of this.houses) {
      for (const way of [toPostgres, toRedis, door]) way?.heal();
    }
    this.toQueue.heal();
    this.toLog.heal();
    await Promise.all(this.houses.map(({ service }) => service.isUp()));
  }

  async close(): Promise<void> {
    await this.wideOpen.end();
    await Promise.all(this.houses.map(({ service }) => service.stop()));
    const ways = this.houses.flatMap(({ toPostgres, toRedis, door }) => [toPostgres, toRedis, door]);
    await Promise.all([...ways, this.toQueue, this.toLog].map(async (way) => way?.close()));
    await this.redis?.stop();
    await this.postgres.stop('immediate');
    this.timeline.add(`the world was closed after ${now()} ms`);
  }

  private pool(): pg.Pool {
    const pool = new pg.Pool({ connectionString: this.postgres.url, max: 3, query_timeout: 30_000 });
    pool.on('error', () => {});
    return pool;
  }
}

function via(url: string, proxy: Proxy): string {
  const result = new URL(url);
  result.port = String(proxy.port);
  return result.href;
}

import type { AnyNotificationType } from '../model/notification-type.js';
import type { PostgresPool, RedisConnectionLike, RedisPlace } from './connections.js';
import type { FeedKey } from '../model/feed.js';
import type { Escalation, Hooks } from '../model/hooks.js';
import type { Metrics } from '../ports/metrics.js';

/** What a module does in this process, besides producing, which it always can. */
export type Role = 'api' | 'worker';

/** What becomes of our tables at the start, see {@link DatabaseSettings.migrate}. */
export type MigrateMode = 'auto' | 'check' | 'off';

/** How Postgres is used, wherever it is. */
export interface DatabaseSettings {
  /**
   * The schema of our tables, of its own. Default `tidings`. BullMQ's are in `bullmq`, where its own producers look: two installations in one
   * database need two names for their queues as well (`queue.name`).
   */
  schema?: string;
  /**
   * `auto`: brings our tables and BullMQ's up to date at the start. `check`: starts only if they are; take it where the application's role may not
   * create tables, and run `npx tidings migrate` in the deployment, with `--queue` where `queue.name` is not the default: BullMQ has a sequence for
   * each queue. `off`: does not look. Default `auto`. docs/module.md has all rights that the role then needs.
   */
  migrate?: MigrateMode;
  /**
   * Connections of this process to the log. LISTEN has one more, in a worker two; the queue on Postgres up to 12, that of escalations as many
   * again. Default 10. Raise it when appends wait while the database is idle; with a `pool` that is its own affair.
   */
  poolSize?: number;
  /** A query that takes longer counts as an outage. Default 10,000. Raise it on slow disks, not for slow pages. */
  queryTimeoutMs?: number;
}

/** Postgres, where the log is: an address, or the host's own pool. */
export type DatabaseOptions = DatabaseSettings &
  (
    | {
        /** `postgres://user:password@host:port/database`. */
        url: string;
        pool?: undefined;
      }
    | {
        /**
         * A `pg.Pool` of the host, for the statements of the log; never ended by us. What needs a session with settings of its own (LISTEN, BullMQ,
         * migrations) connects with the pool's address and credentials.
         */
        pool: PostgresPool;
        url?: undefined;
      }
  );

/** Redis, for queue and bus. */
export type RedisOptions =
  | {
      /** `redis://user:password@host:port/db`, or `rediss://`. */
      url: string;
      nodes?: undefined;
      connection?: undefined;
    }
  | {
      /**
       * A Redis Cluster (Redis 7 or newer): the urls of some of its nodes, from which the others are learnt, all with the same user, password and
       * scheme.
       */
      nodes: readonly string[];
      url?: undefined;
      connection?: undefined;
    }
  | {
      /**
       * An ioredis connection of the host, a `Redis` or a `Cluster`, which says where Redis is and as whom. Ours are made with its address and
       * credentials, because a subscriber, a worker and a producer need settings that exclude each other; the host's is neither used nor ended.
       */
      connection: RedisConnectionLike;
      url?: undefined;
      nodes?: undefined;
    };

/** BullMQ's queue. */
export interface QueueOptions {
  /** Default `tidings`. Change it when another installation uses the same Redis or database. */
  name?: string;
  /**
   * What the keys in Redis begin with: BullMQ's own `prefix`, and plain producers need the same. Default `bull`; on a Redis Cluster `{bull}`, because
   * there all keys of a queue must be in one slot: one with `{` and `}` around a part of it. Of no meaning on Postgres.
   */
  prefix?: string;
  /** An enqueue that takes longer is answered 503. Default 5,000. Lower it where callers cannot wait. */
  enqueueTimeoutMs?: number;
}

/** The worker that turns jobs into entries. */
export interface WorkerOptions {
  /**
   * Jobs at the same moment; they share transactions, so that a high number is cheap. Default 100. Lower it if `render` is heavy.
   */
  concurrency?: number;
  /**
   * How long a job of an unknown type waits for a worker that knows it. Default 900,000. Raise it if a rolling deploy takes longer.
   */
  unknownTypeRetryMs?: number;
  /**
   * BullMQ's `lockDuration`: a running job is locked for this long, and the lock is renewed at half of it. Default 15,000. Raise it if the event loop
   * of the process blocks for seconds; a job whose lock expires runs twice, and the log drops the second.
   */
  lockDurationMs?: number;
  /**
   * BullMQ's `stalledInterval`: how often jobs without a lock are looked for. Those of a worker that was killed run again after at most
   * `lockDurationMs` and two of these intervals. Default 10,000.
   */
  stalledIntervalMs?: number;
}

/** The SSE streams. */
export interface StreamOptions {
  /**
   * A comment this often, jittered by a fifth, so that proxies keep idle streams. Default 15,000. Lower it below the shortest idle limit
   * on the way (`npx tidings doctor --url` finds it).
   */
  heartbeatMs?: number;
  /** Streams of one recipient on this instance; the newest is told `busy`. `null`: no limit. Default 20. */
  maxPerRecipient?: number | null;
  /** A reader that takes nothing for so long is ended. Default 60,000. Raise it for readers behind very slow links. */
  stalledAfterMs?: number;
  /** The reconnect delay told to clients, jittered by a half each way. Default 2,000. Raise it to soften reconnect storms. */
  retryMs?: number;
  /**
   * The heads of all connected feeds are compared with the log this often: the longest delay after a lost message. Default 5,000.
   */
  headCheckMs?: number;
}

/** How long entries are kept; whatever limit is reached first. */
export interface RetentionOptions {
  /** Entries older than this are trimmed. `null`: no limit by age. Default 30. */
  days?: number | null;
  /** Notifications kept for each feed. `null`: no limit by number. Default 1,000. */
  maxEntries?: number | null;
  /** How often the sweep looks for what is due. Default 60,000. Of interest to tests alone. */
  sweepMs?: number;
  /** Dedupe keys are kept this long. Default 90. Raise it above the longest time after which a producer may repeat a job. */
  dedupeKeyDays?: number;
}

/** Verified JWTs: exactly one of `secret` and `jwksUrl`. */
export interface JwtOptions {
  /** HS256, at least 32 bytes. */
  secret?: string;
  /** Keys are fetched and cached from here; requires `issuer` and `audience`. */
  jwksUrl?: string;
  issuer?: string;
  audience?: string;
  /** Also take the token from this cookie: from allowed origins, and from the same origin (`Sec-Fetch-Site`). */
  cookie?: string;
  /** The claim that names the tenant. Without it every token is of the tenant `''`. */
  tenantClaim?: string;
}

/** Who is asking, as a host's own `identify` says. */
export interface Identity extends Partial<FeedKey> {
  recipient: string;
  /** When the session ends, and the stream with it. Without it `identify` is asked again, see {@link HttpOptions.revalidateMs}. */
  expiresAt?: Date | null;
}

/** The HTTP interface. */
export interface HttpOptions {
  /** Our own JWTs. Exactly one of `jwt` and `identify`, where the role `api` is on. */
  jwt?: JwtOptions;
  /**
   * The host's way to know the recipient, behind its own guards; `request` is Express' or Fastify's. `null` is answered 401. For a stream it may be called
   * again with the same request, so it must look the session up, and not only at what a guard has put on the request.
   */
  // A method, so that a host may write the type of its own requests.
  identify?(request: unknown): Identity | null | Promise<Identity | null>;
  /**
   * How often `identify` is asked again for a stream whose identity has no `expiresAt`: a stream whose session has ended lives on for so long at most. An
   * `identify` that throws something else than a 401 or 403 changes nothing. `null`: never. Default 60,000.
   */
  revalidateMs?: number | null;
  /** Origins such as `https://app.example.com` that may send `jwt.cookie`; CORS, and what `identify` takes, is the host's own. Default none. */
  allowedOrigins?: string[];
  /** Keys of producers; without one nobody can publish over HTTP. Default none. */
  producerApiKeys?: string[];
  /** Keys of those who may look at any feed, which is logged; see `SupportView`. Default none. */
  supportApiKeys?: string[];
  /** Keys of those who may erase recipients and tenants. Default none. */
  adminApiKeys?: string[];
}

/**
 * Says the language of each of these recipients, in order: BCP 47 tags; `null`, or a tag that is none, is `en`. Called for the jobs that run
 * at the same moment together, each recipient once: make it one query. When it fails, or takes longer than 10 s, the jobs are tried again.
 */
export type ResolveLocales = (
  recipients: readonly FeedKey[],
) => readonly (string | null | undefined)[] | Promise<readonly (string | null | undefined)[]>;

/** See {@link TidingsOptions.delivery}. */
export type DeliveryMode = 'direct' | 'queue';

/** The options of {@link TidingsModule}. */
export interface TidingsOptions {
  /**
   * `api`: streams and the HTTP interface. `worker`: turns jobs into entries, and trims. `[]`: only producers, for a process that calls `notify` and
   * nothing else. Default both.
   */
  roles?: Role[];
  database: DatabaseOptions;
  /** Queue and bus on Redis instead of Postgres. Default `null`: both on Postgres. */
  redis?: RedisOptions | null;
  /**
   * How `notify` and `POST /v1/notifications` deliver what is not due later. `direct`: this process appends to the log by itself and answers when
   * that is committed; what the log cannot take now goes to the queue. `queue`: always by the queue, for processes that must not append.
   * Default `direct`.
   */
  delivery?: DeliveryMode;
  queue?: QueueOptions;
  worker?: WorkerOptions;
  stream?: StreamOptions;
  retention?: RetentionOptions;
  http?: HttpOptions;
  /** The declared types of notifications, see `defineNotification`. */
  types: AnyNotificationType[];
  /**
   * The languages of recipients, for `render(data, {locale})`. Default: `en` for all. A job with many recipients is rendered once for each
   * language among them.
   */
  resolveLocales?: ResolveLocales;
  /** What the host wants to hear of, see {@link Hooks}. Default: nothing. */
  hooks?: Hooks;
  /**
   * What is to be done about notifications that stay unread, see {@link Escalation}; by processes with the role `worker`. Processes that send with
   * `delivery: 'direct'` need the same rules. Default: nothing.
   */
  escalations?: readonly Escalation[];
  /** Where the stages count. Default: nowhere. */
  metrics?: Metrics;
}

/** {@link DatabaseOptions} with every default filled in; `postgresAddress` says where connections of our own go. */
export interface ResolvedDatabase extends Resolved<DatabaseSettings> {
  /** `null`: there is a `pool`. */
  readonly url: string | null;
  readonly pool: PostgresPool | null;
}

type Resolved<T> = { readonly [K in keyof T]-?: Exclude<T[K], undefined> };

/** {@link TidingsOptions} with every default filled in. */
export interface ResolvedOptions {
  readonly roles: readonly Role[];
  readonly delivery: DeliveryMode;
  readonly database: ResolvedDatabase;
  readonly redis: RedisPlace | null;
  readonly queue: Resolved<QueueOptions>;
  readonly worker: Resolved<WorkerOptions>;
  readonly stream: Resolved<StreamOptions>;
  readonly retention: Resolved<RetentionOptions>;
  readonly http: Resolved<
    Pick<
      HttpOptions,
      'allowedOrigins' | 'producerApiKeys' | 'supportApiKeys' | 'adminApiKeys' | 'revalidateMs'
    >
  > &
    Pick<HttpOptions, 'jwt' | 'identify'>;
  readonly types: readonly AnyNotificationType[];
  readonly resolveLocales: ResolveLocales | null;
  readonly hooks: Hooks;
  readonly escalations: readonly Escalation[];
  readonly metrics: Metrics;
}

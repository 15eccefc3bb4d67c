import type { AnyNotificationType } from '../model/notification-type.js';
import type { PostgresPool, RedisConnectionLike, RedisPlace } from './connections.js';
import type { FeedKey } from '../model/feed.js';
import type { Escalation, Hooks } from '../model/hooks.js';
import type { ProducerApiKey } from '../model/producer-key.js';
import type { Metrics } from '../ports/metrics.js';
import type { Tracing } from '../ports/tracing.js';

/** A task of the module in this process. Producing needs no role. */
export type Role = 'api' | 'worker';

/** How the schema is handled at the start, see {@link DatabaseSettings.migrate}. */
export type MigrateMode = 'auto' | 'check' | 'off';

/** Settings of Postgres, for both forms of address. */
export interface DatabaseSettings {
  /**
   * The schema of Tidings' tables. Default `tidings`. BullMQ's tables are in `bullmq`, where its own
   * producers look, so two installations in one database also need
   * different queue names (`queue.name`).
   */
  schema?: string;
  /**
   * `auto`: brings Tidings' and BullMQ's tables up to date at the start. `check`: starts only if they are.
   * Use it if the application's role may not create tables, and run
   * `npx tidings migrate` on deploy, with `--queue` unless `queue.name` is the default, because BullMQ has a
   * sequence per queue. `off`: no check. Default `auto`.
   * docs/module.md lists the privileges that the role then needs.
   */
  migrate?: MigrateMode;
  /**
   * The number of this process's connections to the log. LISTEN uses one more; the queue on Postgres uses up to 12, the escalation queue as
   * many again. Default 10, at least 2: the relay of the outbox holds one while it appends. Raise it if appends wait while the database is
   * idle. Ignored with a `pool`, which has its own limit.
   */
  poolSize?: number;
  /** A query that takes longer counts as an outage. Default 10,000. Raise it for slow disks, not for slow pages. */
  queryTimeoutMs?: number;
  /**
   * Another address of the same database, without a pooler in transaction mode: for LISTEN and, without Redis, for BullMQ, which need
   * sessions of their own. Default: the address of the log.
   */
  directUrl?: string | null;
}

/** The Postgres database of the log: an address, or the application's own pool. */
export type DatabaseOptions = DatabaseSettings &
  (
    | {
        /** `postgres://user:password@host:port/database`. */
        url: string;
        pool?: undefined;
      }
    | {
        /**
         * The application's `pg.Pool`, used for the log's statements and never ended by Tidings. LISTEN,
         * BullMQ and migrations need sessions with other settings and connect with
         * the pool's address and credentials.
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
       * A Redis Cluster (Redis 7 or newer): the URLs of some of its nodes, all with the same user, password
       * and scheme; the others are discovered.
       */
      nodes: readonly string[];
      url?: undefined;
      connection?: undefined;
    }
  | {
      /**
       * The application's ioredis connection, a `Redis` or a `Cluster`. Tidings opens its own connections
       * with its address and credentials, because a subscriber, a worker and a
       * producer need conflicting settings; the given connection is neither used nor closed.
       */
      connection: RedisConnectionLike;
      url?: undefined;
      nodes?: undefined;
    };

/** BullMQ's queue. */
export interface QueueOptions {
  /** Default `tidings`. Change it if another installation uses the same Redis or database. */
  name?: string;
  /**
   * The prefix of the keys in Redis: BullMQ's own `prefix`, which plain producers must use too. Default
   * `bull`; on a Redis Cluster `{bull}`, because all keys of a queue must be
   * in one slot there, so it needs a part in braces. Ignored on Postgres.
   */
  prefix?: string;
  /** An enqueue that takes longer fails with 503. Default 5,000. Lower it if callers cannot wait. */
  enqueueTimeoutMs?: number;
}

/** The actions that recipients choose. */
export interface ActionsOptions {
  /**
   * The queue that gets a job for each chosen action, on the same backend as `queue`; see {@link ActionJob}. It is the
   * application's: its own worker takes the jobs. Set it in all processes that answer recipients. Default `null`: no
   * jobs, only `hooks.onAction`.
   */
  queue?: string | null;
}

/** The worker that turns jobs into entries. */
export interface WorkerOptions {
  /**
   * The number of concurrent jobs. They share transactions, so a high number is cheap. Default 100. Lower it
   * if `render` is heavy.
   */
  concurrency?: number;
  /**
   * How long a job of an unknown type is retried until a worker knows the type. Default 900,000. Raise it if
   * a rolling deploy takes longer.
   */
  unknownTypeRetryMs?: number;
  /**
   * BullMQ's `lockDuration`: how long a running job is locked; the lock is renewed at half of it. Default
   * 15,000. Raise it if the process' event loop blocks for seconds: a
   * job whose lock expires runs twice, and the log drops the second run.
   */
  lockDurationMs?: number;
  /**
   * BullMQ's `stalledInterval`: how often to look for jobs without a lock. Jobs of a killed worker run again
   * after at most `lockDurationMs` and two of these intervals.
   * Default 10,000.
   */
  stalledIntervalMs?: number;
}

/** The SSE streams. */
export interface StreamOptions {
  /**
   * The interval of heartbeat comments, which keep idle streams open in proxies; jittered by a fifth. Default
   * 15,000. Set it below the shortest idle timeout on the way
   * (`npx tidings doctor --url` finds it).
   */
  heartbeatMs?: number;
  /**
   * The maximum number of one recipient's streams, with Redis over all instances, else on each; the newest is
   * closed with `busy`. `null`: no limit. Default 20.
   */
  maxPerRecipient?: number | null;
  /**
   * A stream whose reader takes nothing for this long is closed. Default 60,000. Raise it for readers behind
   * very slow links.
   */
  stalledAfterMs?: number;
  /**
   * The reconnect delay sent to clients, jittered by half in both directions. Default 2,000. Raise it to
   * soften reconnect storms. An instance that shuts down with more than 500 streams for each second of it
   * spreads them over more time: 500 a second.
   */
  retryMs?: number;
  /**
   * How often the heads of all connected feeds are compared with the log: the longest delay after a lost
   * message. Default 5,000.
   */
  headCheckMs?: number;
}

/** Audiences, see docs/audiences.md. */
export interface AudienceOptions {
  /**
   * The time over which an instance takes an entry of an audience into the feeds that it has streams of. Default
   * 2,000. Raise it if an announcement to many connected recipients slows down everything else; up to 250 are served
   * at once in any case.
   */
  spreadMs?: number;
}

/** How long entries are kept; the limit reached first applies. */
export interface RetentionOptions {
  /** Older entries are trimmed. `null`: no limit by age. Default 30. */
  days?: number | null;
  /** The maximum number of notifications per feed. `null`: no limit. Default 1,000. */
  maxEntries?: number | null;
  /** How often retention runs. Default 60,000. Only useful in tests. */
  sweepMs?: number;
  /**
   * How long dedupe keys are kept. Default 90. Raise it above the longest time after which a producer may
   * repeat a job.
   */
  dedupeKeyDays?: number;
}

/** Web Push, to browsers that are closed; needs the package `web-push`, an optional peer. See docs/browser.md. */
export interface PushOptions {
  /** Whom push services write to if they have a problem: `mailto:ops@example.com`, or an https URL. */
  subject: string;
  /** The VAPID keys, base64url: `npx tidings vapid` makes them. With other keys, browsers have to subscribe again. */
  publicKey: string;
  privateKey: string;
  /**
   * A notification is pushed that was not seen on any device for this long. Default 20,000. Raise it if people who
   * have the page open are pushed too often.
   */
  afterMs?: number;
  /** The types that are pushed. Default: all. */
  types?: readonly AnyNotificationType[];
  /** The browsers of one recipient; those that subscribed longest ago leave. Default 10. */
  maxPerRecipient?: number;
  /**
   * The push services that are allowed: host names, or `*.` and a domain, such as `*.push.apple.com`. Default `null`: any
   * on the public internet.
   */
  allowedHosts?: string[] | null;
  /** Allows push services at 127.0.0.1 and [::1], also over http: for tests alone. Default `false`. */
  allowLoopback?: boolean;
}

/** The verification of JWTs. Requires exactly one of `secret` and `jwksUrl`. */
export interface JwtOptions {
  /** The HS256 secret, at least 32 bytes. */
  secret?: string;
  /** The URL of the key set, fetched and cached; requires `issuer` and `audience`. */
  jwksUrl?: string;
  /**
   * How long the last keys are used while the key server fails. Default 21,600,000 (6 hours). Lower it if withdrawn keys must be refused sooner
   * even then.
   */
  jwksStaleIfErrorMs?: number;
  issuer?: string;
  audience?: string;
  /** The `typ` in the header of tokens, such as `at+jwt` (RFC 9068). Default: none, `JWT` or `at+jwt`. */
  typ?: string;
  /** Tokens are valid for this long after their `iat`, which they must then have. Default: until their `exp` alone. */
  maxAgeSeconds?: number;
  /** A cookie that may also contain the token: from allowed origins and from the same origin (`Sec-Fetch-Site`). */
  cookie?: string;
  /** The claim that contains the tenant. Default: every token belongs to the tenant `''`. */
  tenantClaim?: string;
  /**
   * The claim that contains the recipient's audiences: a list of up to 100 names, or one name. A token without it
   * belongs to `all` only. Default: none.
   */
  audiencesClaim?: string;
}

/** The authenticated recipient, returned by the application's `identify`. */
export interface Identity extends Partial<FeedKey> {
  recipient: string;
  /** The recipient's audiences besides `all`, up to 100 names. Default: none. */
  audiences?: readonly string[];
  /**
   * When the session, and thus the stream, ends. Without it `identify` is called again, see {@link
   * HttpOptions.revalidateMs}.
   */
  expiresAt?: Date | null;
}

/** The HTTP interface. */
export interface HttpOptions {
  /** Verifies JWTs. The role `api` requires exactly one of `jwt` and `identify`. */
  jwt?: JwtOptions;
  /**
   * Identifies the recipient, behind the application's own guards; `request` is Express' or Fastify's. `null`
   * means 401. It may be called again with the same request while a stream is
   * open, so it must look the session up instead of relying on what a guard added to the request.
   */
  // A method, so that an application may declare its own request type.
  identify?(request: unknown): Identity | null | Promise<Identity | null>;
  /**
   * How often `identify` is called again for a stream without `expiresAt`, which is thus the longest time
   * that a stream outlives its session. An error other than a 401 or 403
   * changes nothing. `null`: never. Default 60,000.
   */
  revalidateMs?: number | null;
  /**
   * Origins, such as `https://app.example.com`, that may send `jwt.cookie`. CORS, and the credentials for
   * `identify`, are up to the application. Default none.
   */
  allowedOrigins?: string[];
  /**
   * The keys of producers; without any, publishing over HTTP is disabled. A key may have a name, a tenant and scopes: as `name:key@tenant;scope`
   * or as an object. Default none.
   */
  producerApiKeys?: (string | ProducerApiKey)[];
  /**
   * The requests of one producer key that are answered, a second; ten times as many may come at once. More are refused with 429. On Redis, all
   * instances count together. `null`: no limit. Default `null`.
   */
  producerRequestsPerSecond?: number | null;
  /**
   * The same for each recipient: pages, changes and openings of streams. Default 10, so 100 at once. Raise it if many people share one
   * recipient.
   */
  recipientRequestsPerSecond?: number | null;
  /** The keys of the support team, who may view any feed, which is logged; see `SupportView`. Default none. */
  supportApiKeys?: string[];
  /** The keys of admins, who may erase recipients and tenants. Default none. */
  adminApiKeys?: string[];
}

/**
 * Returns the languages of these recipients, in order: BCP 47 tags. `null` and invalid tags mean `en`. Jobs
 * that run at the same time share a call, with each recipient once: make it
 * one query. If it fails or takes longer than 10 s, the jobs are retried.
 */
export type ResolveLocales = (
  recipients: readonly FeedKey[],
) => readonly (string | null | undefined)[] | Promise<readonly (string | null | undefined)[]>;

/** See {@link TidingsOptions.delivery}. */
export type DeliveryMode = 'direct' | 'queue';

/** The options of {@link TidingsModule}. */
export interface TidingsOptions {
  /**
   * `api`: streams and the HTTP interface. `worker`: turns jobs into entries, and runs retention. `[]`: only
   * producers, for a process that just calls `notify`. Default both.
   */
  roles?: Role[];
  database: DatabaseOptions;
  /** Puts queue and bus on Redis instead of Postgres. Default `null`: both on Postgres. */
  redis?: RedisOptions | null;
  /**
   * How `notify` and `POST /v1/notifications` deliver notifications that are due. `direct`: this process
   * appends to the log and answers after the commit; if the log is
   * unavailable or busy, the job goes to the queue. `queue`: always through the queue, for processes that
   * must not append. Default `direct`.
   */
  delivery?: DeliveryMode;
  queue?: QueueOptions;
  actions?: ActionsOptions;
  worker?: WorkerOptions;
  stream?: StreamOptions;
  audience?: AudienceOptions;
  retention?: RetentionOptions;
  http?: HttpOptions;
  /** The declared notification types, see `defineNotification`. */
  types: AnyNotificationType[];
  /**
   * Returns the languages of recipients, for `render(data, {locale})`. Default: `en` for all. A job is
   * rendered once for each language of its recipients.
   */
  resolveLocales?: ResolveLocales;
  /** Called after commits, see {@link Hooks}. Default: none. */
  hooks?: Hooks;
  /**
   * Handlers for notifications that stay unread, see {@link Escalation}; they run in processes with the role
   * `worker`. Processes that send with `delivery: 'direct'` need the same
   * rules. Default: none.
   */
  escalations?: readonly Escalation[];
  /**
   * Web Push. It is an escalation, too, so that the processes that need `escalations` need it. Default `null`: off.
   */
  push?: PushOptions | null;
  /** Receives the counts of all stages. Default: none. */
  metrics?: Metrics;
  /** Records traces: `new OpenTelemetryTracing()` of `tidings/opentelemetry`. Default: none. */
  tracing?: Tracing | null;
}

/**
 * {@link DatabaseOptions} with every default applied; `postgresAddress` returns the address for our own
 * connections.
 */
export interface ResolvedDatabase extends Resolved<DatabaseSettings> {
  /** `null`: there is a `pool`. */
  readonly url: string | null;
  readonly pool: PostgresPool | null;
}

type Resolved<T> = { readonly [K in keyof T]-?: Exclude<T[K], undefined> };

/** {@link PushOptions} with every default applied. */
export type ResolvedPush = Resolved<Omit<PushOptions, 'types'>> & Pick<PushOptions, 'types'>;

/** {@link TidingsOptions} with every default applied. */
export interface ResolvedOptions {
  readonly roles: readonly Role[];
  readonly delivery: DeliveryMode;
  readonly database: ResolvedDatabase;
  readonly redis: RedisPlace | null;
  readonly queue: Resolved<QueueOptions>;
  readonly actions: { readonly queue: string | null };
  readonly worker: Resolved<WorkerOptions>;
  readonly stream: Resolved<StreamOptions>;
  readonly audience: Resolved<AudienceOptions>;
  readonly retention: Resolved<RetentionOptions>;
  readonly http: Resolved<
    Pick<
      HttpOptions,
      | 'allowedOrigins'
      | 'producerApiKeys'
      | 'supportApiKeys'
      | 'adminApiKeys'
      | 'revalidateMs'
      | 'producerRequestsPerSecond'
      | 'recipientRequestsPerSecond'
    >
  > &
    Pick<HttpOptions, 'jwt' | 'identify'>;
  readonly types: readonly AnyNotificationType[];
  readonly resolveLocales: ResolveLocales | null;
  readonly hooks: Hooks;
  readonly escalations: readonly Escalation[];
  readonly push: ResolvedPush | null;
  readonly metrics: Metrics;
  readonly tracing: Tracing | null;
}

import type { AnyNotificationType } from './notification-type.js';
import { nameProblem, type FeedKey } from './feed.js';
import { InvalidSettingsError, type InvalidField } from './errors.js';
import { NO_METRICS, type Metrics } from './ports/metrics.js';

/** What a module does in this process. */
export type Role = 'api' | 'worker';

/** Postgres, where the log is. */
export interface DatabaseOptions {
  /** `postgres://user:password@host:port/database`. */
  url: string;
  /** Connections of this process to the log (the queue on Postgres has some of its own). Default 10. */
  poolSize?: number;
  /** A query that takes longer counts as an outage. Default 10,000. */
  queryTimeoutMs?: number;
}

/** BullMQ's queue. */
export interface QueueOptions {
  /** Default `tidings`. */
  name?: string;
  /** An enqueue that takes longer is answered 503. Default 5,000. */
  enqueueTimeoutMs?: number;
}

/** The worker that turns jobs into entries. */
export interface WorkerOptions {
  /** Jobs at the same moment; they share transactions, so that a high number is cheap. Default 100. */
  concurrency?: number;
  /** How long a job of an unknown type waits for a worker that knows it (a rolling deploy). Default 900,000. */
  unknownTypeRetryMs?: number;
}

/** The SSE streams. */
export interface StreamOptions {
  /** A comment this often, jittered by a fifth, so that proxies keep idle streams. Default 15,000. */
  heartbeatMs?: number;
  /** Streams of one recipient on this instance; the newest is told `busy`. `null`: no limit. Default 20. */
  maxPerRecipient?: number | null;
  /** A reader that takes nothing for so long is ended. Default 60,000. */
  stalledAfterMs?: number;
  /** The reconnect delay told to clients, jittered by a half each way. Default 2,000. */
  retryMs?: number;
  /** The heads of all connected feeds are compared with the log this often. Default 5,000. */
  headCheckMs?: number;
}

/** How long entries are kept; whatever limit is reached first. */
export interface RetentionOptions {
  /** Entries older than this are trimmed. `null`: no limit by age. Default 30. */
  days?: number | null;
  /** Notifications kept for each feed. `null`: no limit by number. Default 1,000. */
  maxEntries?: number | null;
  /** How often the sweep looks for what is due. Default 60,000. */
  sweepMs?: number;
  /** Dedupe keys are kept this long, longer than any retry. Default 90. */
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
  expiresAt?: Date | null;
}

/** The HTTP interface. */
export interface HttpOptions {
  /** Our own JWTs. Exactly one of `jwt` and `identify`, where the role `api` is on. */
  jwt?: JwtOptions;
  /** The host's way to know the recipient, behind its own guard. `null` is answered 401. */
  identify?: (request: unknown) => Identity | null | Promise<Identity | null>;
  /** Origins such as `https://app.example.com` that may send cookies. Default none. */
  allowedOrigins?: string[];
  /** Keys of producers; without one nobody can publish over HTTP. Default none. */
  producerApiKeys?: string[];
  /** Keys of those who may look at any feed, which is logged; see `SupportView`. Default none. */
  supportApiKeys?: string[];
  /** Keys of those who may erase recipients and tenants. Default none. */
  adminApiKeys?: string[];
}

/** The options of {@link TidingsModule}. */
export interface TidingsOptions {
  /** Default both. */
  roles?: Role[];
  database: DatabaseOptions;
  /** Queue and bus on Redis instead of Postgres. Default `null`: both on Postgres. */
  redis?: { url: string } | null;
  queue?: QueueOptions;
  worker?: WorkerOptions;
  stream?: StreamOptions;
  retention?: RetentionOptions;
  http?: HttpOptions;
  /** The declared types of notifications, see `defineNotification`. */
  types: AnyNotificationType[];
  /** Where the stages count. Default: nowhere. */
  metrics?: Metrics;
}

type Resolved<T> = { readonly [K in keyof T]-?: Exclude<T[K], undefined> };

/** {@link TidingsOptions} with every default filled in. */
export interface ResolvedOptions {
  readonly roles: readonly Role[];
  readonly database: Resolved<DatabaseOptions>;
  readonly redis: { readonly url: string } | null;
  readonly queue: Resolved<QueueOptions>;
  readonly worker: Resolved<WorkerOptions>;
  readonly stream: Resolved<StreamOptions>;
  readonly retention: Resolved<RetentionOptions>;
  readonly http: Resolved<
    Pick<HttpOptions, 'allowedOrigins' | 'producerApiKeys' | 'supportApiKeys' | 'adminApiKeys'>
  > &
    Pick<HttpOptions, 'jwt' | 'identify'>;
  readonly types: readonly AnyNotificationType[];
  readonly metrics: Metrics;
}

/**
 * Fills in the defaults and checks the options against each other.
 *
 * @throws {InvalidSettingsError} listing everything that is wrong.
 */
export function resolveOptions(options: TidingsOptions): ResolvedOptions {
  const resolved: ResolvedOptions = {
    roles: options.roles ?? ['api', 'worker'],
    database: { poolSize: 10, queryTimeoutMs: 10_000, ...defined(options.database) },
    redis: options.redis ?? null,
    queue: { name: 'tidings', enqueueTimeoutMs: 5_000, ...defined(options.queue) },
    worker: { concurrency: 100, unknownTypeRetryMs: 900_000, ...defined(options.worker) },
    stream: {
      heartbeatMs: 15_000,
      maxPerRecipient: 20,
      stalledAfterMs: 60_000,
      retryMs: 2_000,
      headCheckMs: 5_000,
      ...defined(options.stream),
    },
    retention: {
      days: 30,
      maxEntries: 1_000,
      sweepMs: 60_000,
      dedupeKeyDays: 90,
      ...defined(options.retention),
    },
    http: {
      allowedOrigins: [],
      producerApiKeys: [],
      supportApiKeys: [],
      adminApiKeys: [],
      ...defined(options.http),
    },
    types: options.types,
    metrics: options.metrics ?? NO_METRICS,
  };
  const fields = problemsOf(resolved);
  if (fields.length > 0) throw new InvalidSettingsError(fields);
  return resolved;
}

function problemsOf(options: ResolvedOptions): InvalidField[] {
  const { database, redis, queue, worker, stream, retention, http, types, roles } = options;
  const fields: InvalidField[] = [];
  const check = (ok: boolean, field: string, problem: string): void => {
    if (!ok) fields.push({ field, problem });
  };
  const positive = (group: string, values: Record<string, number | null>): void => {
    for (const [name, value] of Object.entries(values)) {
      check(
        value === null || (Number.isFinite(value) && value > 0),
        `${group}.${name}`,
        `must be above 0, is ${value}`,
      );
    }
  };

  check(
    roles.length > 0 && roles.every((r) => r === 'api' || r === 'worker'),
    'roles',
    'must be some of "api", "worker"',
  );
  check(
    /^postgres(ql)?:\/\//.test(database.url),
    'database.url',
    'must begin with postgres:// or postgresql://',
  );
  check(
    redis === null || /^rediss?:\/\//.test(redis.url),
    'redis.url',
    'must begin with redis:// or rediss://',
  );
  const queueProblem =
    nameProblem(queue.name) ?? (queue.name.includes(':') ? 'must not contain ":" (BullMQ)' : null);
  check(queueProblem === null, 'queue.name', queueProblem ?? '');
  positive('database', { poolSize: database.poolSize, queryTimeoutMs: database.queryTimeoutMs });
  positive('queue', { enqueueTimeoutMs: queue.enqueueTimeoutMs });
  positive('worker', { ...worker });
  positive('stream', { ...stream });
  positive('retention', { ...retention });
  check(
    retention.days === null || retention.dedupeKeyDays >= retention.days,
    'retention.dedupeKeyDays',
    `must be at least retention.days (${retention.days}), is ${retention.dedupeKeyDays}: a job that runs again would make a second entry`,
  );

  const names = types.map((type) => type.name);
  const repeated = [...new Set(names.filter((name, index) => names.indexOf(name) !== index))];
  check(repeated.length === 0, 'types', `declares ${repeated.join(', ')} more than once`);

  if (roles.includes('api')) {
    check(Boolean(http.jwt) !== Boolean(http.identify), 'http', 'needs exactly one of jwt and identify');
    if (http.jwt) fields.push(...jwtProblems(http.jwt));
  }
  for (const origin of http.allowedOrigins) {
    const canonical = URL.canParse(origin) ? new URL(origin).origin : 'null';
    check(
      canonical === origin,
      'http.allowedOrigins',
      `must be origins such as https://app.example.com, not ${JSON.stringify(origin)}`,
    );
  }
  for (const name of ['producerApiKeys', 'supportApiKeys', 'adminApiKeys'] as const) {
    for (const key of http[name]) {
      check(key.length >= 16, `http.${name}`, `must have at least 16 characters each, one has ${key.length}`);
    }
  }
  return fields;
}

function jwtProblems(jwt: JwtOptions): InvalidField[] {
  const fields: InvalidField[] = [];
  if (Boolean(jwt.secret) === Boolean(jwt.jwksUrl)) {
    fields.push({ field: 'http.jwt', problem: 'needs exactly one of secret and jwksUrl' });
  }
  if (jwt.secret && Buffer.byteLength(jwt.secret) < 32) {
    // RFC 7518, section 3.2: a key of the same size as the hash output or larger MUST be used.
    fields.push({ field: 'http.jwt.secret', problem: 'must have at least 32 bytes (RFC 7518, section 3.2)' });
  }
  if (jwt.jwksUrl && !(jwt.issuer && jwt.audience)) {
    fields.push({
      field: 'http.jwt.jwksUrl',
      problem: 'needs issuer and audience, or tokens made for others would be taken',
    });
  }
  if (jwt.jwksUrl && !/^https?:\/\//.test(jwt.jwksUrl)) {
    fields.push({ field: 'http.jwt.jwksUrl', problem: 'must begin with https:// or http://' });
  }
  return fields;
}

/** Options given as `undefined` count as not given. */
function defined<T extends object>(options: T | undefined): T {
  return Object.fromEntries(Object.entries(options ?? {}).filter(([, value]) => value !== undefined)) as T;
}

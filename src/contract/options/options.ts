import { InvalidSettingsError, type InvalidField } from '../errors.js';
import { nameProblem } from '../model/feed.js';
import { NO_METRICS } from '../ports/metrics.js';
import { isDeclaration } from '../model/notification-type.js';
import { choiceProblems, elementsOf, isObject, shapeProblems, withoutRepetition } from './options-shape.js';
import { defaultPrefix, prefixProblem, redisProblems } from './redis-problems.js';
import type {
  DatabaseOptions,
  JwtOptions,
  ResolvedDatabase,
  ResolvedOptions,
  TidingsOptions,
} from './tidings-options.js';

export type * from './tidings-options.js';

/** How the module is put together, as far as the options must fit it. */
export interface Composition {
  /** Whether our HTTP interface is mounted. */
  readonly controllers: boolean;
  /** Where. */
  readonly path: string;
}

/**
 * Fills in the defaults and checks the options against each other.
 *
 * @throws {InvalidSettingsError} listing everything that is wrong.
 */
export function resolveOptions(options: TidingsOptions, composition?: Composition): ResolvedOptions {
  if (!isObject(options)) {
    const problem = 'must be an object (does the factory return it?)';
    throw new InvalidSettingsError([{ field: 'options', problem }]);
  }
  const { url = null, pool = null, ...database } = defined<Partial<DatabaseOptions>>(options.database);
  const redis = options.redis
    ? {
        url: options.redis.url ?? null,
        nodes: options.redis.nodes ?? null,
        connection: options.redis.connection ?? null,
      }
    : null;
  const resolved: ResolvedOptions = {
    roles: options.roles === undefined ? ['api', 'worker'] : elementsOf(options.roles, () => true),
    database: {
      schema: 'tidings',
      migrate: 'auto',
      poolSize: 10,
      queryTimeoutMs: 10_000,
      ...database,
      url,
      pool,
    },
    redis,
    queue: {
      name: 'tidings',
      prefix: defaultPrefix(redis),
      enqueueTimeoutMs: 5_000,
      ...defined(options.queue),
    },
    worker: {
      concurrency: 100,
      unknownTypeRetryMs: 900_000,
      lockDurationMs: 15_000,
      stalledIntervalMs: 10_000,
      ...defined(options.worker),
    },
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
      revalidateMs: 60_000,
      allowedOrigins: [],
      producerApiKeys: [],
      supportApiKeys: [],
      adminApiKeys: [],
      ...defined(options.http),
    },
    types: options.types,
    resolveLocales: options.resolveLocales ?? null,
    hooks: options.hooks ?? {},
    escalations: options.escalations ?? [],
    metrics: options.metrics ?? NO_METRICS,
  };
  const fields = withoutRepetition(
    shapeProblems(options),
    problemsOf(options, resolved, composition ?? { controllers: resolved.roles.includes('api'), path: 'v1' }),
  );
  if (fields.length > 0) throw new InvalidSettingsError(fields);
  return resolved;
}

/** @param given What {@link resolved} was made of; of any shape. */
function problemsOf(
  given: TidingsOptions,
  resolved: ResolvedOptions,
  { controllers, path }: Composition,
): InvalidField[] {
  const { database, redis, queue, worker, stream, retention, http, roles } = resolved;
  const types = elementsOf(resolved.types, isDeclaration);
  const fields: InvalidField[] = [];
  const check = (ok: boolean, field: string, problem: string): void => {
    if (!ok) fields.push({ field, problem });
  };
  const positive = (group: string, values: Record<string, number | null>): void => {
    for (const [name, value] of Object.entries(values)) {
      // Node fires a longer timer at once.
      const most = name.endsWith('Ms') ? 2 ** 31 - 1 : Number.MAX_SAFE_INTEGER;
      const isOne = typeof value === 'number' && value > 0 && value <= most;
      check(
        value === null || isOne,
        `${group}.${name}`,
        `must be a number above 0${name.endsWith('Ms') ? ` and at most ${most}` : ''}, is ${typeof value === 'string' ? JSON.stringify(value) : String(value)}`,
      );
    }
  };

  check(
    roles.every((role) => role === 'api' || role === 'worker'),
    'roles',
    'must be some of "api", "worker", or none for only producers',
  );
  const mounted = controllers && roles.includes('api');
  check(
    mounted === controllers,
    'controllers',
    'must be false where the role "api" is off; beside forRootAsync it has to be said, because the roles come from its factory',
  );
  check(
    /^[\w~.-]+(\/[\w~.-]+)*$/.test(path),
    'controllers.path',
    `must be a path without slashes around it, such as "v1" or "api/feed", is ${JSON.stringify(path)}`,
  );
  fields.push(...choiceProblems('database', given.database, ['url', 'pool']), ...databaseProblems(database));
  fields.push(...redisProblems(given.redis ?? null));
  const queueProblem =
    nameProblem(queue.name) ?? (queue.name.includes(':') ? 'must not contain ":" (BullMQ)' : null);
  check(queueProblem === null, 'queue.name', queueProblem ?? '');
  const wrongPrefix = prefixProblem(redis, queue.prefix);
  check(wrongPrefix === null, 'queue.prefix', wrongPrefix ?? '');
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
  fields.push(...escalationProblems(resolved));

  if (mounted) {
    check(Boolean(http.jwt) !== Boolean(http.identify), 'http', 'needs exactly one of jwt and identify');
    if (isObject(http.jwt)) fields.push(...jwtProblems(http.jwt));
  }
  positive('http', { revalidateMs: http.revalidateMs });
  const isText = (value: unknown): boolean => typeof value === 'string';
  for (const origin of elementsOf(http.allowedOrigins, isText)) {
    const canonical = URL.canParse(origin) ? new URL(origin).origin : 'null';
    check(
      canonical === origin,
      'http.allowedOrigins',
      `must be origins such as https://app.example.com, not ${JSON.stringify(origin)}`,
    );
  }
  for (const name of ['producerApiKeys', 'supportApiKeys', 'adminApiKeys'] as const) {
    for (const key of elementsOf(http[name], isText)) {
      check(key.length >= 16, `http.${name}`, `must have at least 16 characters each, one has ${key.length}`);
    }
  }
  return fields;
}

function databaseProblems({ url, pool, schema, migrate }: ResolvedDatabase): InvalidField[] {
  const fields: InvalidField[] = [];
  if (url !== null && !/^postgres(ql)?:\/\//.test(url)) {
    fields.push({ field: 'database.url', problem: 'must begin with postgres:// or postgresql://' });
  }
  if (pool !== null && typeof pool.connect !== 'function') {
    fields.push({ field: 'database.pool', problem: 'must be a Pool of pg' });
  }
  const taken = /^(pg_.*|information_schema|bullmq|public)$/;
  if (!/^[a-z_][a-z0-9_]{0,49}$/.test(schema) || taken.test(schema)) {
    const problem = `must be a schema of its own, named by at most 50 of a-z 0-9 _, is ${JSON.stringify(schema)}`;
    fields.push({ field: 'database.schema', problem });
  }
  if (!['auto', 'check', 'off'].includes(migrate)) {
    fields.push({ field: 'database.migrate', problem: 'must be "auto", "check" or "off"' });
  }
  return fields;
}

function escalationProblems({ escalations }: ResolvedOptions): InvalidField[] {
  const names = new Set<string>();
  return elementsOf(escalations, isObject).flatMap(({ name, afterMs }, index) => {
    const problem = nameProblem(name) ?? (names.has(name) ? 'is there more than once' : null);
    names.add(name);
    return [
      ...(problem ? [{ field: `escalations[${index}].name`, problem }] : []),
      ...(Number.isFinite(afterMs) && afterMs > 0
        ? []
        : [{ field: `escalations[${index}].afterMs`, problem: `must be above 0, is ${afterMs}` }]),
    ];
  });
}

function jwtProblems(jwt: JwtOptions): InvalidField[] {
  const fields = choiceProblems('http.jwt', jwt, ['secret', 'jwksUrl']);
  if (typeof jwt.secret === 'string' && Buffer.byteLength(jwt.secret) < 32) {
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

import { z } from 'zod';
import { isDeclaration } from '../model/notification-type.js';
import { kindOf, nameProblem } from '../model/feed.js';
import type { Escalation, Hooks } from '../model/hooks.js';
import { parseProducerKey, PRODUCER_SCOPES, type ProducerApiKey } from '../model/producer-key.js';
import type { PostgresPool } from './connections.js';
import { DECLARATIONS } from './declarations.js';
import {
  across,
  check,
  exactlyOne,
  func,
  group,
  isObject,
  limit,
  list,
  LONGEST_TIMER_MS,
  maskPassword,
  ms,
  number,
  oneOf,
  quote,
  text,
  UNSET,
  urlOf,
} from './fields.js';
import { postgresUrlProblem } from './postgres-url.js';
import type {
  ActionsOptions,
  AudienceOptions,
  DatabaseOptions,
  HttpOptions,
  JwtOptions,
  QueueOptions,
  RetentionOptions,
  StreamOptions,
  WorkerOptions,
} from './tidings-options.js';

export const MOST_DAYS = 36_500;

export const ROLES = list(oneOf(['api', 'worker']), '"api" and "worker", or an empty one for only producers');

export const DELIVERY = oneOf(['direct', 'queue']);

export const DATABASE = group<DatabaseOptions>()({
  url: text(postgresUrlProblem).nullish(),
  pool: z
    .custom<PostgresPool>((value) => isObject(value) && typeof value['connect'] === 'function', {
      error: 'must be a Pool of pg',
    })
    .nullish(),
  directUrl: text(postgresUrlProblem).nullish(),
  schema: text((schema) =>
    /^[a-z_][a-z0-9_]{0,49}$/.test(schema) && !/^(pg_.*|information_schema|bullmq|public)$/.test(schema)
      ? null
      : `must be a schema of its own, named by at most 50 of a-z 0-9 _, is ${quote(schema)}`,
  ).default('tidings'),
  migrate: oneOf(['auto', 'check', 'off']).default('auto'),
  poolSize: number(2, 10_000).default(10),
  queryTimeoutMs: ms().default(10_000),
}).check(exactlyOne('database', ['url', 'pool']));

const queueName = text((name) => {
  const problem = nameProblem(name) ?? (name.includes(':') ? 'must not contain ":" (BullMQ)' : null);
  return problem && `${problem}, is ${quote(name)}`;
});

export const QUEUE = group<QueueOptions>()({
  name: queueName.default('tidings'),
  prefix: text(nameProblem).optional(),
  enqueueTimeoutMs: ms().default(5_000),
});

export const ACTIONS = group<ActionsOptions>()({ queue: queueName.nullish() });

export const WORKER = group<WorkerOptions>()({
  concurrency: number(1, 10_000).default(100),
  unknownTypeRetryMs: ms().default(900_000),
  lockDurationMs: ms(100).default(15_000),
  stalledIntervalMs: ms(100).default(10_000),
});

export const STREAM = group<StreamOptions>()({
  heartbeatMs: ms(100).default(15_000),
  maxPerRecipient: limit(1, 1_000_000).default(20),
  stalledAfterMs: ms().default(60_000),
  retryMs: ms().default(2_000),
  headCheckMs: ms().default(5_000),
});

export const AUDIENCE = group<AudienceOptions>()({ spreadMs: ms().default(2_000) });

export const RETENTION = group<RetentionOptions>()({
  days: limit(0, MOST_DAYS, { whole: false }).default(30),
  maxEntries: limit(1, 1_000_000_000).default(1_000),
  sweepMs: ms().default(60_000),
  dedupeKeyDays: number(0, MOST_DAYS, { whole: false }).default(90),
}).check(
  across<RetentionOptions>(({ days, dedupeKeyDays }, wrong) => {
    if (typeof days !== 'number' || typeof dedupeKeyDays !== 'number') return;
    if (days > MOST_DAYS || dedupeKeyDays >= days) return;
    wrong(
      ['dedupeKeyDays'],
      `must be at least retention.days (${days}), is ${dedupeKeyDays}: a job that runs again would make a second entry`,
    );
  }),
);

const JWT = group<JwtOptions>()({
  // RFC 7518, section 3.2: a key of the same size as the hash output or larger MUST be used.
  secret: text((secret) => {
    const bytes = Buffer.byteLength(secret);
    if (bytes >= 32) return null;
    return `must have at least 32 bytes (RFC 7518, section 3.2), has ${bytes} (make one: openssl rand -base64 48)`;
  }).optional(),
  jwksUrl: urlOf(['https', 'http'], 'https://id.example.com/.well-known/jwks.json').optional(),
  jwksStaleIfErrorMs: number(0, Number.MAX_SAFE_INTEGER).optional(),
  issuer: text().optional(),
  audience: text().optional(),
  typ: text((typ) =>
    /^[\w!#$&^.+-]+(\/[\w!#$&^.+-]+)?$/.test(typ)
      ? null
      : `must be a media type such as at+jwt, is ${quote(typ)}`,
  ).optional(),
  maxAgeSeconds: number(1, 10 * 366 * 86_400).optional(),
  // RFC 6265, section 4.1.1: a cookie's name is a token.
  cookie: text((cookie) =>
    /^[\w!#$%&'*+.^`|~-]+$/.test(cookie)
      ? null
      : `must be the name of a cookie, such as session; is ${quote(cookie)}`,
  ).optional(),
  tenantClaim: text().optional(),
  audiencesClaim: text().optional(),
}).check(
  across<JwtOptions>((jwt, wrong) => {
    if (!jwt.jwksUrl) return;
    for (const name of ['issuer', 'audience'] as const) {
      if (jwt[name]) continue;
      wrong(
        [name],
        'is required with http.jwt.jwksUrl; without it, tokens issued for other services would be accepted',
      );
    }
  }),
);

/** Never printed, not even in part. */
const API_KEYS = list(
  text((key) => {
    if (key.length < 16) {
      return `must have at least 16 characters, has ${key.length} (make one: openssl rand -hex 24)`;
    }
    return /^[\x21-\x7e]+$/.test(key)
      ? null
      : 'must consist of visible ASCII characters, because it travels in a header';
  }),
  'strings',
).default([]);

const PRODUCER_KEY_PARTS = group<ProducerApiKey>()({
  key: text(),
  name: text().optional(),
  tenant: text().optional(),
  scopes: list(oneOf(PRODUCER_SCOPES), 'scopes').readonly().optional(),
});

/** Never printed, not even in part. */
const PRODUCER_API_KEYS = list(
  z.custom<string | ProducerApiKey>().superRefine((given: unknown, context) => {
    const wrong = (message: string, path: PropertyKey[] = []): void =>
      context.addIssue({ code: 'custom', message, path });
    if (given === undefined) return wrong(UNSET);
    if (typeof given !== 'string' && !isObject(given)) {
      return wrong(`must be a string or an object, is ${kindOf(given)}`);
    }
    const parts = typeof given === 'string' ? null : check(PRODUCER_KEY_PARTS, given);
    if (parts?.data === null) {
      return parts.problems.forEach(({ field, problem }) => wrong(problem, [field]));
    }
    const parsed = parseProducerKey(given as string | ProducerApiKey);
    if (typeof parsed === 'string') wrong(parsed);
  }),
  'keys',
)
  .superRefine(
    (keys, context) => {
      const owners = new Map<string, string>();
      keys.forEach((given, index) => {
        if (typeof given !== 'string' && !isObject(given)) return;
        const parsed = parseProducerKey(given);
        if (typeof parsed === 'string') return;
        const { name, tenant, scopes } = parsed;
        const owner = JSON.stringify([name, tenant, [...scopes]]);
        const other = owners.get(parsed.id) ?? owner;
        owners.set(parsed.id, owner);
        if (other === owner) return;
        const message = 'has a key that is there before, with another name, tenant or scope';
        context.addIssue({ code: 'custom', path: [index], message });
      });
    },
    { when: ({ value, issues }) => Array.isArray(value) && issues.length === 0 },
  )
  .default([]);

export const HTTP = group<HttpOptions>()({
  jwt: JWT.optional(),
  identify: func<NonNullable<HttpOptions['identify']>>().optional(),
  revalidateMs: limit(0, LONGEST_TIMER_MS, { whole: false }).default(60_000),
  allowedOrigins: list(
    text((origin) => {
      if (origin === '*') return 'must not be "*": any page could act for the user. List the origins';
      const canonical = URL.canParse(origin) ? new URL(origin).origin : 'null';
      if (canonical === origin) return null;
      const fix = canonical === 'null' ? 'such as https://app.example.com' : `here ${canonical}`;
      return `must be an origin (scheme, host and port, no path), ${fix}; is ${quote(maskPassword(origin))}`;
    }),
    'origins',
  ).default([]),
  producerRequestsPerSecond: limit(0, 1_000_000, { whole: false }).default(null),
  recipientRequestsPerSecond: limit(0, 1_000_000, { whole: false }).default(10),
  producerApiKeys: PRODUCER_API_KEYS,
  supportApiKeys: API_KEYS,
  adminApiKeys: API_KEYS,
});

export const TYPES = DECLARATIONS.superRefine(
  (types, context) => {
    const names = types.filter(isDeclaration).map(({ name }) => name);
    const repeated = new Set(names.filter((name, index) => names.indexOf(name) !== index));
    if (repeated.size === 0) return;
    context.addIssue({ code: 'custom', message: `declares ${[...repeated].join(', ')} more than once` });
  },
  { when: ({ value }) => Array.isArray(value) },
);

export const HOOKS = group<Hooks>()({
  onAppended: func<NonNullable<Hooks['onAppended']>>().optional(),
  onRead: func<NonNullable<Hooks['onRead']>>().optional(),
  onAction: func<NonNullable<Hooks['onAction']>>().optional(),
});

export const ESCALATIONS = list(
  group<Escalation>()({
    name: text(nameProblem),
    afterMs: number(0, Number.MAX_SAFE_INTEGER, { whole: false }),
    unless: oneOf(['read', 'seen']).optional(),
    types: DECLARATIONS.readonly().optional(),
    handler: func<Escalation['handler']>(),
  }),
  'rules',
)
  .superRefine(
    (rules, context) => {
      const names = rules.map((rule: unknown) => (isObject(rule) ? rule['name'] : undefined));
      names.forEach((name, index) => {
        if (typeof name !== 'string' || names.indexOf(name) === index) return;
        context.addIssue({ code: 'custom', path: [index, 'name'], message: 'is used more than once' });
      });
    },
    { when: ({ value }) => Array.isArray(value) },
  )
  .readonly();

import { isDeclaration } from '../model/notification-type.js';
import type { InvalidField } from '../errors.js';
import { kindOf } from '../model/feed.js';
import type { Escalation, Hooks } from '../model/hooks.js';
import { unknownNames } from '../unknown-keys.js';
import type {
  DatabaseOptions,
  HttpOptions,
  JwtOptions,
  QueueOptions,
  RedisOptions,
  RetentionOptions,
  StreamOptions,
  TidingsOptions,
  WorkerOptions,
} from './tidings-options.js';

/** What is said of a value that is named, and not there. */
const UNSET = 'is undefined (is the environment variable set?)';

// As objects, so that the compiler asks for a name that is new.
const namesOf = <T>(names: Record<keyof T, true>): readonly string[] => Object.keys(names);

const OPTIONS = namesOf<TidingsOptions>({
  roles: true,
  database: true,
  redis: true,
  queue: true,
  worker: true,
  stream: true,
  retention: true,
  http: true,
  types: true,
  resolveLocales: true,
  hooks: true,
  escalations: true,
  metrics: true,
});

const DATABASE = namesOf<DatabaseOptions>({
  url: true,
  pool: true,
  schema: true,
  migrate: true,
  poolSize: true,
  queryTimeoutMs: true,
});
const REDIS = namesOf<RedisOptions>({ url: true, nodes: true, connection: true });
const QUEUE = namesOf<QueueOptions>({ name: true, prefix: true, enqueueTimeoutMs: true });

const GROUPS: Readonly<Record<string, readonly string[]>> = {
  database: DATABASE,
  redis: REDIS,
  queue: QUEUE,
  worker: namesOf<WorkerOptions>({
    concurrency: true,
    unknownTypeRetryMs: true,
    lockDurationMs: true,
    stalledIntervalMs: true,
  }),
  stream: namesOf<StreamOptions>({
    heartbeatMs: true,
    maxPerRecipient: true,
    stalledAfterMs: true,
    retryMs: true,
    headCheckMs: true,
  }),
  retention: namesOf<RetentionOptions>({ days: true, maxEntries: true, sweepMs: true, dedupeKeyDays: true }),
  http: namesOf<HttpOptions>({
    jwt: true,
    identify: true,
    revalidateMs: true,
    allowedOrigins: true,
    producerApiKeys: true,
    supportApiKeys: true,
    adminApiKeys: true,
  }),
  'http.jwt': namesOf<JwtOptions>({
    secret: true,
    jwksUrl: true,
    issuer: true,
    audience: true,
    cookie: true,
    tenantClaim: true,
  }),
  hooks: namesOf<Hooks>({ onAppended: true, onRead: true }),
};
const ESCALATION = namesOf<Escalation>({ name: true, afterMs: true, types: true, handler: true });

const TEXTS = [
  'database.url',
  'redis.url',
  ...['secret', 'jwksUrl', 'issuer', 'audience', 'cookie', 'tenantClaim'].map((name) => `http.jwt.${name}`),
];
const LISTS_OF_TEXTS = [
  'roles',
  'redis.nodes',
  ...['allowedOrigins', 'producerApiKeys', 'supportApiKeys', 'adminApiKeys'].map((name) => `http.${name}`),
];
const FUNCTIONS = ['resolveLocales', 'http.identify', 'hooks.onAppended', 'hooks.onRead'];

/** What decides how the module is put together, before a factory is asked. */
const EXTRAS = ['isGlobal', 'controllers', 'queueName'];

/**
 * What is wrong with the options before their values are looked at: names that nobody reads, and what is no group, text, list or function
 * where there must be one. Behind a factory, or in JavaScript, no compiler has seen them.
 */
export function shapeProblems(options: TidingsOptions): InvalidField[] {
  const at = (path: string): unknown => valueAt(options, path);
  return [
    ...namesProblems('', options, OPTIONS).map((field) =>
      EXTRAS.includes(field.field)
        ? { ...field, problem: 'must be given beside useFactory, not in what it returns' }
        : field,
    ),
    ...Object.entries(GROUPS).flatMap(([path, names]) => namesProblems(path, at(path), names)),
    ...TEXTS.flatMap((path) => kindProblem(path, at(path), typeof at(path) === 'string', 'a text')),
    ...LISTS_OF_TEXTS.flatMap((path) => listProblems(path, at(path), 'texts', textProblem)),
    ...FUNCTIONS.flatMap((path) => kindProblem(path, at(path), typeof at(path) === 'function', 'a function')),
    ...typesProblems('types', options.types ?? null),
    ...escalationsProblems(options.escalations),
  ];
}

/** The same of what a producer without the module takes of the same options. */
export function producerShapeProblems(options: object, names: readonly string[]): InvalidField[] {
  return [
    ...namesProblems('', options, names),
    ...namesProblems('database', valueAt(options, 'database'), DATABASE),
    ...namesProblems('redis', valueAt(options, 'redis'), REDIS),
    ...namesProblems('queue', valueAt(options, 'queue'), QUEUE),
    ...listProblems('redis.nodes', valueAt(options, 'redis.nodes'), 'texts', textProblem),
    ...typesProblems('types', valueAt(options, 'types')),
  ];
}

/** What is wrong where exactly one of these must be given; an unset variable is named as what it is. */
export function choiceProblems(
  group: string,
  given: object | null | undefined,
  names: readonly string[],
): InvalidField[] {
  const values = isObject(given) ? given : {};
  const there = names.filter((name) => values[name] !== undefined && values[name] !== null);
  if (there.length === 1) return [];
  const unset = there.length === 0 && names.find((name) => name in values && values[name] === undefined);
  if (unset) return [{ field: `${group}.${unset}`, problem: UNSET }];
  const all = `exactly one of ${names.slice(0, -1).join(', ')} and ${names.at(-1)}`;
  return [{ field: group, problem: `needs ${names.length > 1 ? all : names[0]}` }];
}

/** The problems of the shape, and of the others those that are about other fields. */
export function withoutRepetition(
  shape: readonly InvalidField[],
  others: readonly InvalidField[],
): InvalidField[] {
  const said = shape.map(({ field }) => field);
  return [
    ...shape,
    ...others.filter(({ field }) => !said.some((one) => one === field || one.startsWith(`${field}[`))),
  ];
}

/** The elements, of what may be no list. */
export function elementsOf<T>(list: readonly T[] | null | undefined, isOne: (one: unknown) => boolean): T[] {
  return Array.isArray(list) ? (list as readonly T[]).filter(isOne) : [];
}

function namesProblems(path: string, group: unknown, names: readonly string[]): InvalidField[] {
  if (group === undefined || group === null) return [];
  return isObject(group)
    ? unknownNames(group, names, { what: 'option', at: path })
    : [{ field: path, problem: `must be an object, is ${kindOf(group)}` }];
}

function typesProblems(path: string, types: unknown): InvalidField[] {
  const made = 'made by defineNotification';
  return listProblems(path, types, `declarations ${made}`, (type) =>
    isDeclaration(type) ? null : `must be a declaration ${made}, is ${kindOf(type)}`,
  );
}

function escalationsProblems(escalations: readonly Escalation[] | null | undefined): InvalidField[] {
  const problems = listProblems('escalations', escalations ?? undefined, 'rules', (rule) =>
    isObject(rule) ? null : `must be an object, is ${kindOf(rule)}`,
  );
  if (problems.length > 0 || !escalations) return problems;
  return escalations.flatMap((rule, index) => {
    const path = `escalations[${index}]`;
    return [
      ...namesProblems(path, rule, ESCALATION),
      ...typesProblems(`${path}.types`, rule.types),
      ...(typeof rule.handler === 'function'
        ? []
        : [{ field: `${path}.handler`, problem: 'must be a function' }]),
    ];
  });
}

function listProblems(
  path: string,
  list: unknown,
  what: string,
  problemOf: (element: unknown) => string | null,
): InvalidField[] {
  if (list === undefined) return [];
  if (!Array.isArray(list)) return [{ field: path, problem: `must be a list of ${what}` }];
  return list.flatMap((element, index) => {
    const problem = problemOf(element);
    return problem === null ? [] : [{ field: `${path}[${index}]`, problem }];
  });
}

function textProblem(text: unknown): string | null {
  if (text === undefined) return UNSET;
  return typeof text === 'string' ? null : `must be a text, is ${kindOf(text)}`;
}

function kindProblem(path: string, value: unknown, fits: boolean, kind: string): InvalidField[] {
  if (fits || value === undefined || value === null) return [];
  return [{ field: path, problem: `must be ${kind}, is ${kindOf(value)}` }];
}

function valueAt(options: object, path: string): unknown {
  return path
    .split('.')
    .reduce<unknown>((value, name) => (isObject(value) ? value[name] : undefined), options);
}

/** Whether this has named parts. */
export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

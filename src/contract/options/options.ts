import { z } from 'zod';
import { InvalidSettingsError, type InvalidField } from '../errors.js';
import { NO_METRICS, type Metrics } from '../ports/metrics.js';
import type { Tracing } from '../ports/tracing.js';
import { across, check, type Checked, choose, func, group, isObject, quote } from './fields.js';
import {
  ACTIONS,
  AUDIENCE,
  DATABASE,
  DELIVERY,
  ESCALATIONS,
  HOOKS,
  HTTP,
  QUEUE,
  RETENTION,
  ROLES,
  STREAM,
  TYPES,
  WORKER,
} from './groups.js';
import { PUSH, PUSH_ESCALATION } from './push.js';
import { CHECK_PREFIX, REDIS, redisPlace, resolvedQueue } from './redis.js';
import type { ResolvedOptions, ResolveLocales, TidingsOptions } from './tidings-options.js';

export type * from './tidings-options.js';

/** The composition of the module, as far as options depend on it. */
export interface Composition {
  /** Whether our HTTP interface is mounted. */
  readonly controllers: boolean;
  /** The base path of the HTTP interface. */
  readonly path: string;
}

/** A queue has one kind of jobs. */
const CHECK_ACTIONS_QUEUE = across<Pick<TidingsOptions, 'queue' | 'actions'>>(({ queue, actions }, wrong) => {
  const name = queue?.name ?? 'tidings';
  if (![name, `${name}-escalations`].includes(actions?.queue ?? '')) return;
  wrong(['actions', 'queue'], `must be a queue of its own, is ${quote(actions!.queue!)}`);
});

const CHECK_ESCALATION_NAMES = across<{ escalations?: unknown; push?: unknown }>(
  ({ escalations, push }, wrong) => {
    if (!push || !Array.isArray(escalations)) return;
    escalations.forEach((rule: unknown, index) => {
      if (!isObject(rule) || rule['name'] !== PUSH_ESCALATION) return;
      wrong(
        ['escalations', index, 'name'],
        `must not be "${PUSH_ESCALATION}": the option push has that name`,
      );
    });
  },
);

const OPTIONS = group<TidingsOptions>()({
  roles: ROLES.default(['api', 'worker']),
  delivery: DELIVERY.default('direct'),
  database: DATABASE.prefault({}),
  redis: REDIS.nullish(),
  queue: QUEUE.prefault({}),
  actions: ACTIONS.prefault({}),
  worker: WORKER.prefault({}),
  stream: STREAM.prefault({}),
  audience: AUDIENCE.prefault({}),
  retention: RETENTION.prefault({}),
  http: HTTP.prefault({}),
  types: TYPES,
  resolveLocales: func<ResolveLocales>().nullish(),
  hooks: HOOKS.nullish(),
  escalations: ESCALATIONS.nullish(),
  push: PUSH.nullish(),
  metrics: z.custom<Metrics>().nullish(),
  tracing: z.custom<Tracing>().nullish(),
}).check(CHECK_PREFIX, CHECK_ACTIONS_QUEUE, CHECK_ESCALATION_NAMES);

/** These decide the composition of the module before a factory runs. */
const EXTRAS = ['isGlobal', 'controllers', 'queueName'];

/**
 * Applies the defaults and checks the options against each other.
 *
 * @throws {InvalidSettingsError} listing every problem.
 */
export function resolveOptions(options: TidingsOptions, composition?: Composition): ResolvedOptions {
  const { data, problems } = checked(options, composition);
  if (data === null) throw new InvalidSettingsError(problems);

  const { database, redis, queue, actions, ...resolved } = data;
  const place = redisPlace(redis);
  return {
    ...resolved,
    database: {
      ...database,
      url: database.url ?? null,
      pool: database.pool ?? null,
      directUrl: database.directUrl ?? null,
    },
    redis: place,
    queue: resolvedQueue(queue, place),
    actions: { queue: actions.queue ?? null },
    resolveLocales: resolved.resolveLocales ?? null,
    // Passed through unchanged: they may be class instances.
    hooks: options.hooks ?? {},
    escalations: options.escalations ?? [],
    push: resolved.push ? { ...resolved.push, types: options.push?.types } : null,
    metrics: resolved.metrics ?? NO_METRICS,
    tracing: options.tracing ?? null,
  };
}

/** Every problem of the options. */
export function optionProblems(options: TidingsOptions, composition?: Composition): readonly InvalidField[] {
  return checked(options, composition).problems;
}

function checked(options: TidingsOptions, composition?: Composition): Checked<typeof OPTIONS> {
  if (!isObject(options)) {
    const problem = 'must be an object (does the factory return it?)';
    return { data: null, problems: [{ field: 'options', problem }] };
  }
  const { data, problems } = check(OPTIONS, options);
  const wrong = [
    ...problems.map((one) =>
      EXTRAS.includes(one.field)
        ? { ...one, problem: 'must be given beside useFactory, not in what it returns' }
        : one,
    ),
    ...compositionProblems(options, composition),
  ];
  return data !== null && wrong.length === 0 ? { data, problems: [] } : { data: null, problems: wrong };
}

/** @param options Of any shape. */
function compositionProblems(
  { roles, http = {} }: TidingsOptions,
  composition?: Composition,
): InvalidField[] {
  const problems: InvalidField[] = [];
  const api = roles === undefined || (Array.isArray(roles) && roles.includes('api'));
  const { controllers, path } = composition ?? { controllers: api, path: 'v1' };
  if (controllers && !api) {
    const problem =
      'must be false where the role "api" is off; with forRootAsync it must be set, because the roles come from its factory';
    problems.push({ field: 'controllers', problem });
  }
  if (!/^[\w~.-]+(\/[\w~.-]+)*$/.test(path)) {
    const problem = `must be a path without slashes around it, such as "v1" or "api/feed", is ${quote(path)}`;
    problems.push({ field: 'controllers.path', problem });
  }
  if (!controllers || !api || !isObject(http)) return problems;
  const wrong =
    (at: string) =>
    ([name]: PropertyKey[], problem: string): void => {
      problems.push({ field: name === undefined ? at : `${at}.${String(name)}`, problem });
    };
  choose('http', ['jwt', 'identify'], http, wrong('http'));
  if (isObject(http.jwt)) choose('http.jwt', ['secret', 'jwksUrl'], http.jwt, wrong('http.jwt'));
  return problems;
}

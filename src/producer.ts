/**
 * `tidings/producer`: typed notifications from programs without Nest. It loads BullMQ, and `pg` where Postgres is used; nothing of
 * the module, its log or its HTTP interface.
 */
import type { RedisPlace } from './contract/options/connections.js';
import { redisAddress } from './platform/addresses.js';
import { InvalidSettingsError, type InvalidField } from './contract/errors.js';
import { nameProblem } from './contract/model/feed.js';
import type { AnyNotificationType } from './contract/model/notification-type.js';
import type { Notifier } from './contract/model/notify.js';
import type { QueueBackend } from './jobs/queue/backend.js';
import { QueueNotifier } from './jobs/produce/notifier.js';
import { PostgresOutbox, type HomeDatabase } from './jobs/outbox/postgres-outbox.js';
import { QueueProducer } from './jobs/produce/queue-producer.js';
import { JobQueue } from './jobs/queue/queue.js';
import {
  choiceProblems,
  producerShapeProblems,
  withoutRepetition,
} from './contract/options/options-shape.js';
import { RepeatedErrors } from './platform/logging/repeated-errors.js';
import { defaultPrefix, prefixProblem, redisProblems } from './contract/options/redis-problems.js';
import { TypeRegistry } from './types/type-registry.js';

export { defineNotification } from './contract/model/notification-type.js';
export { fromDrizzle, fromKnex, fromPrisma } from './jobs/outbox/adapters.js';
export { announcement, newOrder, SHIPPED_TYPES, taskCompleted } from './types/shipped/index.js';
export {
  IdempotencyKeyReusedError,
  InvalidJobError,
  InvalidRequestError,
  InvalidSettingsError,
  QueueUnavailableError,
  TidingsError,
  UnknownTypeError,
  type ErrorCode,
  type InvalidField,
} from './contract/errors.js';
export type {
  AnyNotificationType,
  NotificationType,
  RenderContext,
  Rendered,
} from './contract/model/notification-type.js';
export type {
  Broadcast,
  BroadcastOptions,
  BroadcastProgress,
  BroadcastResult,
  InputOf,
  Notification,
  Notified,
  Notifier,
  NotifyRequest,
  Transaction,
} from './contract/model/notify.js';
export type {
  DrizzleSql,
  DrizzleTransaction,
  KnexTransaction,
  PrismaTransaction,
} from './jobs/outbox/adapters.js';

/** The options of {@link createProducer}: at least one of `redis` and `database`, the same as the workers have. */
export interface ProducerOptions {
  /** Where the queue is, if it is on Redis. Default: it is on Postgres. */
  redis?:
    | { url: string; nodes?: undefined }
    /** A Redis Cluster: the urls of some of its nodes. */
    | { nodes: readonly string[]; url?: undefined };
  /** Where the log is, and the queue if there is no `redis`. With `redis` it is needed for `tx` alone. */
  database?: {
    /** `postgres://user:password@host:port/database`. */
    url: string;
    /** The schema of Tidings' tables. Default `tidings`. */
    schema?: string;
  };
  queue?: {
    /** Default `tidings`. */
    name?: string;
    /** What the keys in Redis begin with, BullMQ's own `prefix`. Default `bull`, on a Redis Cluster `{bull}`. */
    prefix?: string;
    /** An enqueue that takes longer is given up. Default 5,000. */
    enqueueTimeoutMs?: number;
  };
  /** The types that may be sent; others are refused. Default: whatever type a call gives. */
  types?: readonly AnyNotificationType[];
  /**
   * Hears of what breaks between calls, such as a lost connection, which comes back by itself. Default: `console.warn`, the same once in
   * half a minute.
   */
  onError?: (message: string) => void;
}

/** Sends notifications from a program of its own. */
export interface TidingsProducer extends Notifier {
  /** Ends the connections. Calls that are under way are rejected. */
  close(): Promise<void>;
}

/**
 * Connects to the queue.
 *
 * ```ts
 * const tidings = await createProducer({ redis: { url: process.env.REDIS_URL } });
 * await tidings.notify(newOrder, { to: 'ada', data: order, dedupeKey: `order-${order.orderId}` });
 * await tidings.close();
 * ```
 *
 * On Redis it does not wait for the server: each call says in time whether the queue has the job. On Postgres it fails if the server is away.
 *
 * @throws {InvalidSettingsError} listing everything that is wrong.
 */
export async function createProducer(options: ProducerOptions): Promise<TidingsProducer> {
  const { database, types } = options;
  const name = options.queue?.name ?? 'tidings';
  const enqueueTimeoutMs = options.queue?.enqueueTimeoutMs ?? 5_000;
  const redis: RedisPlace | null = options.redis
    ? { url: options.redis.url ?? null, nodes: options.redis.nodes ?? null }
    : null;
  const prefix = options.queue?.prefix ?? defaultPrefix(redis);
  refuseWrong(options, redis, { name, prefix, enqueueTimeoutMs });

  const report = options.onError ?? ((message: string) => console.warn(`[tidings] ${message}`));
  const errors = new RepeatedErrors({
    warn: (message) => report(`${redis ? 'Redis' : 'Postgres'}: ${message}`),
  });
  const backend = redis
    ? await redisBackend(redis, prefix, errors.report)
    : await postgresBackend(database!.url, enqueueTimeoutMs, errors.report);
  const jobs = await JobQueue.openOn(backend, { name, enqueueTimeoutMs }, errors);
  const registry = new TypeRegistry(types ?? []);
  const notifier = new QueueNotifier({
    producer: new QueueProducer(jobs, registry, enqueueTimeoutMs),
    typesFor: types ? registry.including : anyType(),
    outbox: database
      ? new PostgresOutbox(homeOf(database.url, errors.report), database.schema ?? 'tidings')
      : null,
  });
  return {
    notify: (type, request) => notifier.notify(type, request),
    notifyMany: (type, recipients, broadcast, given) =>
      notifier.notifyMany(type, recipients, broadcast, given),
    close: () => jobs.close(),
  };
}

function anyType(): (type: AnyNotificationType) => TypeRegistry {
  const registries = new WeakMap<AnyNotificationType, TypeRegistry>();
  return (type) => {
    const registry = registries.get(type) ?? new TypeRegistry([type]);
    registries.set(type, registry);
    return registry;
  };
}

// Only the one that is used is loaded.

async function redisBackend(
  redis: RedisPlace,
  prefix: string,
  onError: (error: unknown) => void,
): Promise<QueueBackend> {
  const { RedisBackend } = await import('./jobs/queue/redis-backend.js');
  return new RedisBackend(redisAddress(redis), prefix, onError);
}

async function postgresBackend(
  url: string,
  enqueueTimeoutMs: number,
  onError: (error: unknown) => void,
): Promise<QueueBackend> {
  const { PostgresBackend } = await import('./jobs/queue/postgres-backend.js');
  return new PostgresBackend({ connectionString: url }, enqueueTimeoutMs, onError);
}

/** Asked which database it is, with the first `tx` and after a restart of the server: not worth a connection that stays. */
function homeOf(url: string, onError: (error: unknown) => void): HomeDatabase {
  return {
    query: async (text) => {
      const { default: pg } = await import('pg');
      const client = new pg.Client({
        connectionString: url,
        connectionTimeoutMillis: 5_000,
        query_timeout: 5_000,
      });
      client.on('error', onError);
      try {
        await client.connect();
        return await client.query(text);
      } finally {
        await client.end();
      }
    },
  };
}

const NAMES = ['redis', 'database', 'queue', 'types', 'onError'] satisfies (keyof ProducerOptions)[];

function refuseWrong(
  options: ProducerOptions,
  redis: RedisPlace | null,
  { name, prefix, enqueueTimeoutMs }: { name: string; prefix: string; enqueueTimeoutMs: number },
): void {
  const { database } = options;
  const fields: InvalidField[] = redisProblems(options.redis ?? null);
  if (!redis && !database)
    fields.push({ field: 'redis', problem: 'or database must be given: where the queue is' });
  if (database) fields.push(...choiceProblems('database', database, ['url']));
  if (database?.url && !/^postgres(ql)?:\/\//.test(database.url))
    fields.push({ field: 'database.url', problem: 'must begin with postgres:// or postgresql://' });
  const problem = nameProblem(name) ?? (name.includes(':') ? 'must not contain ":" (BullMQ)' : null);
  if (problem) fields.push({ field: 'queue.name', problem });
  const wrongPrefix = prefixProblem(redis, prefix);
  if (wrongPrefix) fields.push({ field: 'queue.prefix', problem: wrongPrefix });
  if (!(Number.isFinite(enqueueTimeoutMs) && enqueueTimeoutMs > 0))
    fields.push({ field: 'queue.enqueueTimeoutMs', problem: `must be above 0, is ${enqueueTimeoutMs}` });
  const all = withoutRepetition(producerShapeProblems(options, NAMES), fields);
  if (all.length > 0) throw new InvalidSettingsError(all);
}

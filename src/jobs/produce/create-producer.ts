import { z } from 'zod';
import type { Tracing } from '../../contract/ports/tracing.js';
import type { PostgresAddress, RedisPlace } from '../../contract/options/connections.js';
import { directPostgresAddress, postgresAddress, redisAddress } from '../../platform/addresses.js';
import { InvalidSettingsError } from '../../contract/errors.js';
import type { AnyNotificationType } from '../../contract/model/notification-type.js';
import type { Notifier } from '../../contract/model/notify.js';
import type { QueueBackend } from '../queue/backend.js';
import { QueueNotifier } from './notifier.js';
import { homeAt } from '../outbox/home-database.js';
import { PostgresOutbox } from '../outbox/postgres-outbox.js';
import { QueueProducer } from './queue-producer.js';
import { JobQueue } from '../queue/queue.js';
import { across, check, func, group } from '../../contract/options/fields.js';
import { DATABASE, QUEUE, TYPES } from '../../contract/options/groups.js';
import { CHECK_PREFIX, REDIS, redisPlace, resolvedQueue } from '../../contract/options/redis.js';
import { RepeatedErrors } from '../../platform/logging/repeated-errors.js';
import { TypeRegistry } from '../../types/type-registry.js';

/** The options of {@link createProducer}. Requires `redis` or `database`, with the same values as the workers. */
export interface ProducerOptions {
  /** The Redis server of the queue. Default: the queue is on Postgres. */
  redis?:
    | { url: string; nodes?: undefined }
    /** A Redis Cluster: the URLs of some of its nodes. */
    | { nodes: readonly string[]; url?: undefined };
  /**
   * The Postgres database of the log, and of the queue unless `redis` is set. With `redis` it is only needed
   * for `tx`.
   */
  database?: {
    /** `postgres://user:password@host:port/database`. */
    url: string;
    /** Another address of the same database, for the queue, if the first leads through a pooler in transaction mode. */
    directUrl?: string;
    /** The schema of Tidings' tables. Default `tidings`. */
    schema?: string;
  };
  queue?: {
    /** Default `tidings`. */
    name?: string;
    /** The prefix of the keys in Redis, as BullMQ's `prefix`. Default `bull`, on a Redis Cluster `{bull}`. */
    prefix?: string;
    /** An enqueue that takes longer fails. Default 5,000. */
    enqueueTimeoutMs?: number;
  };
  /** Records traces: `new OpenTelemetryTracing()` of `tidings/opentelemetry`. Default: none. */
  tracing?: Tracing | null;
  /** The types that may be sent; others are rejected. Default: any type. */
  types?: readonly AnyNotificationType[];
  /**
   * Called with errors that occur between calls, such as a lost connection, which recovers by itself.
   * Default: `console.warn`, with the same
   * message at most once in 30 s.
   */
  onError?: (message: string) => void;
}

const OPTIONS = group<ProducerOptions>()({
  redis: REDIS.nullish(),
  database: DATABASE.nullish(),
  queue: QUEUE.prefault({}),
  types: TYPES.readonly().optional(),
  tracing: z.custom<Tracing>().nullish(),
  onError: func<NonNullable<ProducerOptions['onError']>>().optional(),
}).check(
  CHECK_PREFIX,
  across<{ redis?: unknown; database?: unknown }>(({ redis, database }, wrong) => {
    if (!redis && !database) wrong(['redis'], 'or database must be given, to say where the queue is');
  }),
);

/** Sends notifications from a standalone program. */
export interface TidingsProducer extends Notifier {
  /** Closes the connections. Calls in progress are rejected. */
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
 * With Redis it returns without waiting for the server, and each call fails if the queue does not confirm the job in time. With Postgres
 * it rejects if the server is unavailable.
 *
 * @throws {InvalidSettingsError} listing every problem.
 */
export async function createProducer(options: ProducerOptions): Promise<TidingsProducer> {
  const { data, problems } = check(OPTIONS, options);
  if (data === null) throw new InvalidSettingsError(problems);
  const { types } = data;
  const redis = redisPlace(data.redis);
  const { name, prefix, enqueueTimeoutMs } = resolvedQueue(data.queue, redis);
  const given = data.database && { ...data.database, url: data.database.url ?? null };
  const database = given && {
    address: postgresAddress(given),
    directAddress: directPostgresAddress(given),
    schema: given.schema,
  };

  const report = data.onError ?? ((message: string) => console.warn(`[tidings] ${message}`));
  const errors = new RepeatedErrors({
    warn: (message) => report(`${redis ? 'Redis' : 'Postgres'}: ${message}`),
  });
  const backend = redis
    ? await redisBackend(redis, prefix, errors.report)
    : await postgresBackend(database!.directAddress, enqueueTimeoutMs, errors.report);
  const jobs = await JobQueue.openOn(backend, { name, enqueueTimeoutMs }, errors);
  const registry = new TypeRegistry(types ?? []);
  const { tracing = null } = options;
  const queue = new QueueProducer(jobs, registry, enqueueTimeoutMs, tracing);
  const notifier = new QueueNotifier({
    queue,
    door: queue,
    typesFor: types ? registry.including : anyType(),
    outbox: database
      ? new PostgresOutbox(homeAt(database.address, errors.report), database.schema, tracing)
      : null,
    tracing,
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

// Loads only the backend in use.

async function redisBackend(
  redis: RedisPlace,
  prefix: string,
  onError: (error: unknown) => void,
): Promise<QueueBackend> {
  const { RedisBackend } = await import('../queue/redis-backend.js');
  return new RedisBackend(redisAddress(redis), prefix, onError);
}

async function postgresBackend(
  address: PostgresAddress,
  enqueueTimeoutMs: number,
  onError: (error: unknown) => void,
): Promise<QueueBackend> {
  const { PostgresBackend } = await import('../queue/postgres-backend.js');
  return new PostgresBackend(address, enqueueTimeoutMs, onError);
}

import { Logger, type Provider } from '@nestjs/common';
import type { ResolvedOptions } from '../contract/options/options.js';
import type { Appender, DropLog, IdempotencyKeys } from '../contract/ports/index.js';
import {
  APPENDER,
  DROP_LOG,
  IDEMPOTENCY_KEYS,
  NOTIFIER,
  PRODUCER,
  RESOLVED_OPTIONS,
} from '../contract/tokens.js';
import { Escalations } from '../jobs/after/escalations.js';
import { QueueNotifier } from '../jobs/produce/notifier.js';
import { homeAt, OutboxRelay, PostgresOutbox } from '../jobs/outbox/index.js';
import { Delivery, DirectProducer, JobQueue, Locales, QueueProducer, TypeRegistry } from '../jobs/index.js';
import { postgresAddress } from '../platform/addresses.js';
import { RepeatedErrors } from '../platform/logging/repeated-errors.js';
import { ListenClient } from '../platform/postgres/listen-client.js';
import { PostgresIdempotencyKeys } from '../log/append/idempotency-keys.js';
import { LogDatabase } from '../log/database/database.js';
import { DatabaseClock } from '../log/database/database-clock.js';
import { DirectOptionsCheck } from './direct-options.check.js';
import { TidingsService } from './tidings.service.js';

/** Providers that send notifications. Part of the composition root, see tidings.module.ts. */
export const PRODUCERS_PROVIDERS: Provider[] = [
  {
    provide: IDEMPOTENCY_KEYS,
    inject: [LogDatabase],
    useFactory: (log: LogDatabase): IdempotencyKeys => new PostgresIdempotencyKeys(log),
  },
  {
    provide: Delivery,
    inject: [APPENDER, DROP_LOG, Escalations, Locales, DatabaseClock, RESOLVED_OPTIONS],
    useFactory: (
      appender: Appender,
      dropLog: DropLog,
      escalations: Escalations | null,
      locales: Locales,
      clock: DatabaseClock,
      { tracing }: ResolvedOptions,
    ) => new Delivery({ appender, dropLog, escalations, locales, clock, tracing }),
  },
  {
    provide: Locales,
    inject: [RESOLVED_OPTIONS],
    useFactory: ({ resolveLocales }: ResolvedOptions) => new Locales(resolveLocales),
  },
  {
    provide: QueueProducer,
    inject: [JobQueue, TypeRegistry, RESOLVED_OPTIONS],
    useFactory: (jobs: JobQueue, types: TypeRegistry, { queue, tracing }: ResolvedOptions) =>
      new QueueProducer(jobs, types, queue.enqueueTimeoutMs, tracing),
  },
  {
    provide: PRODUCER,
    inject: [QueueProducer, TypeRegistry, Delivery, IDEMPOTENCY_KEYS, RESOLVED_OPTIONS],
    useFactory: (
      queue: QueueProducer,
      types: TypeRegistry,
      delivery: Delivery,
      idempotencyKeys: IdempotencyKeys,
      options: ResolvedOptions,
    ) =>
      new DirectProducer({
        types,
        delivery,
        idempotencyKeys,
        queue,
        queueName: options.queue.name,
        enqueueTimeoutMs: options.queue.enqueueTimeoutMs,
        mode: options.delivery,
        metrics: options.metrics,
        tracing: options.tracing,
      }),
  },
  {
    provide: NOTIFIER,
    inject: [QueueProducer, PRODUCER, TypeRegistry, LogDatabase, RESOLVED_OPTIONS],
    // After the log, which waits until Postgres is available.
    useFactory: async (
      queue: QueueProducer,
      door: DirectProducer,
      types: TypeRegistry,
      _log: LogDatabase,
      { database, tracing }: ResolvedOptions,
    ) => {
      const errors = new RepeatedErrors(new Logger('Outbox'));
      const outbox = new PostgresOutbox(
        homeAt(postgresAddress(database), errors.report),
        database.schema,
        tracing,
      );
      await outbox.prepare();
      return new QueueNotifier({ queue, door, typesFor: types.including, outbox, tracing });
    },
  },
  {
    provide: OutboxRelay,
    inject: [RESOLVED_OPTIONS, JobQueue, TypeRegistry, Delivery, LogDatabase, ListenClient],
    useFactory: (
      options: ResolvedOptions,
      jobs: JobQueue,
      types: TypeRegistry,
      delivery: Delivery,
      { pool }: LogDatabase,
      listener: ListenClient,
    ) => {
      if (!options.roles.includes('worker')) return null;
      const { database, queue, tracing } = options;
      return new OutboxRelay({
        pool,
        schema: database.schema,
        jobs,
        types,
        delivery,
        tracing,
        enqueueTimeoutMs: queue.enqueueTimeoutMs,
        listener,
      });
    },
  },
  DirectOptionsCheck,
  TidingsService,
];

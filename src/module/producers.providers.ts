import type { Provider } from '@nestjs/common';
import { Logger } from '@nestjs/common';
import type { PostgresAddress } from '../contract/options/connections.js';
import { postgresAddress } from '../platform/addresses.js';
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
import { OutboxRelay, PostgresOutbox, type RowListener } from '../jobs/outbox/index.js';
import { Delivery, DirectProducer, JobQueue, Locales, QueueProducer, TypeRegistry } from '../jobs/index.js';
import { ListenClient } from '../platform/postgres/listen-client.js';
import { Outage } from '../platform/logging/outage.js';
import { PostgresIdempotencyKeys } from '../log/append/idempotency-keys.js';
import { LogDatabase } from '../log/database/database.js';
import { TidingsService } from './tidings.service.js';

/** What sends notifications. A part of the composition root, see tidings.module.ts. */
export const PRODUCERS_PROVIDERS: Provider[] = [
  {
    provide: IDEMPOTENCY_KEYS,
    inject: [LogDatabase],
    useFactory: (log: LogDatabase): IdempotencyKeys => new PostgresIdempotencyKeys(log),
  },
  {
    provide: Delivery,
    inject: [APPENDER, DROP_LOG, Escalations, RESOLVED_OPTIONS],
    useFactory: (
      appender: Appender,
      dropLog: DropLog,
      escalations: Escalations | null,
      { resolveLocales }: ResolvedOptions,
    ) => new Delivery({ appender, dropLog, escalations, locales: new Locales(resolveLocales) }),
  },
  {
    provide: QueueProducer,
    inject: [JobQueue, TypeRegistry, RESOLVED_OPTIONS],
    useFactory: (jobs: JobQueue, types: TypeRegistry, { queue }: ResolvedOptions) =>
      new QueueProducer(jobs, types, queue.enqueueTimeoutMs),
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
        mode: options.delivery,
      }),
  },
  {
    provide: NOTIFIER,
    inject: [QueueProducer, PRODUCER, TypeRegistry, LogDatabase, RESOLVED_OPTIONS],
    useFactory: (
      queue: QueueProducer,
      door: DirectProducer,
      types: TypeRegistry,
      log: LogDatabase,
      { database }: ResolvedOptions,
    ) =>
      new QueueNotifier({
        queue,
        door,
        typesFor: types.including,
        outbox: new PostgresOutbox(log, database.schema),
      }),
  },
  {
    provide: OutboxRelay,
    inject: [RESOLVED_OPTIONS, JobQueue, TypeRegistry, Delivery, LogDatabase],
    useFactory: (
      options: ResolvedOptions,
      jobs: JobQueue,
      types: TypeRegistry,
      delivery: Delivery,
      { pool }: LogDatabase,
    ) => {
      if (!options.roles.includes('worker')) return null;
      const { database, queue } = options;
      const listen = (channel: string, wake: () => void): RowListener =>
        listenTo(postgresAddress(database), channel, wake);
      return new OutboxRelay({
        pool,
        schema: database.schema,
        jobs,
        types,
        delivery,
        enqueueTimeoutMs: queue.enqueueTimeoutMs,
        listen,
      });
    },
  },
  TidingsService,
];

function listenTo(address: PostgresAddress, channel: string, wake: () => void): RowListener {
  const outage = new Outage(new Logger('Outbox'), 'LISTEN for rows of the outbox (they are polled for)');
  return new ListenClient(
    { ...address, application_name: 'tidings outbox' },
    channel,
    outage,
    { checkEveryMs: 15_000, answerMs: 5_000 },
    {
      payload: wake,
      up: () => {
        outage.end();
        wake();
      },
    },
  );
}

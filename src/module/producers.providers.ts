import type { Provider } from '@nestjs/common';
import { Logger } from '@nestjs/common';
import type { PostgresAddress } from '../contract/options/connections.js';
import { postgresAddress } from '../platform/addresses.js';
import type { ResolvedOptions } from '../contract/options/options.js';
import { NOTIFIER, PRODUCER, RESOLVED_OPTIONS } from '../contract/tokens.js';
import { QueueNotifier } from '../jobs/produce/notifier.js';
import { OutboxRelay, PostgresOutbox, type RowListener } from '../jobs/outbox/index.js';
import { JobQueue, TypeRegistry, type QueueProducer } from '../jobs/index.js';
import { ListenClient } from '../platform/postgres/listen-client.js';
import { Outage } from '../platform/logging/outage.js';
import { LogDatabase } from '../log/database/database.js';
import { TidingsService } from './tidings.service.js';

/** What sends notifications from a host's code. A part of the composition root, see tidings.module.ts. */
export const PRODUCERS_PROVIDERS: Provider[] = [
  {
    provide: NOTIFIER,
    inject: [PRODUCER, TypeRegistry, LogDatabase, RESOLVED_OPTIONS],
    useFactory: (
      producer: QueueProducer,
      types: TypeRegistry,
      log: LogDatabase,
      { database }: ResolvedOptions,
    ) =>
      new QueueNotifier({
        producer,
        typesFor: types.including,
        outbox: new PostgresOutbox(log, database.schema),
      }),
  },
  {
    provide: OutboxRelay,
    inject: [RESOLVED_OPTIONS, JobQueue, TypeRegistry, LogDatabase],
    useFactory: (options: ResolvedOptions, jobs: JobQueue, types: TypeRegistry, { pool }: LogDatabase) => {
      if (!options.roles.includes('worker')) return null;
      const { database, queue } = options;
      const listen = (channel: string, wake: () => void): RowListener =>
        listenTo(postgresAddress(database), channel, wake);
      return new OutboxRelay({
        pool,
        schema: database.schema,
        jobs,
        types,
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

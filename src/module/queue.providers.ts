import type { Provider } from '@nestjs/common';
import type { ResolvedOptions } from '../contract/options/options.js';
import type { IdempotencyKeys, JobCanceller, QueueEraser, Sql } from '../contract/ports/index.js';
import type { QueueDepth, ReadinessCheck } from '../contract/ports/ops.js';
import {
  IDEMPOTENCY_KEYS,
  JOB_CANCELLER,
  QUEUE_DEPTH,
  QUEUE_ERASER,
  READINESS_CHECKS,
  RESOLVED_OPTIONS,
  SQL,
} from '../contract/tokens.js';
import { ActionJobs } from '../jobs/after/action-jobs.js';
import { Escalations } from '../jobs/after/escalations.js';
import {
  Delivery,
  DirectCanceller,
  JobQueue,
  NotificationWorker,
  OccasionalQueueErasure,
  openJobQueue,
  QueueCanceller,
  QueueErasure,
  TypeRegistry,
} from '../jobs/index.js';
import { OutboxCanceller, OutboxErasure } from '../jobs/outbox/index.js';
import { PostgresCancelledJobs } from '../log/append/cancelled-jobs.js';
import { LogDatabase } from '../log/database/database.js';

/** Providers of the queue and of the worker that takes its jobs. Part of the composition root, see tidings.module.ts. */
export const QUEUE_PROVIDERS: Provider[] = [
  {
    // After the database, which waits until Postgres is available.
    provide: JobQueue,
    inject: [RESOLVED_OPTIONS, LogDatabase],
    useFactory: (options: ResolvedOptions) => openJobQueue(options),
  },
  {
    provide: JOB_CANCELLER,
    inject: [LogDatabase, JobQueue, IDEMPOTENCY_KEYS, RESOLVED_OPTIONS],
    useFactory: (
      log: LogDatabase,
      jobs: JobQueue,
      keys: IdempotencyKeys,
      { retention }: ResolvedOptions,
    ): JobCanceller =>
      new DirectCanceller(
        keys,
        new PostgresCancelledJobs(log, retention.dedupeKeyDays),
        new OutboxCanceller(log, jobs.name, new QueueCanceller(jobs)),
        jobs.name,
      ),
  },
  {
    provide: QUEUE_ERASER,
    inject: [SQL, JobQueue, Escalations, ActionJobs, RESOLVED_OPTIONS],
    useFactory: (
      sql: Sql,
      jobs: JobQueue,
      escalations: Escalations | null,
      actions: ActionJobs | null,
      { queue }: ResolvedOptions,
    ): QueueEraser =>
      new OutboxErasure(
        sql,
        [
          new QueueErasure(jobs),
          // Even without escalations in this process: another one may have them, and their jobs name
          // recipients.
          escalations
            ? new QueueErasure(escalations.jobs)
            : new OccasionalQueueErasure(() => Escalations.openQueue(jobs, queue.enqueueTimeoutMs)),
        ],
        actions ? [new QueueErasure(actions.jobs)] : [],
      ),
  },
  {
    provide: NotificationWorker,
    inject: [RESOLVED_OPTIONS, JobQueue, TypeRegistry, Delivery, IDEMPOTENCY_KEYS],
    useFactory: (
      options: ResolvedOptions,
      jobs: JobQueue,
      types: TypeRegistry,
      delivery: Delivery,
      idempotencyKeys: IdempotencyKeys,
    ) =>
      options.roles.includes('worker')
        ? new NotificationWorker({ jobs, types, delivery, idempotencyKeys, options })
        : null,
  },
  {
    provide: QUEUE_DEPTH,
    inject: [JobQueue],
    useFactory: (jobs: JobQueue): QueueDepth => jobs.depth,
  },
  {
    provide: READINESS_CHECKS,
    inject: [LogDatabase, JobQueue, NotificationWorker, Escalations],
    useFactory: (
      log: LogDatabase,
      jobs: JobQueue,
      worker: NotificationWorker | null,
      escalations: Escalations | null,
    ): ReadinessCheck[] => [
      { name: 'postgres', check: () => log.query('SELECT 1') },
      // An instance without the queue still streams; removing all instances from the balancer would end that
      // too.
      ...(worker
        ? [
            { name: 'queue', check: () => jobs.depth() },
            { name: 'worker', check: () => Promise.all([worker.check(), escalations?.worker.check()]) },
          ]
        : []),
    ],
  },
];

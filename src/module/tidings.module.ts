import { setTimeout as sleep } from 'node:timers/promises';
import {
  Inject,
  Logger,
  Module,
  type DynamicModule,
  type OnApplicationBootstrap,
  type OnApplicationShutdown,
  type OnModuleDestroy,
  type Provider,
} from '@nestjs/common';
import { getQueueToken } from '@nestjs/bullmq';
import { postgresAddress, redisAddress } from '../platform/addresses.js';
import { LogUnavailableError } from '../contract/errors.js';
import {
  resolveOptions,
  type Composition,
  type ResolvedOptions,
  type TidingsOptions,
} from '../contract/options/options.js';
import type {
  Appender,
  IdempotencyKeys,
  JobCanceller,
  LiveBus,
  QueueEraser,
  Sql,
  Streams,
} from '../contract/ports/index.js';
import type { QueueDepth, ReadinessCheck } from '../contract/ports/ops.js';
import {
  APPENDER,
  ERASER,
  FEED_READER,
  IDEMPOTENCY_KEYS,
  INBOX,
  INBOX_CHANGES,
  JOB_CANCELLER,
  LIVE_BUS,
  LIVE_FEEDS,
  PREFERENCES,
  PRODUCER,
  QUEUE_DEPTH,
  QUEUE_ERASER,
  READINESS_CHECKS,
  RECALLER,
  RESOLVED_OPTIONS,
  SQL,
  STREAMS,
  SUPPORT_VIEW,
} from '../contract/tokens.js';
import { HOOKS_PROVIDERS } from './hooks.providers.js';
import { HTTP_CONTROLLERS, HTTP_PROVIDERS, mount } from '../http/index.js';
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
import { Escalations } from '../jobs/after/escalations.js';
import { HookRunner } from '../jobs/after/hook-runner.js';
import { OutboxCanceller, OutboxErasure, OutboxRelay } from '../jobs/outbox/index.js';
import { Outage } from '../platform/logging/outage.js';
import { ListenClient } from '../platform/postgres/listen-client.js';
import { settlesWithin } from '../platform/time/with-timeout.js';
import { LocalFirstBus } from '../live/local-first-bus.js';
import { PostgresBus } from '../live/postgres-bus.js';
import { RedisBus } from '../live/redis-bus.js';
import { LogDatabase } from '../log/database/database.js';
import { ExpirySweep } from '../log/upkeep/expiry-sweep.js';
import { GroupCommitAppender } from '../log/append/group-commit.js';
import { Retention } from '../log/upkeep/retention.js';
import { PRODUCERS_PROVIDERS } from './producers.providers.js';
import {
  ASYNC_OPTIONS_TYPE,
  ConfigurableModuleClass,
  MODULE_OPTIONS_TOKEN,
  OPTIONS_TYPE,
  type ControllerOptions,
} from './tidings.module-definition.js';
import { TidingsService } from './tidings.service.js';
import { FEEDS_PROVIDERS } from './feeds.providers.js';

/** As in Nest's TypeOrmModule: a database that starts beside the application may be ready a little later. */
const CONNECT = { attempts: 10, delayMs: 3_000 };
/** How long streams wait at shutdown for entries of the running batch. */
const LAST_BATCH_MS = 1_500;

interface Closable {
  close(): Promise<void>;
}

interface Sweep {
  start(): void;
  stop(): Promise<void>;
}

/** Decisions made before the options are resolved, to check the options against. */
const COMPOSITION = Symbol('tidings:composition');

/** The implementations of the ports, in the order of the data. */
const PROVIDERS: Provider[] = [
  ...PRODUCERS_PROVIDERS,
  ...HOOKS_PROVIDERS,
  {
    provide: RESOLVED_OPTIONS,
    inject: [MODULE_OPTIONS_TOKEN, COMPOSITION],
    useFactory: (options: TidingsOptions, composition: Composition) => resolveOptions(options, composition),
  },
  {
    provide: TypeRegistry,
    inject: [RESOLVED_OPTIONS],
    useFactory: ({ types }: ResolvedOptions) => new TypeRegistry(types),
  },
  {
    provide: LogDatabase,
    inject: [RESOLVED_OPTIONS],
    useFactory: ({ database }: ResolvedOptions) => connectPatiently(database),
  },
  { provide: SQL, useExisting: LogDatabase },
  {
    // After the database, which waits until Postgres is available.
    provide: JobQueue,
    inject: [RESOLVED_OPTIONS, LogDatabase],
    useFactory: (options: ResolvedOptions) => openJobQueue(options),
  },
  {
    provide: JOB_CANCELLER,
    inject: [SQL, JobQueue, IDEMPOTENCY_KEYS],
    useFactory: (sql: Sql, jobs: JobQueue, keys: IdempotencyKeys): JobCanceller =>
      new DirectCanceller(keys, new OutboxCanceller(sql, new QueueCanceller(jobs))),
  },
  {
    provide: QUEUE_ERASER,
    inject: [SQL, JobQueue, Escalations, RESOLVED_OPTIONS],
    useFactory: (
      sql: Sql,
      jobs: JobQueue,
      escalations: Escalations | null,
      { queue }: ResolvedOptions,
    ): QueueEraser =>
      new OutboxErasure(sql, [
        new QueueErasure(jobs),
        // Even without escalations in this process: another one may have them, and their jobs name
        // recipients.
        escalations
          ? new QueueErasure(escalations.jobs)
          : new OccasionalQueueErasure(() => Escalations.openQueue(jobs, queue.enqueueTimeoutMs)),
      ]),
  },
  {
    // Not through the pool: a LISTEN needs a permanent session. It connects on the first LISTEN.
    provide: ListenClient,
    inject: [RESOLVED_OPTIONS],
    useFactory: ({ database }: ResolvedOptions) =>
      new ListenClient(
        postgresAddress(database),
        new Outage(new Logger('Tidings'), 'The LISTEN connection to Postgres'),
      ),
  },
  {
    provide: LIVE_BUS,
    inject: [RESOLVED_OPTIONS, LogDatabase, ListenClient],
    useFactory: (
      { redis, metrics }: ResolvedOptions,
      { identity: incarnation, pool }: LogDatabase,
      listener: ListenClient,
    ): LiveBus =>
      new LocalFirstBus(
        redis
          ? new RedisBus({ incarnation, address: redisAddress(redis), metrics })
          : new PostgresBus({ incarnation, pool, listener, metrics }),
      ),
  },
  {
    provide: APPENDER,
    inject: [LogDatabase, LIVE_BUS, RESOLVED_OPTIONS, HookRunner],
    // Commits are announced batch by batch, right after the commit and never before (G1).
    useFactory: (log: LogDatabase, bus: LiveBus, { metrics }: ResolvedOptions, hooks: HookRunner): Appender =>
      new GroupCommitAppender(log, metrics, (results) => {
        bus.announce(results);
        hooks.appended(results);
      }),
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
  ...FEEDS_PROVIDERS,
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

/**
 * Durable, live notification feeds: jobs in, Server-Sent Events out.
 *
 * ```ts
 * TidingsModule.forRoot({
 *   database: { url: 'postgres://...' },
 *   types: [newOrder],
 *   http: { jwt: { secret: process.env.JWT_SECRET } },
 * })
 * ```
 */
@Module({})
export class TidingsModule
  extends ConfigurableModuleClass
  implements OnApplicationBootstrap, OnModuleDestroy, OnApplicationShutdown
{
  /** @internal Nest calls it. */
  constructor(
    // Started and stopped with the application. Structural types only, so that an importer's types do not
    // reach into the stages.
    @Inject(NotificationWorker) private readonly worker: (Closable & { start(): void }) | null,
    @Inject(OutboxRelay) private readonly relay: (Closable & { start(): void }) | null,
    @Inject(Escalations)
    private readonly escalations: (Closable & { start(): void; stop(): Promise<void> }) | null,
    @Inject(Retention) private readonly retention: Sweep,
    @Inject(ExpirySweep) private readonly expiry: Sweep,
    @Inject(STREAMS) private readonly streams: Streams,
    @Inject(LIVE_FEEDS) private readonly live: { close(): void },
    @Inject(LIVE_BUS) private readonly bus: Closable,
    @Inject(ListenClient) private readonly listener: Closable,
    @Inject(JobQueue) private readonly jobs: Closable,
    @Inject(LogDatabase) private readonly log: Closable,
    @Inject(QUEUE_DEPTH) private readonly queueDepth: QueueDepth,
    @Inject(RESOLVED_OPTIONS) private readonly options: Pick<ResolvedOptions, 'metrics'>,
  ) {
    super();
  }

  static forRoot(options: typeof OPTIONS_TYPE): DynamicModule {
    const { queue, controllers = options.roles?.includes('api') ?? true } = options;
    return compose(super.forRoot(options), queue?.name, controllers);
  }

  static forRootAsync(options: typeof ASYNC_OPTIONS_TYPE): DynamicModule {
    return compose(super.forRootAsync(options), options.queueName, options.controllers);
  }

  onApplicationBootstrap(): void {
    this.options.metrics.observeQueue?.(this.queueDepth);
    if (!this.worker) return;
    this.worker.start();
    this.relay?.start();
    this.escalations?.start();
    this.retention.start();
    this.expiry.start();
  }

  /**
   * Stops the intake first, so that the streams still deliver what the running batch commits. Everything
   * stops before Nest waits for open requests, because a stream never ends by itself.
   */
  async onModuleDestroy(): Promise<void> {
    const intake = Promise.all([
      this.relay?.close(),
      this.escalations?.stop(),
      this.worker?.close(),
      this.retention.stop(),
      this.expiry.stop(),
    ]);
    await settlesWithin(LAST_BATCH_MS, intake);
    await this.streams.drain();
    await intake;
  }

  async onApplicationShutdown(): Promise<void> {
    this.live.close();
    await this.bus.close();
    await this.listener.close();
    await this.escalations?.close();
    await this.jobs.close();
    await this.log.close();
  }
}

function compose(
  definition: DynamicModule,
  queueName = 'tidings',
  controllers: boolean | ControllerOptions = true,
): DynamicModule {
  const queueToken = getQueueToken(queueName);
  const { path = 'v1', decorators = [] } = typeof controllers === 'object' ? controllers : {};
  const composition: Composition = { controllers: controllers !== false, path };
  return {
    ...definition,
    controllers: controllers ? mount(HTTP_CONTROLLERS, { path, decorators }) : [],
    providers: [
      ...(definition.providers ?? []),
      { provide: COMPOSITION, useValue: composition },
      ...PROVIDERS,
      ...(controllers ? HTTP_PROVIDERS : []),
      // The tokens that @InjectQueue and Bull Board use.
      { provide: queueToken, inject: [JobQueue], useFactory: (jobs: JobQueue) => jobs.queue },
    ],
    exports: [
      TidingsService,
      PRODUCER,
      STREAMS,
      INBOX,
      INBOX_CHANGES,
      PREFERENCES,
      RECALLER,
      SUPPORT_VIEW,
      ERASER,
      FEED_READER,
      READINESS_CHECKS,
      QUEUE_DEPTH,
      RESOLVED_OPTIONS,
      queueToken,
    ],
  };
}

async function connectPatiently(options: ResolvedOptions['database']): Promise<LogDatabase> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await LogDatabase.connect(options);
    } catch (error) {
      if (!(error instanceof LogUnavailableError) || attempt >= CONNECT.attempts) throw error;
      const next = `attempt ${attempt + 1} of ${CONNECT.attempts} in ${CONNECT.delayMs / 1_000} s`;
      new Logger('Tidings').warn(`${error.message}; ${next}`);
      await sleep(CONNECT.delayMs);
    }
  }
}

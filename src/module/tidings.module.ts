import {
  Inject,
  Module,
  type DynamicModule,
  type OnApplicationBootstrap,
  type OnApplicationShutdown,
  type OnModuleDestroy,
  type Provider,
} from '@nestjs/common';
import { getQueueToken } from '@nestjs/bullmq';
import {
  resolveOptions,
  type Composition,
  type ResolvedOptions,
  type TidingsOptions,
} from '../contract/options/options.js';
import type { Streams } from '../contract/ports/index.js';
import type { QueueDepth } from '../contract/ports/ops.js';
import {
  ERASER,
  FEED_READER,
  INBOX,
  INBOX_CHANGES,
  LIVE_BUS,
  LIVE_FEEDS,
  PREFERENCES,
  PRODUCER,
  PUSH_SUBSCRIPTIONS,
  QUEUE_DEPTH,
  READINESS_CHECKS,
  RECALLER,
  RESOLVED_OPTIONS,
  STREAMS,
  SUPPORT_VIEW,
} from '../contract/tokens.js';
import { HTTP_CONTROLLERS, HTTP_PROVIDERS, mount } from '../http/index.js';
import { JobQueue, NotificationWorker, TypeRegistry } from '../jobs/index.js';
import { ActionJobs } from '../jobs/after/action-jobs.js';
import { Escalations } from '../jobs/after/escalations.js';
import { PushDelivery } from '../jobs/push/push-delivery.js';
import { OutboxRelay } from '../jobs/outbox/index.js';
import { ListenClient } from '../platform/postgres/listen-client.js';
import { settlesWithin } from '../platform/time/with-timeout.js';
import { RedisStreamCounts } from '../live/redis-stream-counts.js';
import { LogDatabase } from '../log/database/database.js';
import { DatabaseClock } from '../log/database/database-clock.js';
import { ExpirySweep } from '../log/upkeep/expiry-sweep.js';
import { Retention } from '../log/upkeep/retention.js';
import { TicketSweep } from '../log/upkeep/ticket-sweep.js';
import { SnoozeSweep } from '../log/upkeep/snooze-sweep.js';
import { FEEDS_PROVIDERS } from './feeds.providers.js';
import { HOOKS_PROVIDERS } from './hooks.providers.js';
import { LOG_PROVIDERS } from './log.providers.js';
import { PRODUCERS_PROVIDERS } from './producers.providers.js';
import { QUEUE_PROVIDERS } from './queue.providers.js';
import {
  ConfigurableModuleClass,
  MODULE_OPTIONS_TOKEN,
  type ASYNC_OPTIONS_TYPE,
  type ControllerOptions,
  type OPTIONS_TYPE,
} from './tidings.module-definition.js';
import { TidingsService } from './tidings.service.js';

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
  ...PRODUCERS_PROVIDERS,
  ...QUEUE_PROVIDERS,
  ...LOG_PROVIDERS,
  ...HOOKS_PROVIDERS,
  ...FEEDS_PROVIDERS,
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
    @Inject(PushDelivery) private readonly push: { close(): void } | null,
    @Inject(Retention) private readonly retention: Sweep,
    @Inject(ExpirySweep) private readonly expiry: Sweep,
    @Inject(TicketSweep) private readonly tickets: Sweep,
    @Inject(DatabaseClock) private readonly clock: { start(): Promise<void>; stop(): Promise<void> },
    @Inject(SnoozeSweep) private readonly snoozed: Sweep,
    @Inject(ActionJobs) private readonly actions: (Closable & { start(): void }) | null,
    @Inject(STREAMS) private readonly streams: Streams,
    @Inject(LIVE_FEEDS) private readonly live: { close(): void },
    @Inject(RedisStreamCounts) private readonly counts: Closable | null,
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

  async onApplicationBootstrap(): Promise<void> {
    const { metrics } = this.options;
    metrics.observeQueue?.(this.queueDepth);
    metrics.observeStreams?.(() => this.streams.states());
    // Nobody else needs it.
    if (metrics.entryShown) await this.clock.start();
    this.actions?.start();
    if (!this.worker) return;
    this.worker.start();
    this.relay?.start();
    this.escalations?.start();
    for (const sweep of [this.retention, this.expiry, this.tickets, this.snoozed]) sweep.start();
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
      this.tickets.stop(),
      this.clock.stop(),
      this.snoozed.stop(),
    ]);
    await settlesWithin(LAST_BATCH_MS, intake);
    await this.streams.drain();
    await intake;
  }

  async onApplicationShutdown(): Promise<void> {
    this.live.close();
    await this.counts?.close();
    await this.bus.close();
    await this.listener.close();
    await this.escalations?.close();
    this.push?.close();
    await this.actions?.close();
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
      PUSH_SUBSCRIPTIONS,
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

import type { Provider } from '@nestjs/common';
import type { ResolvedOptions } from '../contract/options/options.js';
import type {
  AudienceTaker,
  DropLog,
  Eraser,
  FeedReader,
  Inbox,
  InboxChanges,
  LiveBus,
  LogEraser,
  Preferences,
  QueueEraser,
  Recaller,
  Sql,
  Streams,
  SupportView,
  Tickets,
} from '../contract/ports/index.js';
import {
  AUDIENCE_TAKER,
  DROP_LOG,
  ERASER,
  FEED_READER,
  INBOX,
  INBOX_CHANGES,
  LIVE_BUS,
  LIVE_FEEDS,
  LOG_ERASER,
  PREFERENCES,
  PUSH_SUBSCRIPTIONS,
  PUSH_TARGETS,
  QUEUE_ERASER,
  RECALLER,
  RESOLVED_OPTIONS,
  SQL,
  STREAMS,
  SUPPORT_VIEW,
  TAKING_READER,
  TICKETS,
} from '../contract/tokens.js';
import { PostgresInbox } from '../log/inbox/postgres-inbox.js';
import { PostgresInboxChanges } from '../log/inbox/postgres-inbox-changes.js';
import { PostgresPreferences } from '../log/inbox/postgres-preferences.js';
import { PostgresRecaller } from '../log/inbox/postgres-recaller.js';
import { PostgresSupportView } from '../log/inbox/postgres-support-view.js';
import { Locales, TypeRegistry } from '../jobs/index.js';
import { ActionJobs } from '../jobs/after/action-jobs.js';
import { Escalations } from '../jobs/after/escalations.js';
import { HookRunner } from '../jobs/after/hook-runner.js';
import {
  EntryUpgrade,
  UpgradingAnnouncer,
  UpgradingFeedReader,
  UpgradingInbox,
} from '../types/entry-upgrade.js';
import { LiveFeedsHub } from '../live/live-feeds.js';
import { RedisStreamCounts } from '../live/redis-stream-counts.js';
import { redisAddress } from '../platform/addresses.js';
import { LogDatabase } from '../log/database/database.js';
import { DatabaseClock } from '../log/database/database-clock.js';
import { PostgresDropLog } from '../log/append/drop-log.js';
import { PostgresLogEraser } from '../log/upkeep/eraser.js';
import { ExpirySweep } from '../log/upkeep/expiry-sweep.js';
import { PostgresFeedReader } from '../log/read/feed-reader.js';
import { PostgresPushSubscriptions } from '../log/push/postgres-push-subscriptions.js';
import { PostgresTickets } from '../log/tickets/postgres-tickets.js';
import { Retention } from '../log/upkeep/retention.js';
import { TicketSweep } from '../log/upkeep/ticket-sweep.js';
import { SnoozeSweep } from '../log/upkeep/snooze-sweep.js';
import { AUDIENCES_PROVIDERS } from './audiences.providers.js';
import { ComposedEraser } from './composed-eraser.js';
import { AudienceMembers } from '../stream/audience-members.js';
import { FeedStreams } from '../stream/feed-streams.js';

/** The approximate delay until open pages show an expiry; nothing else depends on it. */
const EXPIRY_SWEEP_MS = 5_000;
/** The approximate delay until snoozed notifications are back. */
const SNOOZE_SWEEP_MS = 1_000;

/**
 * Providers that read feeds and change their state: pages, streams, sweeps, erasure. Part of the composition
 * root, see tidings.module.ts.
 */
export const FEEDS_PROVIDERS: Provider[] = [
  {
    provide: FEED_READER,
    inject: [LogDatabase, RESOLVED_OPTIONS, TypeRegistry],
    useFactory: (log: LogDatabase, { metrics }: ResolvedOptions, types: TypeRegistry): FeedReader => {
      const reader = new PostgresFeedReader(log, metrics);
      return types.upgrades ? new UpgradingFeedReader(reader, new EntryUpgrade(types)) : reader;
    },
  },
  {
    provide: INBOX,
    inject: [SQL, TAKING_READER, AUDIENCE_TAKER, TypeRegistry],
    useFactory: (sql: Sql, reader: FeedReader, taker: AudienceTaker, types: TypeRegistry): Inbox => {
      const inbox = new PostgresInbox(sql, reader, taker);
      return types.upgrades ? new UpgradingInbox(inbox, new EntryUpgrade(types)) : inbox;
    },
  },
  {
    provide: INBOX_CHANGES,
    inject: [SQL, LIVE_BUS, HookRunner, ActionJobs, Escalations, TypeRegistry],
    useFactory: (
      sql: Sql,
      bus: LiveBus,
      hooks: HookRunner,
      jobs: ActionJobs | null,
      escalations: Escalations | null,
      types: TypeRegistry,
    ): InboxChanges => {
      const upgrade = new EntryUpgrade(types);
      return new PostgresInboxChanges(sql, hooks.listeningTo(new UpgradingAnnouncer(bus, types)), {
        stages: jobs !== null,
        acted: (acted) => {
          // Never rejected: an upgrade that fails is reported, and leaves the notification as it was.
          void upgrade.item(acted.notification).then((notification) => {
            const upgraded = { ...acted, notification };
            hooks.acted(upgraded);
            jobs?.acted(upgraded);
          });
        },
        returned: (notifications) => escalations?.taken(notifications),
      });
    },
  },
  {
    provide: PREFERENCES,
    inject: [SQL, RESOLVED_OPTIONS, Locales],
    useFactory: (sql: Sql, { types }: ResolvedOptions, locales: Locales): Preferences =>
      new PostgresPreferences(sql, types, async (feed) => (await locales.of([feed]))[0]!),
  },
  {
    provide: RECALLER,
    inject: [SQL, FEED_READER, LIVE_BUS],
    useFactory: (sql: Sql, reader: FeedReader, bus: LiveBus): Recaller =>
      new PostgresRecaller(sql, reader, bus),
  },
  {
    provide: SUPPORT_VIEW,
    inject: [SQL],
    useFactory: (sql: Sql): SupportView => new PostgresSupportView(sql),
  },
  {
    provide: DROP_LOG,
    inject: [LogDatabase],
    useFactory: (log: LogDatabase): DropLog => new PostgresDropLog(log),
  },
  {
    provide: LOG_ERASER,
    inject: [LogDatabase],
    useFactory: (log: LogDatabase): LogEraser => new PostgresLogEraser(log),
  },
  {
    provide: LIVE_FEEDS,
    inject: [LIVE_BUS, FEED_READER, RESOLVED_OPTIONS],
    useFactory: (bus: LiveBus, reader: FeedReader, { stream }: ResolvedOptions) =>
      new LiveFeedsHub(bus, reader, stream),
  },
  ...AUDIENCES_PROVIDERS,
  {
    provide: STREAMS,
    inject: [
      TAKING_READER,
      LIVE_FEEDS,
      AudienceMembers,
      TICKETS,
      DatabaseClock,
      RedisStreamCounts,
      RESOLVED_OPTIONS,
    ],
    useFactory: (
      reader: FeedReader,
      live: LiveFeedsHub,
      audiences: AudienceMembers,
      tickets: Tickets,
      clock: DatabaseClock,
      counts: RedisStreamCounts | null,
      { metrics, tracing, stream }: ResolvedOptions,
    ): Streams =>
      new FeedStreams({ reader, live, audiences, tickets, clock, counts, metrics, tracing, options: stream }),
  },
  {
    provide: DatabaseClock,
    inject: [LogDatabase],
    useFactory: (log: LogDatabase) => new DatabaseClock(log),
  },
  {
    provide: RedisStreamCounts,
    inject: [LogDatabase, RESOLVED_OPTIONS],
    useFactory: ({ identity }: LogDatabase, { redis, queue, stream }: ResolvedOptions) =>
      redis && stream.maxPerRecipient !== null
        ? new RedisStreamCounts(redisAddress(redis), queue.prefix, identity)
        : null,
  },
  {
    provide: TICKETS,
    inject: [LogDatabase],
    useFactory: (log: LogDatabase): Tickets => new PostgresTickets(log),
  },
  {
    provide: PUSH_TARGETS,
    inject: [LogDatabase, RESOLVED_OPTIONS],
    useFactory: (log: LogDatabase, { push }: ResolvedOptions) => new PostgresPushSubscriptions(log, push),
  },
  { provide: PUSH_SUBSCRIPTIONS, useExisting: PUSH_TARGETS },
  {
    provide: ERASER,
    inject: [LOG_ERASER, STREAMS, QUEUE_ERASER],
    useFactory: (log: LogEraser, streams: Streams, queue: QueueEraser): Eraser =>
      new ComposedEraser(log, streams, queue),
  },
  {
    provide: Retention,
    inject: [LogDatabase, RESOLVED_OPTIONS],
    useFactory: (log: LogDatabase, { retention }: ResolvedOptions) => new Retention(log, retention),
  },
  {
    provide: TicketSweep,
    inject: [LogDatabase, RESOLVED_OPTIONS],
    useFactory: (log: LogDatabase, { retention }: ResolvedOptions) => new TicketSweep(log, retention.sweepMs),
  },
  {
    provide: ExpirySweep,
    inject: [LogDatabase, LIVE_BUS, RESOLVED_OPTIONS],
    useFactory: (log: LogDatabase, bus: LiveBus, { retention }: ResolvedOptions) =>
      new ExpirySweep(log, bus, Math.min(retention.sweepMs, EXPIRY_SWEEP_MS)),
  },
  {
    provide: SnoozeSweep,
    inject: [LogDatabase, LIVE_BUS, Escalations, TypeRegistry, RESOLVED_OPTIONS],
    useFactory: (
      log: LogDatabase,
      bus: LiveBus,
      escalations: Escalations | null,
      types: TypeRegistry,
      { retention }: ResolvedOptions,
    ) => {
      const announcer = new UpgradingAnnouncer(bus, types);
      const everyMs = Math.min(retention.sweepMs, SNOOZE_SWEEP_MS);
      return new SnoozeSweep(log, everyMs, (announcements, returned) => {
        announcer.announce(announcements);
        escalations?.taken(returned);
      });
    },
  },
];

import type { Provider } from '@nestjs/common';
import type { ResolvedOptions } from '../contract/options/options.js';
import type {
  AudienceTaker,
  FeedReader,
  LiveBus,
  LiveFeeds,
  TakenNotification,
} from '../contract/ports/index.js';
import {
  AUDIENCE_TAKER,
  FEED_READER,
  LIVE_BUS,
  LIVE_FEEDS,
  RESOLVED_OPTIONS,
  TAKING_READER,
} from '../contract/tokens.js';
import { Escalations } from '../jobs/after/escalations.js';
import { HookRunner } from '../jobs/after/hook-runner.js';
import { Locales, TypeAudienceRenderer, TypeRegistry } from '../jobs/index.js';
import { PostgresAudienceTaker } from '../log/audience/audience-taker.js';
import { TakingFeedReader } from '../log/audience/taking-reader.js';
import { LogDatabase } from '../log/database/database.js';
import { AudienceMembers } from '../stream/audience-members.js';

/** Providers that take the entries of audiences into feeds. Part of the composition root, see tidings.module.ts. */
export const AUDIENCES_PROVIDERS: Provider[] = [
  {
    provide: AUDIENCE_TAKER,
    inject: [LogDatabase, TypeRegistry, Locales, LIVE_BUS, HookRunner, Escalations, RESOLVED_OPTIONS],
    useFactory: (
      log: LogDatabase,
      types: TypeRegistry,
      locales: Locales,
      bus: LiveBus,
      hooks: HookRunner,
      escalations: Escalations | null,
      { metrics }: ResolvedOptions,
    ): AudienceTaker =>
      new PostgresAudienceTaker(log, new TypeAudienceRenderer(types, locales), metrics, {
        taken: (notifications: readonly TakenNotification[]) => {
          bus.announce(notifications);
          hooks.appended(notifications);
          escalations?.taken(notifications);
        },
        changed: (announcements) => bus.announce(announcements),
      }),
  },
  {
    provide: TAKING_READER,
    inject: [FEED_READER, AUDIENCE_TAKER],
    useFactory: (reader: FeedReader, taker: AudienceTaker): FeedReader => new TakingFeedReader(reader, taker),
  },
  {
    provide: AudienceMembers,
    inject: [LIVE_FEEDS, FEED_READER, AUDIENCE_TAKER, RESOLVED_OPTIONS],
    useFactory: (live: LiveFeeds, reader: FeedReader, taker: AudienceTaker, { audience }: ResolvedOptions) =>
      new AudienceMembers(live, reader, taker, audience),
  },
];

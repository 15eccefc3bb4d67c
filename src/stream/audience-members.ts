import { feedKeyString } from '../contract/model/feed.js';
import { audienceFeed } from '../contract/model/audience.js';
import type { AudienceTaker, Member } from '../contract/ports/audience.js';
import type { LiveFeeds } from '../contract/ports/live.js';
import type { FeedReader } from '../contract/ports/read.js';
import type { ResolvedOptions } from '../contract/options/options.js';
import { WatchedAudience } from './watched-audience.js';

/** A stream's place among the members of its audiences. */
export interface Membership {
  /** Takes again, until the feed is free: it was locked when the stream was opened. */
  takeLater(): void;
  leave(): void;
}

const NOBODY: Membership = { takeLater: () => {}, leave: () => {} };

/** The audiences that streams of this instance belong to. */
export class AudienceMembers {
  private readonly watched = new Map<string, WatchedAudience>();

  constructor(
    private readonly live: LiveFeeds,
    private readonly reader: Pick<FeedReader, 'open'>,
    private readonly taker: AudienceTaker,
    private readonly options: ResolvedOptions['audience'],
  ) {}

  /**
   * Adds a stream to its audiences. Resolves when the bus has acknowledged their channels: what is announced after
   * that is taken live, so the feed must be opened after that.
   *
   * @throws {LogUnavailableError} if an audience is new here and the database is unavailable.
   */
  async join({ feed, audiences }: Member): Promise<Membership> {
    if (audiences.length === 0) return NOBODY;
    const joined = new JoinedAudiences(
      { feed, audiences },
      audiences.map((name) => this.watch(feed.tenant, name)),
    );
    try {
      await joined.join();
    } catch (error) {
      joined.leave();
      throw error;
    }
    return joined;
  }

  private watch(tenant: string, name: string): WatchedAudience {
    const key = audienceFeed(tenant, name);
    const id = feedKeyString(key);
    let audience = this.watched.get(id);
    if (!audience) {
      audience = new WatchedAudience(key, this.live, this.reader, this.taker, this.options.spreadMs, () =>
        this.watched.delete(id),
      );
      this.watched.set(id, audience);
    }
    return audience;
  }
}

class JoinedAudiences implements Membership {
  /** @param member Its own for each stream: the same recipient may have several, with different claims. */
  constructor(
    private readonly member: Member,
    private readonly audiences: readonly WatchedAudience[],
  ) {}

  async join(): Promise<void> {
    await Promise.all(this.audiences.map((audience) => audience.join(this.member)));
  }

  takeLater(): void {
    this.audiences[0]!.takeLater(this.member);
  }

  leave(): void {
    for (const audience of this.audiences) audience.leave(this.member);
  }
}

import type { FeedReader } from '../contract/ports/read.js';
import type { EventCounter } from './feed-cache.js';
import type { Outage } from '../platform/logging/outage.js';
import type { WatchedFeed } from './watched-feed.js';

/** Ids of one query. */
const CHUNK = 1_000;

/** Compares the heads of the watched feeds with the log. It finds a lost message that no later message reveals. */
export class HeadCheck {
  constructor(
    private readonly heads: FeedReader['heads'],
    private readonly events: EventCounter,
    private readonly outage: Outage,
  ) {}

  /** Checks these feeds. Never rejects: the next check repeats a failed one. */
  async run(feeds: Iterable<WatchedFeed>): Promise<void> {
    const known = [...feeds].filter((feed) => feed.cache.feedId !== null);
    try {
      for (let start = 0; start < known.length; start += CHUNK)
        await this.check(known.slice(start, start + CHUNK));
      this.outage.end();
    } catch (error) {
      this.outage.begin(error);
    }
  }

  private async check(feeds: readonly WatchedFeed[]): Promise<void> {
    const since = this.events.now;
    const byId = new Map(feeds.map((feed) => [feed.cache.feedId ?? '', feed]));
    for (const head of await this.heads([...byId.keys()])) {
      const feed = byId.get(head.feedId);
      byId.delete(head.feedId);
      // The feed was erased and created again meanwhile: this is the head of its former row.
      if (feed?.cache.feedId !== head.feedId) continue;
      if (feed.cache.read(head, since)) feed.changed();
    }
    for (const [id, gone] of byId) {
      if (gone.cache.feedId === id && gone.cache.doubt()) gone.changed();
    }
  }
}

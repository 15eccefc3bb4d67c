import type { FeedKey } from '../../contract/model/feed.js';
import type { AudienceTaker } from '../../contract/ports/audience.js';
import type { FeedHead, FeedReader, FeedState, LogPage, OpenedFeed } from '../../contract/ports/read.js';

/**
 * Opens feeds for their recipients: what is newer in the audiences is taken first. The query that opens the feed
 * finds out, so an opening with nothing to take is that query alone. What is announced after its snapshot reaches
 * a stream live, as its subscription is older, and a page at the next opening.
 */
export class TakingFeedReader implements FeedReader {
  constructor(
    private readonly reader: FeedReader,
    private readonly taker: AudienceTaker,
  ) {}

  /** `pending` is true if the feed stays locked by others, so that nothing could be taken. */
  async open(feed: FeedKey, audiences?: readonly string[]): Promise<OpenedFeed> {
    const opened = await this.reader.open(feed, audiences);
    if (!opened.pending) return opened;
    const taken = await this.taker.take({ feed, audiences: audiences! });
    return { ...(await this.reader.open(feed)), pending: !taken };
  }

  find(feed: FeedKey): Promise<FeedState | null> {
    return this.reader.find(feed);
  }

  page(feedId: string, after: number): Promise<LogPage | null> {
    return this.reader.page(feedId, after);
  }

  heads(feedIds: readonly string[]): Promise<FeedHead[]> {
    return this.reader.heads(feedIds);
  }
}

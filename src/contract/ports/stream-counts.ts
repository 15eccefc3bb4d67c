import type { FeedKey } from '../model/feed.js';

/** How many streams each instance has of a recipient. */
export interface StreamCounts {
  /**
   * Tells the other instances how many this one has. Resolves to the number on the others, as far as known: 0 while they cannot be asked. Never
   * rejects.
   */
  share(feed: FeedKey, own: number): Promise<number>;
}

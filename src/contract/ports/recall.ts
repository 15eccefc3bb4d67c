import type { FeedKey } from '../model/feed.js';

/**
 * What a recall did. `recalled`: it was in the feed and is gone from every page and device. `prevented`: its job has not run yet, or there is
 * none; the key is taken now, so that it never will be. `gone`: it was taken back, deleted, replaced or trimmed before.
 */
export type RecallOutcome = 'recalled' | 'prevented' | 'gone';

/** Takes notifications back. */
export interface Recaller {
  /**
   * Takes back what was sent, or will be, to these feeds under this key of the producer's. Repeating it does no more.
   *
   * @returns One outcome a feed, in order.
   * @throws {FeedBusyError} if another transaction holds one of the feeds for long; repeat all.
   * @throws {LogUnavailableError} if the database is away or too slow; repeat all.
   */
  recall(feeds: readonly FeedKey[], dedupeKey: string): Promise<RecallOutcome[]>;
}

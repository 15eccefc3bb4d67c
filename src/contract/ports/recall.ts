import type { FeedKey } from '../model/feed.js';

/**
 * The result of a recall. `recalled`: it was in the feed and is removed from every page and device.
 * `prevented`: its job has not run yet, or there is none; the key is now taken, so it will never be
 * delivered.
 * `gone`: it was already recalled, deleted, replaced or trimmed.
 */
export type RecallOutcome = 'recalled' | 'prevented' | 'gone';

/** Recalls notifications. */
export interface Recaller {
  /**
   * Recalls the notifications with this dedupe key, also future ones, from these feeds. Repeating it has no
   * further effect.
   *
   * @param sender The name of the producer whose key it is; `null`: one without a name.
   * @returns One outcome per feed, in order.
   * @throws {FeedBusyError} if one of the feeds stays locked by another transaction; repeat all.
   * @throws {LogUnavailableError} if the database is unavailable or too slow; repeat all.
   */
  recall(feeds: readonly FeedKey[], dedupeKey: string, sender: string | null): Promise<RecallOutcome[]>;
}

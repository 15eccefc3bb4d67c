import type { FeedKey } from '../model/feed.js';
import type { InboxPage, PageRequest } from './inbox.js';

/**
 * Why a notification was dropped. `muted`: by the recipient's preferences. `duplicate`: the key was already
 * used. `expired`: the job ran too late. `recalled`: recalled before its job ran. `erased`: the job is older
 * than the recipient's erasure.
 */
export type DropReason = 'muted' | 'duplicate' | 'expired' | 'recalled' | 'erased';

/** The number of dropped notifications that are kept of a feed, the newest. */
export const MOST_DROPPED = 100;

/** A dropped notification. */
export interface Dropped {
  readonly reason: DropReason;
  readonly type: string;
  readonly jobId: string;
  /** ISO 8601. */
  readonly at: string;
}

/** Records dropped notifications for support; records are kept as long as entries, and the newest {@link MOST_DROPPED} of a feed. */
export interface DropLog {
  /** Best effort: it logs its errors and never throws, because no notification may wait for it. */
  record(dropped: readonly (Omit<Dropped, 'at'> & { readonly feed: FeedKey })[]): Promise<void>;
}

/** A read-only view of a feed for the support team. It does not create the feed. */
export interface SupportView {
  /**
   * A page of all kept notifications, including those no longer visible, and the recently dropped ones,
   * newest first. Each item has an additional `status`: `shown`, `archived`, `expired` or `removed` (deleted,
   * recalled or replaced). `archived: false` returns all of them, `true` the archived ones.
   *
   * @throws {NotFoundError} if the feed does not exist.
   * @throws {LogUnavailableError} if the database is unavailable or too slow.
   */
  feed(feed: FeedKey, request: PageRequest): Promise<InboxPage & { readonly dropped: readonly Dropped[] }>;
}

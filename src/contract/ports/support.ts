import type { FeedKey } from '../model/feed.js';
import type { InboxPage, PageRequest } from './inbox.js';

/**
 * Why a recipient did not get something. `muted`: by the preferences. `duplicate`: the key was used before. `expired`: the job ran too late.
 * `recalled`: taken back before its job ran. `erased`: the job is from before the recipient's erasure.
 */
export type DropReason = 'muted' | 'duplicate' | 'expired' | 'recalled' | 'erased';

/** Something that was dropped. */
export interface Dropped {
  readonly reason: DropReason;
  readonly type: string;
  readonly jobId: string;
  /** ISO 8601. */
  readonly at: string;
}

/** Notes what was dropped, for support; kept as long as entries are. */
export interface DropLog {
  /** Best effort: it logs its failure and never throws, as no notification must wait for it. */
  record(dropped: readonly (Omit<Dropped, 'at'> & { readonly feed: FeedKey })[]): Promise<void>;
}

/** A feed as the support team sees it: read-only, and without making it if it is not there. */
export interface SupportView {
  /**
   * A page with all that is kept, also what is not shown any more, and what was dropped lately, newest first. Each item has a `status`
   * besides what is on the wire: `shown`, `archived`, `expired` or `removed` (deleted, recalled or replaced). `archived` false asks for
   * all of them, true for the archived ones.
   *
   * @throws {NotFoundError} if there is no such feed.
   * @throws {LogUnavailableError} if the database is away or too slow.
   */
  feed(feed: FeedKey, request: PageRequest): Promise<InboxPage & { readonly dropped: readonly Dropped[] }>;
}

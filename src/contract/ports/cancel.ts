import type { FeedKey } from '../model/feed.js';

/** A job of which an append may still be under way. */
export interface CancelledJob {
  /** Each once. */
  readonly feeds: readonly FeedKey[];
  readonly dedupeKey: string;
  /** As in {@link NewNotification}. */
  readonly fingerprint: Buffer;
  readonly queuedAt: Date;
}

/**
 * The result. `cancelled`: no append of the job will succeed any more, and none has. `delivered`: it was appended to all feeds; `partly`: to
 * some of them. Then nothing has changed.
 */
export type CancelVerdict = 'cancelled' | 'delivered' | 'partly';

/** Decides between the cancellation of a job and its append. */
export interface CancelledJobs {
  /**
   * Cancels the job unless it was appended. Safe to repeat.
   *
   * @throws {LogUnavailableError}
   * @throws {FeedBusyError} if one of the feeds stays locked.
   */
  cancel(job: CancelledJob): Promise<CancelVerdict>;
  /** @throws {LogUnavailableError} */
  isCancelled(fingerprint: Buffer): Promise<boolean>;
}

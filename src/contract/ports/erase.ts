import type { FeedKey } from '../model/feed.js';

/** The result of an erasure. */
export interface ErasureReport {
  readonly feeds: number;
  readonly entries: number;
  /** The number of jobs removed from the queue, or stripped of this recipient, whatever their state. */
  readonly jobs: number;
}

/**
 * Erases recipients, or whole tenants, for good (GDPR, article 17). Their streams end with `feed.closing` and
 * the reason `revoked`, and their jobs leave the queue. Of their rows only a hash with the
 * time stays, so that an older job cannot bring anything back. A recipient who returns gets a new feed with a
 * new epoch.
 */
export interface Eraser {
  /** Safe to repeat, also after a partial failure. @throws {LogUnavailableError} @throws {QueueUnavailableError} */
  eraseRecipient(feed: FeedKey): Promise<ErasureReport>;
  /** Erases all recipients of a tenant, as {@link eraseRecipient}. */
  eraseTenant(tenant: string): Promise<ErasureReport>;
}

/** The target of an erasure. */
export interface ErasureTarget {
  readonly tenant: string;
  /** `null`: all recipients of the tenant. */
  readonly recipient: string | null;
}

/** The queue's part of an erasure. */
export interface QueueEraser {
  /**
   * Removes the target's jobs, in any state, and removes the target from jobs with other recipients. Jobs
   * queued later stay. Safe to repeat.
   *
   * @returns The number of removed or changed jobs.
   * @throws {QueueUnavailableError} if the queue does not answer in time; repeat it.
   */
  erase(target: ErasureTarget, before: ErasureTimes): Promise<number>;
}

/** The times of an erasure, by the database's clock. */
export interface ErasureTimes {
  /** The time of the tombstone; jobs for the log that are queued later are accepted. */
  readonly at: Date;
  /** The time from which the feeds were empty: what came of their entries did so earlier. */
  readonly emptiedAt: Date;
}

/** The log's part of the result. */
export interface LogErasure extends Pick<ErasureReport, 'feeds' | 'entries'>, ErasureTimes {}

/** The log's part of an erasure: its rows, and the tombstones that keep late jobs out. */
export interface LogEraser {
  /**
   * Safe to repeat, also after a partial failure. @throws {LogUnavailableError} if the database is
   * unavailable or too slow.
   */
  eraseRecipient(feed: FeedKey): Promise<LogErasure>;
  /**
   * Erases all recipients of a tenant, as {@link eraseRecipient}.
   *
   * @param onErased Called with feeds as they are erased, some at a time, so that their streams can be ended.
   * Must not throw.
   */
  eraseTenant(tenant: string, onErased?: (feeds: readonly FeedKey[]) => void): Promise<LogErasure>;
}

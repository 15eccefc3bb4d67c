import type { FeedKey } from '../model/feed.js';

/** What an erasure removed. */
export interface ErasureReport {
  readonly feeds: number;
  readonly entries: number;
  /** Jobs taken off the queue, or rid of this recipient, whatever their state. */
  readonly jobs: number;
}

/**
 * Erases recipients, or whole tenants, for good (GDPR, article 17). Their streams end with `feed.closing` and the reason `revoked`, their jobs
 * leave the queue, and of their rows only a hash with the time stays, so that a job from before cannot bring anything back.
 * Whoever comes back afterwards has a new feed with a new epoch.
 */
export interface Eraser {
  /** Safe to repeat, also after a failure in the middle. @throws {LogUnavailableError} @throws {QueueUnavailableError} */
  eraseRecipient(feed: FeedKey): Promise<ErasureReport>;
  /** As {@link eraseRecipient}, for all recipients of a tenant. */
  eraseTenant(tenant: string): Promise<ErasureReport>;
}

/** Whom an erasure is about. */
export interface ErasureTarget {
  readonly tenant: string;
  /** `null`: all recipients of the tenant. */
  readonly recipient: string | null;
}

/** The queue's part of an erasure. */
export interface QueueEraser {
  /**
   * Removes the target's jobs, in whatever state, and takes its name out of those that have other recipients, too. Jobs that were queued
   * after `before` stay. Safe to repeat.
   *
   * @returns How many jobs were removed or changed.
   * @throws {QueueUnavailableError} if the queue did not answer in time; repeat it.
   */
  erase(target: ErasureTarget, before: Date): Promise<number>;
}

/** What the log removed. */
export interface LogErasure extends Pick<ErasureReport, 'feeds' | 'entries'> {
  /** The time of the tombstone, by the clock of the database: what was queued later is of a new life. */
  readonly at: Date;
}

/** The log's part of an erasure: its rows, and the tombstones that keep late jobs out. */
export interface LogEraser {
  /** Safe to repeat, also after a failure in the middle. @throws {LogUnavailableError} if the database is away or too slow. */
  eraseRecipient(feed: FeedKey): Promise<LogErasure>;
  /**
   * As {@link eraseRecipient}, for all recipients of a tenant.
   *
   * @param onErased Told of the feeds as they go, some at a time, so that their streams can be ended. Must not throw.
   */
  eraseTenant(tenant: string, onErased?: (feeds: readonly FeedKey[]) => void): Promise<LogErasure>;
}

import type { FeedKey } from '../model/feed.js';
import type { LogEntry } from '../model/entry.js';

/**
 * A rendered notification for one recipient, before it has a position in the log. The append creates its id,
 * which contains the position.
 */
export interface NewNotification {
  readonly feed: FeedKey;
  /**
   * The same `(feed, dedupeKey)` never makes two entries (G5). Its prefix names its source, see
   * jobs/produce/job-identity.ts.
   */
  readonly dedupeKey: string;
  readonly type: string;
  readonly title: string;
  readonly body: string | null;
  readonly link: string | null;
  /** Image, actions and severity as a JSON object, see `contentJson`; `null` if there are none. */
  readonly contentJson: string | null;
  readonly category: string | null;
  /** The validated `data` as JSON text. */
  readonly dataJson: string;
  readonly version: number;
  readonly expiresAt: Date | null;
  readonly collapseKey: string | null;
  /** Whether it is delivered even if its type or its category is muted. */
  readonly mandatory: boolean;
  /**
   * 16 bytes that identify the job, stored with the dedupe key. They distinguish a repeated attempt of the
   * same job from another job with the same key. Without them there is no
   * comparison.
   */
  readonly fingerprint?: Buffer | null;
  /** When it was published, or due, ms on the clock of the database. */
  readonly publishedAt?: number;
  /** The trace that its frames belong to (W3C Trace Context). */
  readonly traceparent?: string;
  /** When its job was queued: jobs queued before the recipient's erasure are dropped. */
  readonly queuedAt: Date;
}

/** A committed notification, from this or an earlier run of the same job. */
export interface CommittedNotification {
  readonly outcome: 'appended' | 'duplicate';
  readonly feed: FeedKey;
  readonly epoch: string;
  /** The number of the entry; for a duplicate that was trimmed its former number. */
  readonly seq: number;
  /**
   * The entry for the bus; `null` for a duplicate, which the bus need not carry again, and for one that
   * expires: no cache may serve it too late.
   */
  readonly entry: LogEntry | null;
  /** Set on a duplicate of another job: its key was first used with another fingerprint. */
  readonly conflict?: true;
}

/** A dropped notification; nothing of it is kept. */
export interface DroppedNotification {
  /**
   * `recalled`: its key was recalled earlier. `cancelled`: its job was cancelled. `erased`: its job is older than the recipient's erasure.
   */
  readonly outcome: 'muted' | 'recalled' | 'cancelled' | 'erased';
  readonly feed: FeedKey;
}

/** The result for one notification. */
export type AppendResult = CommittedNotification | DroppedNotification;

/** How to append. */
export interface AppendOptions {
  /** Before whatever is not urgent: a caller waits for the answer. Default `false`. */
  readonly urgent?: boolean;
  /** When it aborts, what is not in a transaction yet is not appended any more, and the call rejects with its reason. */
  readonly signal?: AbortSignal;
}

/** The only way for a job into the log. */
export interface Appender {
  /**
   * Appends all of them and resolves after the commit (G1), with results in the order given. Concurrent calls
   * share a transaction (group commit). Safe to repeat: committed notifications come back as duplicates.
   *
   * A notification with a collapse key replaces the newest unread one with the same key: that one is hidden,
   * and the new one counts for both.
   *
   * The appender announces commits on the bus by itself.
   *
   * @throws {LogUnavailableError} if the database is unavailable; some may be committed, so repeat all.
   * @throws {FeedBusyError} if one of the feeds stays locked; others may be committed, so repeat all.
   * @throws {InvalidJobError} if Postgres rejects the content; other notifications in the batch are not
   * affected.
   */
  append(notifications: readonly NewNotification[], options?: AppendOptions): Promise<AppendResult[]>;
  /** When the last transaction was committed, as `performance.now()`: whether the log works, for all callers. */
  readonly lastCommitAt: number;
}

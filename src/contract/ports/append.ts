import type { FeedKey } from '../model/feed.js';
import type { LogEntry } from '../model/entry.js';

/** A rendered notification for one recipient, before it has a place in the log. Its id is made there: it carries the place. */
export interface NewNotification {
  readonly feed: FeedKey;
  /** The same `(feed, dedupeKey)` never makes two entries (G5). Prefixed by its origin, see jobs/dedupe-key.ts. */
  readonly dedupeKey: string;
  readonly type: string;
  readonly title: string;
  readonly body: string | null;
  readonly link: string | null;
  /** The checked `data` as JSON text. */
  readonly dataJson: string;
  readonly version: number;
  readonly expiresAt: Date | null;
  readonly collapseKey: string | null;
  /** Whether it is delivered even where its type is muted. */
  readonly mandatory: boolean;
  /**
   * 16 bytes that stand for the job. They are kept with the dedupe key and tell a repeated attempt of the same job from another job with the
   * same key. Without them nothing is compared.
   */
  readonly fingerprint?: Buffer | null;
  /** When its job was put on the queue: what was queued before the recipient's erasure is dropped. */
  readonly queuedAt: Date;
}

/** It was committed, now or by an earlier run of the same job. */
export interface CommittedNotification {
  readonly outcome: 'appended' | 'duplicate';
  readonly feed: FeedKey;
  readonly epoch: string;
  /** The place of the entry; for a duplicate that was trimmed meanwhile still its former place. */
  readonly seq: number;
  /**
   * The entry as it goes to the bus; `null` for a duplicate, whose content the bus need not carry again, and for one that expires: no
   * memory may serve it when it is too late.
   */
  readonly entry: LogEntry | null;
  /** A duplicate of another job: its key was first used with another fingerprint. Present only then. */
  readonly conflict?: true;
}

/** It was dropped, for good: nothing of it is kept. */
export interface DroppedNotification {
  /** `recalled`: its key was taken back before. `erased`: its job is from before the erasure of the recipient. */
  readonly outcome: 'muted' | 'recalled' | 'erased';
  readonly feed: FeedKey;
}

/** What became of one notification. */
export type AppendResult = CommittedNotification | DroppedNotification;

/** The only way into the log for a job. */
export interface Appender {
  /**
   * Appends all of them and resolves when they are committed (G1), in the order given. Calls that run at the same moment share
   * one transaction (group commit). Safe to repeat: what was committed before comes back as a duplicate.
   *
   * One with a collapse key takes over from the newest unread one of the same key: that one is not shown any more, the new one counts
   * for both.
   *
   * What is committed is announced on the bus without the caller's doing.
   *
   * @throws {LogUnavailableError} if the database is away; some may be committed, so repeat all.
   * @throws {FeedBusyError} if one of the feeds is locked for long; the others may be committed, so repeat all.
   * @throws {InvalidJobError} if Postgres refuses the content; neighbours in the batch are not affected.
   */
  append(notifications: readonly NewNotification[]): Promise<AppendResult[]>;
}

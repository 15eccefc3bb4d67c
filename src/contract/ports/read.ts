import type { FeedKey } from '../model/feed.js';
import type { LogEntry } from '../model/entry.js';

/** The state of a feed at one moment. */
export interface FeedState {
  /** The feed's compact id in Postgres, as text (a bigint). */
  readonly feedId: string;
  readonly epoch: string;
  /** The number of the last committed entry; 0 if there is none yet. */
  readonly head: number;
  /**
   * The log is complete after this number: a cursor below it cannot be honoured. Older notifications may still
   * be listed on pages.
   */
  readonly floor: number;
}

/** A feed's state with its counts, of one snapshot. */
export interface OpenedFeed extends FeedState {
  readonly unread: number;
  readonly unseen: number;
  /** Whether the given audiences have entries that the feed has not taken. */
  readonly pending: boolean;
}

/** The entries after a position, with epoch, floor and head of the same snapshot. */
export interface LogPage extends FeedState {
  /** In order of `seq`; those with `json: null` only move the cursor. Empty at the head. */
  readonly entries: readonly LogEntry[];
}

/** A feed's head, for the check that detects a lost last message. */
export type FeedHead = Pick<FeedState, 'feedId' | 'epoch' | 'head'>;

/** Reads the log for streams. Requests made at the same moment share one query. */
export interface FeedReader {
  /**
   * The feed's state. Creates its row if needed, so that no cursor is ever issued without an epoch.
   *
   * @param audiences Those of the recipient. Default: none.
   */
  open(feed: FeedKey, audiences?: readonly string[]): Promise<OpenedFeed>;
  /** The feed's state, or `null`: a look on nobody's behalf must not bring back the name of an erased recipient. */
  find(feed: FeedKey): Promise<FeedState | null>;
  /**
   * The entries after `after`, at most 256 KiB or one entry; `null` if the feed was erased.
   *
   * @throws {LogUnavailableError} if the database is unavailable or too slow.
   */
  page(feedId: string, after: number): Promise<LogPage | null>;
  /** The heads of these feeds in one query, without erased ones. */
  heads(feedIds: readonly string[]): Promise<FeedHead[]>;
}

import type { FeedKey } from '../model/feed.js';
import type { LogEntry } from '../model/entry.js';

/** Where a feed stands at one moment. */
export interface FeedState {
  /** The feed's compact id in Postgres, as text (a bigint). */
  readonly feedId: string;
  readonly epoch: string;
  /** The number of the last committed entry; 0 if there is none yet. */
  readonly head: number;
  /** Entries up to this number were trimmed; the oldest kept one is `floor + 1`. */
  readonly floor: number;
}

/** A feed's state with its counts, of one snapshot. */
export interface OpenedFeed extends FeedState {
  readonly unread: number;
  readonly unseen: number;
}

/** The next entries after a place, with epoch, floor and head of the same snapshot. */
export interface LogPage extends FeedState {
  /** In order of `seq`; those with `json: null` only move the cursor. Empty at the head. */
  readonly entries: readonly LogEntry[];
}

/** A feed's head, for the check that catches a lost last message. */
export type FeedHead = Pick<FeedState, 'feedId' | 'epoch' | 'head'>;

/** Reads of the log, as the stream needs them. Reads that are asked for at the same moment share one query. */
export interface FeedReader {
  /** The feed's state; makes its row if need be, so that no cursor is ever issued without an epoch. */
  open(feed: FeedKey): Promise<OpenedFeed>;
  /**
   * The entries after `after`, at most 256 KiB of them or one entry; `null` if the feed is gone (erased).
   *
   * @throws {LogUnavailableError} if the database is away or too slow.
   */
  page(feedId: string, after: number): Promise<LogPage | null>;
  /** The heads of these feeds in one query; feeds that are gone are left out. */
  heads(feedIds: readonly string[]): Promise<FeedHead[]>;
}

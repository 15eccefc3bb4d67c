import type { Cursor } from '../model/cursor.js';
import type { FeedKey } from '../model/feed.js';
import type { Selection, StateChange } from '../model/selection.js';

/** The most items that a page may be asked for. */
export const MAX_PAGE_ITEMS = 100;

/** Which notifications a page shows. */
export interface PageRequest {
  /** At most so many items, 1 to {@link MAX_PAGE_ITEMS}. */
  readonly limit: number;
  /** Older than this place: the `next` of the page before. `null`: from the newest on. */
  readonly before: Cursor | null;
  /** Only the unread or only the read ones; `null`: both. */
  readonly unread: boolean | null;
  /** Only the archived ones; `false`: only the others. */
  readonly archived: boolean;
  /** Only those of this type; `null`: of all. */
  readonly type: string | null;
}

/** What the bell shows, as of `cursor`. */
export interface InboxCounts {
  readonly unread: number;
  readonly unseen: number;
  /** The feed's head: a stream from here on has everything that came after, and nothing of before. */
  readonly cursor: string;
}

/** A page with counts and head of the same snapshot, also when it is not the first. */
export interface InboxPage extends InboxCounts {
  /** Newest first, each a notification's JSON text as on the wire (see `NotificationItem`). */
  readonly items: readonly string[];
  /**
   * Where the next page begins; `null` at the end. Nothing else says that there is no more: a page is also cut, even to no
   * items at all, when so many entries were looked at or so many bytes gathered that a single request should not cost more.
   */
  readonly next: string | null;
}

/** A feed as a list. What is expired or was taken back is neither listed nor counted, from that instant on. */
export interface Inbox {
  /**
   * @throws {InvalidRequestError} naming `before` if it is no place in this feed's present history.
   * @throws {LogUnavailableError} if the database is away or too slow.
   */
  page(feed: FeedKey, request: PageRequest): Promise<InboxPage>;
  /** @throws {LogUnavailableError} if the database is away or too slow. */
  count(feed: FeedKey): Promise<InboxCounts>;
}

/** The only way into the log for a recipient. */
export interface InboxChanges {
  /**
   * Changes the state of what is selected: one entry in the log, sent to all the recipient's connections, with the counts after it. What is
   * as it should be already stays as it is; if all of it is, nothing is appended. All of the selection or none of it.
   *
   * @throws {InvalidRequestError} if the selection does not fit the change, or naming `upTo` if it is no place in this feed's present history.
   * @throws {NotFoundError} naming the ids that are not in this feed: the same for foreign ones and for those that never were.
   * @throws {FeedBusyError} if another transaction holds the feed for long.
   * @throws {LogUnavailableError} if the database is away or too slow.
   */
  change(feed: FeedKey, change: StateChange, selection: Selection): Promise<InboxCounts>;
}

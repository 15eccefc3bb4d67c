import type { Cursor } from '../model/cursor.js';
import type { FeedKey } from '../model/feed.js';
import type { Selection, SnoozeRequest, StateChange } from '../model/selection.js';

/** The maximum number of items on a page. */
export const MAX_PAGE_ITEMS = 100;

/** A request for a page. */
export interface PageRequest {
  /** The maximum number of items, 1 to {@link MAX_PAGE_ITEMS}. */
  readonly limit: number;
  /** Only older items: the `next` of the previous page. `null`: from the newest. */
  readonly before: Cursor | null;
  /** Only unread (`true`) or read (`false`) items; `null`: both. */
  readonly unread: boolean | null;
  /** Only archived items; `false`: only the others. */
  readonly archived: boolean;
  /** Only items of this type; `null`: all types. */
  readonly type: string | null;
  /** Only items of this category. Default `null`: all, and those without one. */
  readonly category?: string | null;
  /** The snoozed items instead of the others, each with `snoozedUntil`. Default `false`. */
  readonly snoozed?: boolean;
}

/** The counts that the bell shows, as of `cursor`. */
export interface InboxCounts {
  readonly unread: number;
  readonly unseen: number;
  /** The feed's head: a stream from here has everything later and nothing earlier. */
  readonly cursor: string;
}

/** The counts, with those of each category that has unread notifications. */
export interface CategoryCounts extends InboxCounts {
  readonly categories: Readonly<Record<string, { readonly unread: number; readonly unseen: number }>>;
}

/** A page, with counts and head of the same snapshot, also if it is not the first page. */
export interface InboxPage extends InboxCounts {
  /** Newest first, each a notification's JSON text as on the wire (see `NotificationItem`). */
  readonly items: readonly string[];
  /**
   * The start of the next page; `null` at the end. A page with fewer items is not the last one: it ends early
   * when a request has scanned enough entries or bytes. It is empty before the end only if 100,000 entries in
   * a row are not listed.
   */
  readonly next: string | null;
}

/**
 * Reads a feed as pages. Expired and recalled notifications are neither listed nor counted, from that instant. What is
 * newer in the recipient's audiences is taken first; by default there are none.
 */
export interface Inbox {
  /**
   * @throws {InvalidRequestError} naming `before` if it is not a position of this feed in its current epoch.
   * @throws {LogUnavailableError} if the database is unavailable or too slow.
   */
  page(feed: FeedKey, request: PageRequest, audiences?: readonly string[]): Promise<InboxPage>;
  /** @throws {LogUnavailableError} if the database is unavailable or too slow. */
  count(feed: FeedKey, audiences?: readonly string[]): Promise<InboxCounts>;
  /** By category, of the newest 100,000 entries. @throws as {@link count} does. */
  countByCategory(feed: FeedKey, audiences?: readonly string[]): Promise<CategoryCounts>;
}

/** The answer to a chosen action. */
export interface Chosen {
  /** Of the notification. */
  readonly id: string;
  readonly action: string;
  /** ISO 8601: when it was chosen first. */
  readonly at: string;
}

/** The only way for a recipient into the log. */
export interface InboxChanges {
  /**
   * Changes the state of the selected notifications, all or none of them. The change is one entry in the log,
   * sent to all of the recipient's connections, with the resulting counts. If nothing has to change, nothing
   * is appended.
   *
   * @throws {InvalidRequestError} if the selection does not fit the change, or naming `upTo` if it is not a
   * position of this feed in its current epoch.
   * @throws {NotFoundError} naming the ids that are not in this feed: the same for ids of other feeds and for
   * ids that never existed.
   * @throws {FeedBusyError} if the feed stays locked by another transaction.
   * @throws {LogUnavailableError} if the database is unavailable or too slow.
   */
  change(feed: FeedKey, change: StateChange, selection: Selection): Promise<InboxCounts>;
  /**
   * Chooses an action of a notification, and marks it as read. A notification has one answer: the same action
   * again changes nothing.
   *
   * @throws {AlreadyActedError} if another action was chosen.
   * @throws {NotFoundError} naming the id, or the action.
   * @throws {InvalidRequestError} if the action is a link.
   * @throws {FeedBusyError}, {LogUnavailableError} as {@link change} does.
   */
  act(feed: FeedKey, id: string, action: string): Promise<Chosen>;
  /**
   * Takes notifications out of the feed until a time, when they come back as new, each as an entry with its id
   * and the next number. Those that are snoozed get the new time.
   *
   * @throws as {@link change} does; also naming `until` if it is not within a year from now, by the clock of
   * the database, and `ids` if too many are snoozed.
   */
  snooze(feed: FeedKey, request: SnoozeRequest): Promise<InboxCounts>;
  /** Brings snoozed notifications back at once; the others stay as they are. @throws as {@link change} does. */
  unsnooze(feed: FeedKey, ids: readonly string[]): Promise<InboxCounts>;
}

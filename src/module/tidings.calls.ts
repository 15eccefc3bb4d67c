import { parseCursor, type Cursor } from '../contract/model/cursor.js';
import type { NotificationItem } from '../contract/model/entry.js';
import { InvalidRequestError } from '../contract/errors.js';
import { nameProblem, tenantProblem, type FeedKey } from '../contract/model/feed.js';
import { MAX_PAGE_ITEMS, type InboxCounts, type PageRequest } from '../contract/ports/inbox.js';
import type { RecallOutcome } from '../contract/ports/recall.js';
import type { Dropped } from '../contract/ports/support.js';
import type { HttpRequest, HttpResponse } from '../http/request/http-request.js';

/** Whose feed: a recipient, of the tenant `''` or of another. From the caller's own authentication, never from a parameter. */
export type FeedOf = string | { readonly recipient: string; readonly tenant?: string };

/** How a host's own route streams a feed. */
export interface StreamCall {
  /** Express' or Fastify's. `Last-Event-ID`, `?lastEventId=` and `?as=message` are read from it. */
  readonly request: HttpRequest;
  /** Express' or Fastify's, from `@Res()`: it tells when a client reads too slowly. */
  readonly response: HttpResponse;
  /** Where to begin, instead of what the request says: a cursor, `'0'` for the oldest kept entry, `''` for what comes from now on. */
  readonly cursor?: string;
  /** When the session ends: the stream is closed with `credential-expired`. Default: it does not. */
  readonly expiresAt?: Date | null;
}

/** Which part of a feed. */
export interface PageOptions {
  /** 1 to 100. Default 25. */
  readonly limit?: number;
  /** The `next` of the page before. Default: from the newest on. */
  readonly before?: string | null;
  /** Only the unread (`true`) or the read ones (`false`). Default: both. */
  readonly unread?: boolean | null;
  /** The archived ones instead of the others. Default `false`. */
  readonly archived?: boolean;
  /** Only those of this type. Default: of all. */
  readonly type?: string | null;
}

/** A part of a feed, newest first. */
export interface Page extends InboxCounts {
  readonly items: readonly NotificationItem[];
  /** For `before`; `null` at the end. */
  readonly next: string | null;
}

/** Some notifications by their ids, or all up to a place: the `cursor` of a page or of an item. */
export type Selected = readonly string[] | { readonly upTo: string };

/** A feed as the support team sees it. */
export interface Inspection extends Omit<Page, 'items'> {
  /** Everything that is kept, also what its recipient does not see any more. */
  readonly items: readonly InspectedItem[];
  /** What was dropped lately and why, newest first. */
  readonly dropped: readonly Dropped[];
}

/** A notification with what has become of it; `removed`: deleted, recalled or replaced. */
export interface InspectedItem extends NotificationItem {
  readonly status: 'shown' | 'archived' | 'expired' | 'removed';
}

/** What to take back. */
export interface RecallRequest {
  /** One recipient, or up to 1,000. */
  readonly to: string | readonly string[];
  /** Default `''`. */
  readonly tenant?: string;
  /** The `dedupeKey` of `notify`, or the `key` of `notifyMany`. */
  readonly dedupeKey: string;
}

/** What became of a recall for one recipient. */
export interface Recalled {
  readonly to: string;
  readonly outcome: RecallOutcome;
}

/** @throws {InvalidRequestError} naming the option that is wrong. */
export function pageRequest(options: PageOptions): PageRequest {
  const { limit = 25, before = null, unread = null, archived = false, type = null } = options;
  if (!Number.isInteger(limit) || limit < 1 || limit > MAX_PAGE_ITEMS)
    throw wrong('limit', `must be a whole number from 1 to ${MAX_PAGE_ITEMS}, is ${limit}`);
  return { limit, before: before === null ? null : cursorOf('before', before), unread, archived, type };
}

/** What a host has authenticated is still checked: a name that Postgres would change is another user's (G8). */
export function feedKey(feed: FeedOf): FeedKey {
  const { recipient, tenant = '' } = typeof feed === 'string' ? { recipient: feed } : feed;
  const problem = nameProblem(recipient);
  if (problem) throw wrong('recipient', problem);
  const tenantIsWrong = tenantProblem(tenant);
  if (tenantIsWrong) throw wrong('tenant', tenantIsWrong);
  return { tenant, recipient };
}

export function cursorOf(field: string, text: string): Cursor {
  const cursor = parseCursor(text);
  if (!cursor) throw wrong(field, `must be a cursor, such as that of a page, is ${JSON.stringify(text)}`);
  return cursor;
}

export function wrong(field: string, problem: string): InvalidRequestError {
  return new InvalidRequestError([{ field, problem }]);
}

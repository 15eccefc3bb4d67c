import { audiencesOf, audiencesProblem, type AudienceTarget } from '../contract/model/audience.js';
import { parseCursor, type Cursor } from '../contract/model/cursor.js';
import type { NotificationItem } from '../contract/model/entry.js';
import { InvalidRequestError } from '../contract/errors.js';
import { nameProblem, tenantProblem, type FeedKey } from '../contract/model/feed.js';
import { MAX_PAGE_ITEMS, type InboxCounts, type PageRequest } from '../contract/ports/inbox.js';
import type { RecallOutcome } from '../contract/ports/recall.js';
import type { Dropped } from '../contract/ports/support.js';
import type { HttpRequest, HttpResponse } from '../http/request/http-request.js';

/**
 * A feed: the recipient, with the tenant unless it is `''`. Take it from your authentication, never from a
 * parameter.
 */
export type FeedOf =
  | string
  | {
      readonly recipient: string;
      readonly tenant?: string;
      /** The recipient's audiences besides `all`, for `stream`, `page` and `count`. Default: none. */
      readonly audiences?: readonly string[];
    };

/** The arguments of a stream in a route of the application. */
export interface StreamCall {
  /** The request, Express' or Fastify's. Provides `Last-Event-ID`, `?lastEventId=` and `?as=message`. */
  readonly request: HttpRequest;
  /** The response from `@Res()`, Express' or Fastify's. Shows when a client reads too slowly. */
  readonly response: HttpResponse;
  /** The start, instead of the request's: a cursor, `'0'` for the oldest kept entry, `''` for live only. */
  readonly cursor?: string;
  /** When the session ends; the stream then closes with `credential-expired`. Default: never. */
  readonly expiresAt?: Date | null;
}

/** Selects a page of a feed. */
export interface PageOptions {
  /** 1 to 100. Default 25. */
  readonly limit?: number;
  /** The `next` of the previous page. Default: from the newest. */
  readonly before?: string | null;
  /** Only unread (`true`) or read (`false`) items. Default: both. */
  readonly unread?: boolean | null;
  /** Only archived items, instead of the others. Default `false`. */
  readonly archived?: boolean;
  /** Only items of this type. Default: all types. */
  readonly type?: string | null;
  /** Only items of this category. Default: all, and those without one. */
  readonly category?: string | null;
  /** The snoozed items instead of the others, each with `snoozedUntil`. Not for `inspect`. Default `false`. */
  readonly snoozed?: boolean;
}

/** A page of a feed, newest first. */
export interface Page extends InboxCounts {
  readonly items: readonly NotificationItem[];
  /** The `before` of the next page; `null` at the end. */
  readonly next: string | null;
}

/** Notifications by their ids, or all up to a position: the `cursor` of a page or of an item. */
export type Selected = readonly string[] | { readonly upTo: string };

/** A feed as the support team sees it. */
export interface Inspection extends Omit<Page, 'items'> {
  /** All kept notifications, including those no longer visible to the recipient. */
  readonly items: readonly InspectedItem[];
  /** The recently dropped notifications with reasons, newest first. */
  readonly dropped: readonly Dropped[];
}

/** A notification with its status; `removed` means deleted, recalled or replaced. */
export interface InspectedItem extends NotificationItem {
  readonly status: 'shown' | 'archived' | 'expired' | 'snoozed' | 'removed';
}

/** The target of a recall. */
export interface RecallRequest {
  /** One recipient, up to 1,000, or an audience. */
  readonly to: string | readonly string[] | AudienceTarget;
  /** Default `''`. */
  readonly tenant?: string;
  /** The `dedupeKey` of `notify`, or the `key` of `notifyMany`. */
  readonly dedupeKey: string;
  /** The name of the producer whose API key sent it over HTTP, if that key has one. Default: none. */
  readonly sender?: string | null;
}

/** The result of a recall for one recipient. */
export interface Recalled {
  readonly to: string | AudienceTarget;
  readonly outcome: RecallOutcome;
}

/** @throws {InvalidRequestError} naming the invalid option. */
export function pageRequest(options: PageOptions): PageRequest {
  const { limit = 25, before = null, unread = null, archived = false, type = null } = options;
  const { category = null, snoozed = false } = options;
  if (!Number.isInteger(limit) || limit < 1 || limit > MAX_PAGE_ITEMS)
    throw wrong('limit', `must be a whole number from 1 to ${MAX_PAGE_ITEMS}, is ${limit}`);
  const from = before === null ? null : cursorOf('before', before);
  return { limit, before: from, unread, archived, type, category, snoozed };
}

/**
 * Checks the name even though the application authenticated it: a name that Postgres would change belongs to
 * another user (G8).
 */
export function feedKey(feed: FeedOf): FeedKey {
  const { recipient, tenant = '' } = typeof feed === 'string' ? { recipient: feed } : feed;
  const problem = nameProblem(recipient);
  if (problem) throw wrong('recipient', problem);
  const tenantIsWrong = tenantProblem(tenant);
  if (tenantIsWrong) throw wrong('tenant', tenantIsWrong);
  return { tenant, recipient };
}

/** @throws {InvalidRequestError} naming `audiences`. */
export function audiencesIn(feed: FeedOf): readonly string[] {
  const { audiences = [] } = typeof feed === 'string' ? {} : feed;
  const problem = audiencesProblem(audiences);
  if (problem) throw wrong('audiences', problem);
  return audiencesOf(audiences);
}

export function cursorOf(field: string, text: string): Cursor {
  const cursor = parseCursor(text);
  if (!cursor) throw wrong(field, `must be a cursor, such as that of a page, is ${JSON.stringify(text)}`);
  return cursor;
}

export function wrong(field: string, problem: string): InvalidRequestError {
  return new InvalidRequestError([{ field, problem }]);
}

import { Inject, Injectable } from '@nestjs/common';
import type { Observable } from 'rxjs';
import { parseCursor, parseRequestedPosition, type Cursor } from './contract/cursor.js';
import type { NotificationItem } from './contract/entry.js';
import { InvalidRequestError } from './contract/errors.js';
import { nameProblem, tenantProblem, type FeedKey } from './contract/feed.js';
import { parseRecall } from './contract/job.js';
import type { AnyNotificationType } from './contract/notification-type.js';
import type {
  Broadcast,
  BroadcastOptions,
  BroadcastResult,
  Notified,
  Notifier,
  NotifyRequest,
} from './contract/notify.js';
import {
  MAX_PAGE_ITEMS,
  type Inbox,
  type InboxChanges,
  type InboxCounts,
  type Selection,
  type StateChange,
} from './contract/ports/inbox.js';
import type { CancelOutcome, JobCanceller } from './contract/ports/produce.js';
import type { Recaller, RecallOutcome } from './contract/ports/recall.js';
import type { Frame, Streams } from './contract/ports/stream.js';
import { INBOX, INBOX_CHANGES, JOB_CANCELLER, NOTIFIER, RECALLER, STREAMS } from './contract/tokens.js';
import { rawResponse, type HttpRequest, type HttpResponse } from './http/http-request.js';
import { ResponseOutlet } from './http/response-outlet.js';
import { readStreamQuery } from './http/stream-query.js';

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

/**
 * Notifications from code: sends them, takes them back, and reads feeds for routes that a host writes itself.
 *
 * ```ts
 * @Controller()
 * class Feed {
 *   constructor(private readonly tidings: TidingsService) {}
 *   @Sse('feed') @UseGuards(SessionGuard)
 *   feed(@Req() request: Request, @Res() response: Response) {
 *     return this.tidings.stream(request.user.id, { request, response });
 *   }
 * }
 * ```
 *
 * What it throws is a `TidingsError`: its `code` is stable, `fields` names what is wrong. Where nothing else is said, that is
 * `InvalidRequestError`, and `LogUnavailableError` while the database is away.
 */
@Injectable()
export class TidingsService implements Notifier {
  /** @internal Nest makes it. */
  constructor(
    @Inject(NOTIFIER) private readonly notifier: Notifier,
    @Inject(JOB_CANCELLER) private readonly canceller: JobCanceller,
    @Inject(RECALLER) private readonly recaller: Recaller,
    @Inject(STREAMS) private readonly streams: Streams,
    @Inject(INBOX) private readonly inbox: Inbox,
    @Inject(INBOX_CHANGES) private readonly changes: InboxChanges,
  ) {}

  notify<Type extends AnyNotificationType>(type: Type, request: NotifyRequest<Type>): Promise<Notified> {
    return this.notifier.notify(type, request);
  }

  notifyMany<Type extends AnyNotificationType>(
    type: Type,
    recipients: Iterable<string> | AsyncIterable<string>,
    broadcast: Broadcast<Type>,
    options?: BroadcastOptions,
  ): Promise<BroadcastResult> {
    return this.notifier.notifyMany(type, recipients, broadcast, options);
  }

  /**
   * Cancels a job before it runs, also one that waits in the outbox.
   *
   * @throws {QueueUnavailableError} if the queue did not answer in time.
   */
  cancel(jobId: string): Promise<CancelOutcome> {
    return this.canceller.cancel(jobId);
  }

  /**
   * Takes back what was sent under a dedupe key, from every page and device; what has not arrived yet never will.
   *
   * @returns One outcome for each recipient, in order.
   * @throws {InvalidRequestError} naming each wrong field.
   * @throws {FeedBusyError} if one of the feeds is locked for long; repeat all.
   */
  async recall(request: RecallRequest): Promise<Recalled[]> {
    const { feeds, dedupeKey } = parseRecall({ ...request });
    const outcomes = await this.recaller.recall(feeds, dedupeKey);
    return feeds.map(({ recipient }, index) => ({ to: recipient, outcome: outcomes[index]! }));
  }

  /**
   * A feed, live, for a handler with `@Sse()` that takes `@Res()`. It holds nothing before Nest subscribes, never errors, and says what
   * ends it in its last frame.
   */
  stream(feed: FeedOf, { request, response, cursor, expiresAt = null }: StreamCall): Observable<Frame> {
    const asked = readStreamQuery(request);
    const given =
      cursor === undefined ? null : { position: parseRequestedPosition(cursor), lastEventId: cursor };
    return this.streams.open({
      feed: feedKey(feed),
      ...asked,
      ...given,
      expiresAt,
      outlet: new ResponseOutlet(rawResponse(response)),
    });
  }

  /** Ends the streams of these feeds on all instances, with `revoked`: after a logout. A client that may still read comes back. */
  disconnect(...feeds: FeedOf[]): void {
    this.streams.disconnect(feeds.map(feedKey));
  }

  /** A part of a feed, newest first, with counts and cursor of the same moment: a stream from `cursor` on continues it. */
  async page(feed: FeedOf, options: PageOptions = {}): Promise<Page> {
    const { limit = 25, before = null, unread = null, archived = false, type = null } = options;
    if (!Number.isInteger(limit) || limit < 1 || limit > MAX_PAGE_ITEMS)
      throw wrong('limit', `must be a whole number from 1 to ${MAX_PAGE_ITEMS}, is ${limit}`);
    const page = await this.inbox.page(feedKey(feed), {
      limit,
      before: before === null ? null : cursorOf('before', before),
      unread,
      archived,
      type,
    });
    return { ...page, items: page.items.map((item) => JSON.parse(item) as NotificationItem) };
  }

  /** What the bell shows. */
  count(feed: FeedOf): Promise<InboxCounts> {
    return this.inbox.count(feedKey(feed));
  }

  /** @throws {NotFoundError} naming the ids that are not in this feed. @throws {FeedBusyError} as do all changes. */
  markRead(feed: FeedOf, selected: Selected): Promise<InboxCounts> {
    return this.change(feed, 'read', selected);
  }

  /** @throws as {@link markRead} does. */
  markUnread(feed: FeedOf, ids: readonly string[]): Promise<InboxCounts> {
    return this.change(feed, 'unread', ids);
  }

  /** The bell was opened: the badge resets, the notifications stay unread. */
  markSeen(feed: FeedOf, selected: { readonly upTo: string }): Promise<InboxCounts> {
    return this.change(feed, 'seen', selected);
  }

  /** @throws as {@link markRead} does. */
  archive(feed: FeedOf, selected: Selected): Promise<InboxCounts> {
    return this.change(feed, 'archive', selected);
  }

  /** @throws as {@link markRead} does. */
  unarchive(feed: FeedOf, ids: readonly string[]): Promise<InboxCounts> {
    return this.change(feed, 'unarchive', ids);
  }

  /** Gone from every page and device, for good. @throws as {@link markRead} does. */
  remove(feed: FeedOf, ids: readonly string[]): Promise<InboxCounts> {
    return this.change(feed, 'remove', ids);
  }

  private async change(feed: FeedOf, change: StateChange, selected: Selected): Promise<InboxCounts> {
    const selection: Selection =
      'upTo' in selected ? { upTo: cursorOf('upTo', selected.upTo) } : { ids: selected };
    return this.changes.change(feedKey(feed), change, selection);
  }
}

/** What a host has authenticated is still checked: a name that Postgres would change is another user's (G8). */
function feedKey(feed: FeedOf): FeedKey {
  const { recipient, tenant = '' } = typeof feed === 'string' ? { recipient: feed } : feed;
  const problem = nameProblem(recipient);
  if (problem) throw wrong('recipient', problem);
  const tenantIsWrong = tenantProblem(tenant);
  if (tenantIsWrong) throw wrong('tenant', tenantIsWrong);
  return { tenant, recipient };
}

function cursorOf(field: string, text: string): Cursor {
  const cursor = parseCursor(text);
  if (!cursor) throw wrong(field, `must be a cursor, such as that of a page, is ${JSON.stringify(text)}`);
  return cursor;
}

function wrong(field: string, problem: string): InvalidRequestError {
  return new InvalidRequestError([{ field, problem }]);
}

import { Inject, Injectable } from '@nestjs/common';
import type { Observable } from 'rxjs';
import { parseRequestedPosition } from '../contract/model/cursor.js';
import type { NotificationItem } from '../contract/model/entry.js';
import { tenantProblem } from '../contract/model/feed.js';
import { parseRecall } from '../contract/model/job.js';
import type { AnyNotificationType } from '../contract/model/notification-type.js';
import type {
  Broadcast,
  BroadcastOptions,
  BroadcastResult,
  Notified,
  Notifier,
  NotifyRequest,
} from '../contract/model/notify.js';
import type { Eraser, ErasureReport } from '../contract/ports/erase.js';
import type { StateChange } from '../contract/model/selection.js';
import type { Inbox, InboxChanges, InboxCounts } from '../contract/ports/inbox.js';
import type { Preferences, RecipientPreferences } from '../contract/ports/preferences.js';
import type { CancelOutcome, JobCanceller } from '../contract/ports/produce.js';
import type { Recaller } from '../contract/ports/recall.js';
import type { Frame, Streams } from '../contract/ports/stream.js';
import type { SupportView } from '../contract/ports/support.js';
import {
  ERASER,
  INBOX,
  INBOX_CHANGES,
  JOB_CANCELLER,
  NOTIFIER,
  PREFERENCES,
  RECALLER,
  STREAMS,
  SUPPORT_VIEW,
} from '../contract/tokens.js';
import { rawResponse } from '../http/request/http-request.js';
import { ResponseOutlet } from '../http/response/response-outlet.js';
import { readStreamQuery } from '../http/request/stream-query.js';
import {
  feedKey,
  pageRequest,
  wrong,
  type FeedOf,
  type InspectedItem,
  type Inspection,
  type Page,
  type PageOptions,
  type RecallRequest,
  type Recalled,
  type Selected,
  type StreamCall,
} from './tidings.calls.js';

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
    @Inject(PREFERENCES) private readonly recipientPreferences: Preferences,
    @Inject(SUPPORT_VIEW) private readonly support: SupportView,
    @Inject(ERASER) private readonly eraser: Eraser,
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
    const page = await this.inbox.page(feedKey(feed), pageRequest(options));
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

  /** What this recipient does not want to get. */
  preferences(feed: FeedOf): Promise<RecipientPreferences> {
    return this.recipientPreferences.get(feedKey(feed));
  }

  /**
   * Replaces them; what is in the feed already stays.
   *
   * @throws {InvalidRequestError} naming each type that is not declared, or is mandatory.
   */
  setPreferences(feed: FeedOf, preferences: RecipientPreferences): Promise<RecipientPreferences> {
    return this.recipientPreferences.put(feedKey(feed), preferences);
  }

  /**
   * What this recipient got, and what was dropped and why: for the support team, so look at who asks and write it down.
   *
   * @param options `archived`: only those; by default everything that is kept.
   * @throws {NotFoundError} if there is no such feed.
   */
  async inspect(feed: FeedOf, options: PageOptions = {}): Promise<Inspection> {
    const page = await this.support.feed(feedKey(feed), pageRequest(options));
    return { ...page, items: page.items.map((item) => JSON.parse(item) as InspectedItem) };
  }

  /**
   * Erases a recipient for good: entries, jobs, streams. A hash stays, so that no job from before brings anything back. Safe to repeat.
   *
   * @throws {QueueUnavailableError} if the queue did not answer; repeat it.
   */
  erase(feed: FeedOf): Promise<ErasureReport> {
    return this.eraser.eraseRecipient(feedKey(feed));
  }

  /** As {@link erase}, for all recipients of a tenant. */
  async eraseTenant(tenant: string): Promise<ErasureReport> {
    const problem = tenantProblem(tenant);
    if (problem) throw wrong('tenant', problem);
    return this.eraser.eraseTenant(tenant);
  }

  private async change(feed: FeedOf, change: StateChange, selected: Selected): Promise<InboxCounts> {
    const selection = 'upTo' in selected ? selected : { ids: selected };
    return this.changes.change(feedKey(feed), change, selection);
  }
}

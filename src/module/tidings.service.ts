import { Inject, Injectable } from '@nestjs/common';
import type { Observable } from 'rxjs';
import { targetOf } from '../contract/model/audience.js';
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
import type { PushSubscription } from '../contract/model/push-subscription.js';
import type { Eraser, ErasureReport } from '../contract/ports/erase.js';
import type { SnoozeRequest, StateChange } from '../contract/model/selection.js';
import type { CategoryCounts, Chosen, Inbox, InboxChanges, InboxCounts } from '../contract/ports/inbox.js';
import type {
  Preferences,
  PreferencesUpdate,
  RecipientPreferences,
  TypeDescription,
} from '../contract/ports/preferences.js';
import type { CancelOutcome, JobCanceller } from '../contract/ports/produce.js';
import type { PushState, PushSubscriptions, SubscribedBrowser } from '../contract/ports/push.js';
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
  PUSH_SUBSCRIPTIONS,
  RECALLER,
  STREAMS,
  SUPPORT_VIEW,
} from '../contract/tokens.js';
import { rawResponse } from '../http/request/http-request.js';
import { ResponseOutlet } from '../http/response/response-outlet.js';
import { readStreamQuery } from '../http/request/stream-query.js';
import {
  audiencesIn,
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
 * Sends and recalls notifications, and reads feeds for routes of the application.
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
 * Its errors are `TidingsError`s with a stable `code`; `fields` names invalid input. Unless stated otherwise,
 * they are `InvalidRequestError`, and `LogUnavailableError` while the database is unavailable.
 */
@Injectable()
export class TidingsService implements Notifier {
  /** @internal Nest calls it. */
  constructor(
    @Inject(NOTIFIER) private readonly notifier: Notifier,
    @Inject(JOB_CANCELLER) private readonly canceller: JobCanceller,
    @Inject(RECALLER) private readonly recaller: Recaller,
    @Inject(STREAMS) private readonly streams: Streams,
    @Inject(INBOX) private readonly inbox: Inbox,
    @Inject(INBOX_CHANGES) private readonly changes: InboxChanges,
    @Inject(PREFERENCES) private readonly recipientPreferences: Preferences,
    @Inject(PUSH_SUBSCRIPTIONS) private readonly push: PushSubscriptions,
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
   * Cancels a job before it runs, including one in the outbox.
   *
   * @throws {QueueUnavailableError} if the queue does not answer in time.
   * @throws {LogUnavailableError}, {FeedBusyError} if the log cannot tell whether it was delivered.
   */
  cancel(jobId: string): Promise<CancelOutcome> {
    return this.canceller.cancel(jobId, null);
  }

  /**
   * Removes the notifications with a dedupe key from every page and device; later ones with this key are not
   * delivered.
   *
   * @returns One outcome per recipient, in order.
   * @throws {InvalidRequestError} naming each invalid field.
   * @throws {FeedBusyError} if one of the feeds stays locked; repeat all.
   */
  async recall(request: RecallRequest): Promise<Recalled[]> {
    const { feeds, dedupeKey, sender = null } = parseRecall({ ...request });
    const outcomes = await this.recaller.recall(feeds, dedupeKey, sender);
    return feeds.map((feed, index) => ({ to: targetOf(feed), outcome: outcomes[index]! }));
  }

  /**
   * A live feed, for an `@Sse()` handler that takes `@Res()`. The Observable holds nothing until Nest
   * subscribes and never errors; its last frame states why it ended.
   */
  stream(feed: FeedOf, { request, response, cursor, expiresAt = null }: StreamCall): Observable<Frame> {
    const asked = readStreamQuery(request);
    const given =
      cursor === undefined ? null : { position: parseRequestedPosition(cursor), lastEventId: cursor };
    return this.streams.open({
      feed: feedKey(feed),
      audiences: audiencesIn(feed),
      ...asked,
      ...given,
      expiresAt,
      outlet: new ResponseOutlet(rawResponse(response)),
    });
  }

  /**
   * Ends the streams of these feeds on all instances, with `revoked`, for example after a logout. Clients
   * that still have access reconnect.
   */
  disconnect(...feeds: FeedOf[]): void {
    this.streams.disconnect(feeds.map(feedKey));
  }

  /** A page of a feed, newest first, with counts and cursor of the same moment: a stream from `cursor` continues it. */
  async page(feed: FeedOf, options: PageOptions = {}): Promise<Page> {
    const page = await this.inbox.page(feedKey(feed), pageRequest(options), audiencesIn(feed));
    return { ...page, items: page.items.map((item) => JSON.parse(item) as NotificationItem) };
  }

  /** The counts that the bell shows. */
  count(feed: FeedOf): Promise<InboxCounts> {
    return this.inbox.count(feedKey(feed), audiencesIn(feed));
  }

  /** The counts, with those of each category. */
  countByCategory(feed: FeedOf): Promise<CategoryCounts> {
    return this.inbox.countByCategory(feedKey(feed), audiencesIn(feed));
  }

  /** @throws {NotFoundError} naming the ids that are not in this feed. @throws {FeedBusyError} as do all changes. */
  markRead(feed: FeedOf, selected: Selected): Promise<InboxCounts> {
    return this.change(feed, 'read', selected);
  }

  /** @throws as {@link markRead} does. */
  markUnread(feed: FeedOf, ids: readonly string[]): Promise<InboxCounts> {
    return this.change(feed, 'unread', ids);
  }

  /** Records that the bell was opened: the badge resets, the notifications stay unread. */
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

  /** Deletes notifications on every page and device. @throws as {@link markRead} does. */
  remove(feed: FeedOf, ids: readonly string[]): Promise<InboxCounts> {
    return this.change(feed, 'remove', ids);
  }

  /**
   * Chooses an action of a notification for its recipient, once, and marks it as read.
   *
   * @throws {AlreadyActedError} if another action was chosen.
   * @throws {NotFoundError} naming the id, or the action.
   * @throws {InvalidRequestError} if the action is a link.
   */
  async act(feed: FeedOf, id: string, action: string): Promise<Chosen> {
    return this.changes.act(feedKey(feed), id, action);
  }

  /**
   * Takes notifications out of the feed until a time, when they come back as new: unread, unseen, and at the top.
   *
   * @throws as {@link markRead} does; also naming `until` if it is not within a year from now, by the clock of the
   * database, and `ids` if more than 100 would be snoozed.
   */
  async snooze(feed: FeedOf, ids: readonly string[], until: SnoozeRequest['until']): Promise<InboxCounts> {
    return this.changes.snooze(feedKey(feed), { ids, until });
  }

  /** Brings snoozed notifications back before their time. @throws as {@link markRead} does. */
  async unsnooze(feed: FeedOf, ids: readonly string[]): Promise<InboxCounts> {
    return this.changes.unsnooze(feedKey(feed), ids);
  }

  /** The declared types as this recipient sees them in a page of preferences. */
  types(feed: FeedOf): Promise<readonly TypeDescription[]> {
    return this.recipientPreferences.types(feedKey(feed));
  }

  /** The preferences of a recipient. */
  preferences(feed: FeedOf): Promise<RecipientPreferences> {
    return this.recipientPreferences.get(feedKey(feed));
  }

  /**
   * Replaces the preferences; existing entries stay.
   *
   * @param preferences Without `mutedCategories`, the muted categories stay.
   * @throws {InvalidRequestError} naming each type that is undeclared or mandatory, and each invalid category.
   */
  setPreferences(feed: FeedOf, preferences: PreferencesUpdate): Promise<RecipientPreferences> {
    return this.recipientPreferences.put(feedKey(feed), preferences);
  }

  /** The key that browsers subscribe with, and the recipient's browsers. @throws {NotFoundError} unless `push` is set, as below. */
  async pushState(feed: FeedOf): Promise<PushState> {
    return this.push.state(feedKey(feed));
  }

  /**
   * Stores a browser of the recipient for Web Push, from the JSON of its `PushSubscription`. It leaves the recipient that it
   * had. Idempotent.
   *
   * @throws {InvalidRequestError} naming each invalid field.
   */
  async subscribePush(feed: FeedOf, subscription: PushSubscription): Promise<SubscribedBrowser> {
    return this.push.add(feedKey(feed), subscription);
  }

  /** Removes a browser of the recipient. Idempotent. */
  async unsubscribePush(feed: FeedOf, id: string): Promise<PushState> {
    return this.push.remove(feedKey(feed), id);
  }

  /**
   * All notifications of a recipient, and the dropped ones with reasons, for the support team. Authorize and
   * log its use.
   *
   * @param options With `archived`, only archived ones; by default everything that is kept.
   * @throws {NotFoundError} if the feed does not exist.
   */
  async inspect(feed: FeedOf, options: PageOptions = {}): Promise<Inspection> {
    const page = await this.support.feed(feedKey(feed), pageRequest(options));
    return { ...page, items: page.items.map((item) => JSON.parse(item) as InspectedItem) };
  }

  /**
   * Erases a recipient for good: entries, jobs and streams. Only a hash stays, so that no older job brings
   * anything back. Safe to repeat.
   *
   * @throws {QueueUnavailableError} if the queue does not answer; repeat the call.
   */
  erase(feed: FeedOf): Promise<ErasureReport> {
    return this.eraser.eraseRecipient(feedKey(feed));
  }

  /** Erases all recipients of a tenant, as {@link erase}. */
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

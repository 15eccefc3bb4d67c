import { randomUUID } from 'node:crypto';
import { targetOf, type AudienceTarget } from '../contract/model/audience.js';
import { checkCall } from '../contract/model/check-call.js';
import { validateData, type AnyNotificationType } from '../contract/model/notification-type.js';
import { parseJobData, parseRecall } from '../contract/model/job.js';
import type {
  Broadcast,
  BroadcastOptions,
  BroadcastResult,
  InputOf,
  Notified,
  Notifier,
  NotifyRequest,
} from '../contract/model/notify.js';
import type { CancelOutcome } from '../contract/ports/produce.js';
import type { FeedOf, RecallRequest, Recalled } from '../module/tidings.calls.js';

/** A call of `notify`, or a recipient of `notifyMany`. */
export interface RecordedNotification<Type extends AnyNotificationType = AnyNotificationType> {
  readonly type: Type['name'];
  /** The recipients, each once, or the audience. */
  readonly to: readonly (string | AudienceTarget)[];
  readonly tenant: string;
  readonly data: InputOf<Type>;
  readonly dedupeKey: string | null;
  /** Whether it had a transaction: it would only be sent on its commit. */
  readonly staged: boolean;
}

/**
 * Records notifications instead of sending them. It replaces `TidingsService` in unit tests, without a
 * database or a queue, and rejects invalid notifications as the real one does.
 *
 * ```ts
 * const tidings = new RecordingTidings();
 * const module = await Test.createTestingModule({
 *   providers: [OrdersService, { provide: TidingsService, useValue: tidings }],
 * }).compile();
 * await module.get(OrdersService).place(order);
 * expect(tidings.of(newOrder)).toMatchObject([{ to: ['ada'], data: { orderId: '17' } }]);
 * ```
 */
export class RecordingTidings implements Notifier {
  /** In the order of the calls. */
  readonly notifications: RecordedNotification[] = [];
  /** The calls of `recall`, in order. */
  readonly recalls: RecallRequest[] = [];
  /** The ids that `cancel` was called with, in order. */
  readonly cancelled: string[] = [];
  /** The feeds passed to `disconnect`, in order. */
  readonly disconnected: FeedOf[] = [];
  /** Thrown by the next calls, to simulate an unavailable queue. Default `null`. */
  failure: Error | null = null;
  private readonly jobIds = new Set<string>();

  /** The notifications of one type. */
  of<Type extends AnyNotificationType>(type: Type): RecordedNotification<Type>[] {
    return this.notifications.filter((each): each is RecordedNotification<Type> => each.type === type.name);
  }

  /** Removes all records, for `beforeEach`. */
  clear(): void {
    for (const list of [this.notifications, this.recalls, this.cancelled, this.disconnected]) list.length = 0;
    this.failure = null;
  }

  /** @throws {InvalidJobError} as the real one does. */
  async notify<Type extends AnyNotificationType>(
    type: Type,
    request: NotifyRequest<Type>,
  ): Promise<Notified> {
    if (this.failure) throw this.failure;
    checkCall('notify', type, request);
    const { tx, ...job } = request;
    const { feeds, data, dedupeKey, deliverAt } = parseJobData(JSON.parse(JSON.stringify(job)));
    await validateData(type, data);
    this.notifications.push({
      type: type.name,
      to: feeds.map(targetOf),
      tenant: request.tenant ?? '',
      data: data as InputOf<Type>,
      dedupeKey,
      staged: tx !== undefined,
    });
    const jobId = randomUUID();
    this.jobIds.add(jobId);
    const isDueLater = deliverAt !== null && deliverAt.getTime() > Date.now();
    return { jobId, outcome: tx ? 'staged' : isDueLater ? 'queued' : 'delivered' };
  }

  /** One record for all recipients. @throws {InvalidJobError} as the real one does. */
  async notifyMany<Type extends AnyNotificationType>(
    type: Type,
    recipients: Iterable<string> | AsyncIterable<string>,
    { key, ...broadcast }: Broadcast<Type>,
    options: BroadcastOptions = {},
  ): Promise<BroadcastResult> {
    checkCall('notifyMany', type, broadcast);
    const jobIds: string[] = [];
    let count = 0;
    let chunk: string[] = [];
    const flush = async (): Promise<void> => {
      if (chunk.length === 0) return;
      const request = { ...broadcast, to: chunk, dedupeKey: key } as NotifyRequest<Type>;
      jobIds.push((await this.notify(type, request)).jobId);
      count += chunk.length;
      chunk = [];
      options.onProgress?.({ recipients: count, jobs: jobIds.length });
    };
    for await (const recipient of recipients) {
      chunk.push(recipient);
      if (chunk.length === (options.chunkSize ?? 1_000)) await flush();
    }
    await flush();
    return { recipients: count, jobs: jobIds.length, jobIds, repeated: 0, retried: 0 };
  }

  /**
   * `cancelled` if `notify` returned this id and it is not cancelled yet; else `unknown`. Notifications stay
   * recorded.
   */
  cancel(jobId: string): Promise<CancelOutcome> {
    return this.unlessFailing(() => {
      const known = this.jobIds.delete(jobId);
      this.cancelled.push(jobId);
      return known ? 'cancelled' : 'unknown';
    });
  }

  /**
   * `recalled` for recipients of a notification with this key, `prevented` for the others. Notifications stay
   * recorded.
   */
  recall(request: RecallRequest): Promise<Recalled[]> {
    return this.unlessFailing(() => {
      const { feeds, dedupeKey } = parseRecall({ ...request });
      this.recalls.push(request);
      return feeds.map((feed) => {
        const to = targetOf(feed);
        const sent = this.notifications.some(
          (each) =>
            each.dedupeKey === dedupeKey &&
            each.tenant === feed.tenant &&
            each.to.some((one) => JSON.stringify(one) === JSON.stringify(to)),
        );
        return { to, outcome: sent ? 'recalled' : 'prevented' };
      });
    });
  }

  disconnect(...feeds: FeedOf[]): void {
    this.disconnected.push(...feeds);
  }

  // oxlint-disable-next-line typescript/require-await -- what it throws is a rejection, as with the real one
  private async unlessFailing<T>(act: () => T): Promise<T> {
    if (this.failure) throw this.failure;
    return act();
  }
}

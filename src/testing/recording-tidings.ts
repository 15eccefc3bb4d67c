import { randomUUID } from 'node:crypto';
import { validateData, type AnyNotificationType } from '../contract/notification-type.js';
import { parseJobData } from '../contract/job.js';
import type {
  Broadcast,
  BroadcastOptions,
  BroadcastResult,
  InputOf,
  Notified,
  Notifier,
  NotifyRequest,
} from '../contract/notify.js';

/** A call of `notify`, or a recipient of `notifyMany`. */
export interface RecordedNotification<Type extends AnyNotificationType = AnyNotificationType> {
  readonly type: Type['name'];
  /** Each once, as it would be sent. */
  readonly to: readonly string[];
  readonly tenant: string;
  readonly data: InputOf<Type>;
  readonly dedupeKey: string | null;
  /** Whether it was given a transaction: it would be sent only if that commits. */
  readonly staged: boolean;
}

/**
 * Sends nothing and remembers everything: in place of `TidingsService` in unit tests, without a database or a queue. What could never be delivered is
 * refused as by the real one.
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
  /** Thrown by the next calls, to see what happens when the queue is away. Default `null`. */
  failure: Error | null = null;

  /** What was sent of one type. */
  of<Type extends AnyNotificationType>(type: Type): RecordedNotification<Type>[] {
    return this.notifications.filter((each): each is RecordedNotification<Type> => each.type === type.name);
  }

  /** Forgets everything, for `beforeEach`. */
  clear(): void {
    this.notifications.splice(0);
    this.failure = null;
  }

  /** @throws {InvalidJobError} as the real one does. */
  async notify<Type extends AnyNotificationType>(
    type: Type,
    request: NotifyRequest<Type>,
  ): Promise<Notified> {
    if (this.failure) throw this.failure;
    const { tx, ...job } = request;
    const { feeds, data, dedupeKey } = parseJobData(JSON.parse(JSON.stringify(job)));
    await validateData(type, data);
    this.notifications.push({
      type: type.name,
      to: feeds.map(({ recipient }) => recipient),
      tenant: request.tenant ?? '',
      data: data as InputOf<Type>,
      dedupeKey,
      staged: tx !== undefined,
    });
    return { jobId: randomUUID(), outcome: tx ? 'staged' : 'queued' };
  }

  /** One record for all recipients. @throws {InvalidJobError} as the real one does. */
  async notifyMany<Type extends AnyNotificationType>(
    type: Type,
    recipients: Iterable<string> | AsyncIterable<string>,
    { key, ...broadcast }: Broadcast<Type>,
    options: BroadcastOptions = {},
  ): Promise<BroadcastResult> {
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
}

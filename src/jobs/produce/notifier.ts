import { checkCall } from '../../contract/model/check-call.js';
import { InvalidJobError, InvalidRequestError } from '../../contract/errors.js';
import { nameProblem } from '../../contract/model/feed.js';
import { MAX_RECIPIENTS, type JobData } from '../../contract/model/job.js';
import type { AnyNotificationType } from '../../contract/model/notification-type.js';
import type {
  Broadcast,
  BroadcastOptions,
  BroadcastResult,
  Notification,
  Notified,
  Notifier,
  NotifyRequest,
} from '../../contract/model/notify.js';
import { spanOf } from '../../contract/model/span.js';
import type { Outbox } from '../../contract/ports/outbox.js';
import { traced, type Tracing } from '../../contract/ports/tracing.js';
import type { Enqueued } from '../../contract/ports/produce.js';
import { checkJob, type CheckedJob } from './check-job.js';
import { idempotentJobId } from './job-identity.js';
import { outboxJobId } from '../outbox/outbox-job.js';
import { retryIfFailed, type QueueProducer } from './queue-producer.js';
import type { TypeRegistry } from '../../types/type-registry.js';
import { uuidV7 } from '../../platform/uuid-v7.js';

/** Sends a validated job that has no id yet. */
export interface Door {
  /** @throws {QueueUnavailableError} if neither log nor queue accepted it in time. */
  send(job: CheckedJob): Promise<Enqueued>;
}

/** The dependencies of {@link QueueNotifier}. */
export interface NotifierParts {
  /** Receives broadcasts. */
  readonly queue: QueueProducer;
  /** Receives single notifications. */
  readonly door: Door;
  /** The registry to validate a caller's type against. @throws {UnknownTypeError} if it is not registered. */
  readonly typesFor: (type: AnyNotificationType) => TypeRegistry;
  /** `null`: there is no outbox, and `tx` is rejected. */
  readonly outbox: Outbox | null;
  readonly tracing?: Tracing | null;
}

/** What happened to the job of an earlier call with the same key. */
type Before = 'nothing' | 'queued' | 'failed';

/** Turns typed calls into jobs. */
export class QueueNotifier implements Notifier {
  constructor(private readonly parts: NotifierParts) {}

  async notify<Type extends AnyNotificationType>(
    type: Type,
    { tx, ...request }: NotifyRequest<Type>,
  ): Promise<Notified> {
    checkCall('notify', type, request);
    const job = await this.check(type, jobDataOf(type, request, request.to, request.dedupeKey));
    if (!tx) {
      const { id: jobId, outcome } = await this.parts.door.send(job);
      return { jobId, outcome };
    }
    const { outbox } = this.parts;
    if (!outbox)
      throw new InvalidRequestError([
        { field: 'tx', problem: 'needs the option database, which is not set' },
      ]);
    const id = uuidV7();
    const jobId = outboxJobId(id);
    const subject = { type: type.name, id: jobId, queue: 'outbox', recipients: job.parsed.feeds.length };
    await traced(
      this.parts.tracing ?? null,
      () => spanOf('send', subject),
      () => outbox.stage(tx, { id, type: type.name, data: job.sent }),
    );
    return { jobId, outcome: 'staged' };
  }

  async notifyMany<Type extends AnyNotificationType>(
    type: Type,
    recipients: Iterable<string> | AsyncIterable<string>,
    broadcast: Broadcast<Type>,
    { onProgress, chunkSize = MAX_RECIPIENTS }: BroadcastOptions = {},
  ): Promise<BroadcastResult> {
    checkCall('notifyMany', type, broadcast);
    if (!Number.isInteger(chunkSize) || chunkSize < 1 || chunkSize > MAX_RECIPIENTS) {
      const problem = `must be a whole number from 1 to ${MAX_RECIPIENTS}, is ${String(chunkSize)}`;
      throw new InvalidRequestError([{ field: 'chunkSize', problem }]);
    }
    const keyProblem = nameProblem(broadcast.key);
    if (keyProblem) throw new InvalidJobError([{ field: 'key', problem: keyProblem }]);

    const jobIds: string[] = [];
    const result = { recipients: 0, jobs: 0, repeated: 0, retried: 0 };
    for await (const to of chunks(recipients, chunkSize)) {
      const job = await this.check(type, jobDataOf(type, broadcast, to, broadcast.key));
      const { jobId, before } = await this.storeOnce(job);
      jobIds.push(jobId);
      result.recipients += to.length;
      result.jobs += 1;
      if (before !== 'nothing') result.repeated += 1;
      if (before === 'failed') result.retried += 1;
      onProgress?.({ recipients: result.recipients, jobs: result.jobs });
    }
    return { ...result, jobIds };
  }

  /**
   * The id is derived from the content, so that a repeated call finds the jobs of the first one. If the
   * recipients come in another order or
   * the data has changed, the id differs, and the log drops delivered notifications by their key.
   */
  private async storeOnce(job: CheckedJob): Promise<{ jobId: string; before: Before }> {
    const jobId = idempotentJobId({ scope: 'broadcast', key: JSON.stringify([job.type, job.sent]) });
    let before: Before = 'nothing';
    await this.parts.queue.store(job, {
      id: jobId,
      look: async (stored, own) => {
        if (!stored || own) return;
        before = (await retryIfFailed(stored)) ? 'failed' : 'queued';
      },
    });
    return { jobId, before };
  }

  private check(type: AnyNotificationType, data: unknown): Promise<CheckedJob> {
    return checkJob(this.parts.typesFor(type), type.name, data);
  }
}

function jobDataOf(
  type: AnyNotificationType,
  { tenant, data, deliverAt, expiresAt, collapseKey }: Omit<Notification, 'to' | 'dedupeKey'>,
  to: Notification['to'],
  dedupeKey: string | undefined,
): Record<keyof JobData, unknown> {
  // As JSON, so that it is validated like any job, even if the caller bypassed the types.
  return {
    to,
    tenant,
    data: data as unknown,
    version: type.version,
    dedupeKey,
    deliverAt,
    expiresAt,
    collapseKey,
    sender: undefined,
  };
}

/**
 * Reads no recipients ahead of the chunk in progress. @throws {InvalidJobError} naming a recipient by its
 * index in the whole list.
 */
async function* chunks(
  recipients: Iterable<string> | AsyncIterable<string>,
  size: number,
): AsyncGenerator<string[]> {
  // A string is an Iterable of strings too.
  if (typeof recipients === 'string')
    throw new InvalidRequestError([{ field: 'recipients', problem: 'must be a list, not one recipient' }]);
  let chunk: string[] = [];
  let place = 0;
  for await (const recipient of recipients) {
    const problem = nameProblem(recipient);
    if (problem) throw new InvalidJobError([{ field: `to[${place}]`, problem }]);
    place += 1;
    chunk.push(recipient);
    if (chunk.length < size) continue;
    yield chunk;
    chunk = [];
  }
  if (chunk.length > 0) yield chunk;
}

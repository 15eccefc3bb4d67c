import { isDeepStrictEqual } from 'node:util';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Job, JobsOptions } from 'bullmq';
import { IdempotencyKeyReusedError, QueueUnavailableError } from '../../contract/errors.js';
import type { JobData } from '../../contract/model/job.js';
import { spanOf } from '../../contract/model/span.js';
import type { Enqueued, EnqueueOptions, Producer } from '../../contract/ports/produce.js';
import { traced, type Tracing } from '../../contract/ports/tracing.js';
import { checkJob, delayOf, type CheckedJob } from './check-job.js';
import { withTimeout } from '../../platform/time/with-timeout.js';
import { idempotentJobId, withoutSender } from './job-identity.js';
import { carryCall } from '../queue/job-carrier.js';
import type { JobQueue } from '../queue/queue.js';
import { isWithdrawn } from '../queue/withdrawn.js';
import { describeError } from '../../platform/logging/describe-error.js';
import type { TypeRegistry } from '../../types/type-registry.js';
import { uuidV7 } from '../../platform/uuid-v7.js';

const FIRST_RETRY_MS = 50;
const LONGEST_RETRY_MS = 500;
const LOOK_MS = 300;

/** Inspects the job that is stored under the id; `null` if it is already gone. `own`: this call created it. */
export type Look = (stored: Job<unknown> | null, own: boolean) => void | Promise<void>;

/** How to put a job on the queue. */
export interface StoreRequest {
  readonly id: string;
  /** When the job was created, ms. Default: now. */
  readonly timestamp?: number;
  /** When the caller began to wait, as `performance.now()`; the timeout counts from there. Default: now. */
  readonly startedAt?: number;
  readonly look?: Look;
}

/**
 * Puts validated jobs on the queue.
 *
 * Every job has an id before it is sent, and the queue accepts an id once. So a command whose answer was lost
 * is sent again until the timeout.
 * The call then fails with an unknown outcome: the queue may still have the job, because a command that the
 * server received but did not answer
 * cannot be revoked. A call with the same Idempotency-Key uses the same id, and so the same job.
 */
export class QueueProducer implements Producer {
  constructor(
    private readonly jobs: JobQueue,
    private readonly types: TypeRegistry,
    /** Milliseconds until {@link QueueUnavailableError}. */
    private readonly timeoutMs: number,
    private readonly tracing: Tracing | null = null,
  ) {}

  async enqueue(type: string, data: JobData, { idempotency }: EnqueueOptions = {}): Promise<Enqueued> {
    const job = await checkJob(this.types, type, data);
    const id = idempotency ? idempotentJobId(idempotency) : uuidV7();
    return this.publish(job, { id, look: idempotency && refuseOtherBody(job) });
  }

  async send(job: CheckedJob): Promise<Enqueued> {
    return this.publish(job, { id: uuidV7() });
  }

  private async publish(job: CheckedJob, request: StoreRequest): Promise<Enqueued> {
    const { id } = request;
    const subject = { type: job.type, id, queue: this.jobs.name, recipients: job.parsed.feeds.length };
    await traced(
      this.tracing,
      () => spanOf('send', subject),
      () => this.store(job, request),
    );
    return { id, outcome: 'queued' };
  }

  /**
   * Stores a validated job under this id, or finds the stored one.
   *
   * @throws {QueueUnavailableError} if the queue does not answer in time.
   */
  async store(
    { type, sent, parsed }: CheckedJob,
    { id, timestamp = Date.now(), startedAt, look }: StoreRequest,
  ): Promise<void> {
    const delay = delayOf(parsed, timestamp);
    const options: JobsOptions = {
      jobId: id,
      timestamp,
      ...(delay > 0 && { delay }),
      ...carryCall(this.tracing),
    };
    await this.untilStored((startedAt ?? performance.now()) + this.timeoutMs, async () => {
      await this.jobs.queue.add(type, sent, options);
      if (!look) return;
      const stored = (await this.jobs.queue.getJob(id)) as Job<unknown> | undefined;
      // The timestamp is the same at each attempt, so it shows whether the stored job is this one.
      await look(stored ?? null, stored?.timestamp === timestamp);
    });
  }

  /** Whether the queue has another body under this id. `false` also if it does not answer soon: it only decides which answer is better. */
  async hasOtherBody(job: CheckedJob, id: string): Promise<boolean> {
    if (!this.jobs.usable) return false;
    const stored = await withTimeout(LOOK_MS, this.jobs.queue.getJob(id), () => new Error('late')).catch(
      this.jobs.errors.report,
    );
    return (
      Boolean(stored) && !isWithdrawn(stored as Job<unknown>) && isOtherBody(job, stored as Job<unknown>)
    );
  }

  private async untilStored(deadline: number, store: () => Promise<void>): Promise<void> {
    const unavailable = (cause?: unknown): QueueUnavailableError =>
      new QueueUnavailableError(
        `The queue did not confirm the job within ${this.timeoutMs} ms${cause ? ` (${describeError(cause)})` : ''}. ` +
          'Send it again with the same key (Idempotency-Key or dedupeKey).',
        { cause },
      );
    for (let wait = FIRST_RETRY_MS; ; wait = Math.min(2 * wait, LONGEST_RETRY_MS)) {
      if (this.jobs.closing) throw unavailable('the queue is closing');
      try {
        // Before its first connection BullMQ would keep the command and send it at any later time.
        await withTimeout(deadline - performance.now(), this.jobs.ready(), unavailable);
        return await withTimeout(deadline - performance.now(), store(), unavailable);
      } catch (error) {
        if (error instanceof IdempotencyKeyReusedError || error instanceof QueueUnavailableError) throw error;
        if (performance.now() + wait >= deadline) throw unavailable(error);
        await sleep(wait);
      }
    }
  }
}

/**
 * Compares the job stored under an Idempotency-Key with this one. A cancelled job makes room for this one, and a failed one runs again: the
 * queue accepts an id once, and would keep either as it is.
 */
export function refuseOtherBody(job: CheckedJob): Look {
  return async (stored, own) => {
    // The queue may have removed a completed job; the log still knows its key.
    if (!stored || own) return;
    if (isWithdrawn(stored)) {
      await stored.remove();
      // Any error but a refusal makes the producer store the job again.
      throw new Error('the cancelled job with this id is removed');
    }
    if (isOtherBody(job, stored)) throw new IdempotencyKeyReusedError();
    await retryIfFailed(stored);
  };
}

function isOtherBody({ type, sent }: CheckedJob, stored: Job<unknown>): boolean {
  return stored.name !== type || !isDeepStrictEqual(withoutSender(stored.data), withoutSender(sent));
}

/** Failed jobs keep their ids for a month; without this, a repetition would do nothing. @returns Whether it had failed. */
export async function retryIfFailed(job: Job<unknown>): Promise<boolean> {
  if (!(await job.isFailed())) return false;
  try {
    await job.retry('failed');
  } catch (error) {
    // Another process retried it in the meantime.
    if (await job.isFailed()) throw error;
  }
  return true;
}

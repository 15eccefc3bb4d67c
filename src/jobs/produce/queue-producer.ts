import { isDeepStrictEqual } from 'node:util';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Job, JobsOptions } from 'bullmq';
import { IdempotencyKeyReusedError, QueueUnavailableError } from '../../contract/errors.js';
import type { JobData } from '../../contract/model/job.js';
import type { Enqueued, EnqueueOptions, Producer } from '../../contract/ports/produce.js';
import { checkJob, delayOf, type CheckedJob } from './check-job.js';
import { withTimeout } from '../../platform/time/with-timeout.js';
import { idempotentJobId } from './dedupe-key.js';
import type { JobQueue } from '../queue/queue.js';
import { describeError } from '../../platform/logging/describe-error.js';
import type { TypeRegistry } from '../../types/type-registry.js';
import { uuidV7 } from '../../platform/uuid-v7.js';

const FIRST_RETRY_MS = 50;
const LONGEST_RETRY_MS = 500;

/** Looks at the job that has the id now, `null` if it is gone already. `own`: nobody put it there before. */
export type Look = (stored: Job<unknown> | null, own: boolean) => void | Promise<void>;

/** How a job is put on the queue. */
export interface StoreRequest {
  readonly id: string;
  /** When the job was made, ms. Default: now. */
  readonly timestamp?: number;
  /** When the caller began to wait, ms: the timeout counts from there. Default: now. */
  readonly startedAt?: number;
  readonly look?: Look;
}

/**
 * Puts checked jobs on the queue.
 *
 * Every job has an id before it is sent, and the queue takes an id once. So a command whose answer was lost is simply sent again, until the
 * time is up. Then the caller is told that nothing is known: the queue may still have the job, since what a server received and did not answer
 * cannot be called back. Repeated with the same Idempotency-Key, the id is the same again, and so is the job.
 */
export class QueueProducer implements Producer {
  constructor(
    private readonly jobs: JobQueue,
    private readonly types: TypeRegistry,
    /** Milliseconds until {@link QueueUnavailableError}. */
    private readonly timeoutMs: number,
  ) {}

  async enqueue(type: string, data: JobData, { idempotency }: EnqueueOptions = {}): Promise<Enqueued> {
    const job = await checkJob(this.types, type, data);
    const id = idempotency ? idempotentJobId(idempotency) : uuidV7();
    await this.store(job, { id, look: idempotency && refuseOtherBody(job) });
    return { id, outcome: 'queued' };
  }

  async send(job: CheckedJob): Promise<Enqueued> {
    const id = uuidV7();
    await this.store(job, { id });
    return { id, outcome: 'queued' };
  }

  /**
   * Puts a checked job on the queue under this id, or finds it there.
   *
   * @throws {QueueUnavailableError} if the queue did not answer in time.
   */
  async store(
    { type, sent, parsed }: CheckedJob,
    { id, timestamp = Date.now(), startedAt, look }: StoreRequest,
  ): Promise<void> {
    const delay = delayOf(parsed, timestamp);
    const options: JobsOptions = { jobId: id, timestamp, ...(delay > 0 && { delay }) };
    await this.untilStored((startedAt ?? Date.now()) + this.timeoutMs, async () => {
      await this.jobs.queue.add(type, sent, options);
      if (!look) return;
      const stored = (await this.jobs.queue.getJob(id)) as Job<unknown> | undefined;
      // The timestamp is the same at each attempt: it tells whether the job that is there is this one.
      await look(stored ?? null, stored?.timestamp === timestamp);
    });
  }

  private async untilStored(deadline: number, store: () => Promise<void>): Promise<void> {
    const unavailable = (cause?: unknown): QueueUnavailableError =>
      new QueueUnavailableError(
        `The queue did not confirm the job within ${this.timeoutMs} ms${cause ? ` (${describeError(cause)})` : ''}. ` +
          'Send it again with the same key (Idempotency-Key or dedupeKey).',
        { cause },
      );
    for (let wait = FIRST_RETRY_MS; ; wait = Math.min(2 * wait, LONGEST_RETRY_MS)) {
      if (this.jobs.closing) throw unavailable('it is being closed here');
      try {
        // Before the first connection BullMQ would keep the command, and send it whenever that comes.
        await withTimeout(deadline - Date.now(), this.jobs.ready(), unavailable);
        return await withTimeout(deadline - Date.now(), store(), unavailable);
      } catch (error) {
        if (error instanceof IdempotencyKeyReusedError || error instanceof QueueUnavailableError) throw error;
        if (Date.now() + wait >= deadline) throw unavailable(error);
        await sleep(wait);
      }
    }
  }
}

/** Compares the job that the queue has under an Idempotency-Key with this one. */
export function refuseOtherBody({ type, sent }: CheckedJob): Look {
  return (stored) => {
    // The queue may have forgotten a job that is done; the log still knows its key.
    if (!stored || (stored.name === type && isDeepStrictEqual(stored.data, sent))) return;
    throw new IdempotencyKeyReusedError();
  };
}

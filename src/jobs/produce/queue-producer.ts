import { isDeepStrictEqual } from 'node:util';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Job, JobsOptions } from 'bullmq';
import { IdempotencyKeyReusedError, QueueUnavailableError } from '../../contract/errors.js';
import type { JobData } from '../../contract/model/job.js';
import type { EnqueueOptions, Producer } from '../../contract/ports/produce.js';
import { checkJob, delayOf, type CheckedJob } from './check-job.js';
import { withTimeout } from '../../platform/time/with-timeout.js';
import { idempotentJobId } from './dedupe-key.js';
import type { JobQueue } from '../queue/queue.js';
import { describeError } from '../../platform/logging/describe-error.js';
import type { TypeRegistry } from '../../types/type-registry.js';
import { uuidV7 } from '../../platform/uuid-v7.js';

const FIRST_RETRY_MS = 50;
const LONGEST_RETRY_MS = 500;

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

  async enqueue(type: string, data: JobData, options: EnqueueOptions = {}): Promise<{ id: string }> {
    const job = await checkJob(this.types, type, data);
    const { idempotency } = options;
    const id = idempotency ? idempotentJobId(idempotency) : uuidV7();
    await this.store(job, id, idempotency && ((stored) => refuseAnother(job, stored)));
    return { id };
  }

  /**
   * Puts a checked job on the queue under this id, or finds it there.
   *
   * @param look Looks at the job that has the id then, `null` if it is gone already. `own`: nobody put it there before.
   * @throws {QueueUnavailableError} if the queue did not answer in time.
   */
  async store(
    { type, sent, parsed }: CheckedJob,
    id: string,
    look?: (stored: Job<unknown> | null, own: boolean) => void | Promise<void>,
  ): Promise<void> {
    // The same at each attempt: it tells whether a job that is there is this one.
    const timestamp = Date.now();
    const delay = delayOf(parsed, timestamp);
    const options: JobsOptions = { jobId: id, timestamp, ...(delay > 0 && { delay }) };
    await this.untilStored(async () => {
      await this.jobs.queue.add(type, sent, options);
      if (!look) return;
      const stored = (await this.jobs.queue.getJob(id)) as Job<unknown> | undefined;
      await look(stored ?? null, stored?.timestamp === timestamp);
    });
  }

  private async untilStored(store: () => Promise<void>): Promise<void> {
    const deadline = Date.now() + this.timeoutMs;
    const away = (cause?: unknown): QueueUnavailableError =>
      new QueueUnavailableError(
        `The queue did not confirm the job within ${this.timeoutMs} ms${cause ? ` (${describeError(cause)})` : ''}. ` +
          'Send it again with the same key (Idempotency-Key or dedupeKey).',
        { cause },
      );
    for (let wait = FIRST_RETRY_MS; ; wait = Math.min(2 * wait, LONGEST_RETRY_MS)) {
      if (this.jobs.closing) throw away('it is being closed here');
      try {
        // Before the first connection BullMQ would keep the command, and send it whenever that comes.
        await withTimeout(deadline - Date.now(), this.jobs.ready(), away);
        return await withTimeout(deadline - Date.now(), store(), away);
      } catch (error) {
        if (error instanceof IdempotencyKeyReusedError || error instanceof QueueUnavailableError) throw error;
        if (Date.now() + wait >= deadline) throw away(error);
        await sleep(wait);
      }
    }
  }
}

function refuseAnother({ type, sent }: CheckedJob, stored: Job<unknown> | null): void {
  // A job that is gone already was done; should this have been another body, the log drops it by its key.
  if (!stored || (stored.name === type && isDeepStrictEqual(stored.data, sent))) return;
  throw new IdempotencyKeyReusedError(
    'This Idempotency-Key came with another type or other data before; take a new key for a new notification.',
  );
}

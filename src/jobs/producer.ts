import { isDeepStrictEqual } from 'node:util';
import { setTimeout as sleep } from 'node:timers/promises';
import type { JobsOptions } from 'bullmq';
import { IdempotencyKeyReusedError, InvalidJobError, QueueUnavailableError } from '../contract/errors.js';
import { parseJobData, type JobData, type ParsedJob } from '../contract/job.js';
import type { EnqueueOptions, Producer } from '../contract/ports/produce.js';
import { within } from './deadline.js';
import { idempotentJobId } from './dedupe-key.js';
import type { JobQueue } from './queue.js';
import { describeError } from './repeated-errors.js';
import type { TypeRegistry } from './type-registry.js';
import { uuidV7 } from './uuid-v7.js';

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
    // What the worker will read: dates are texts by then, and undefined fields are gone.
    const sent = throughJson(data);
    const definition = this.types.get(type);
    const job = parseJobData(sent);
    const now = Date.now();
    refuseExpired(job, now);
    await this.types.validate(definition, job.data);

    const { idempotency } = options;
    const id = idempotency ? idempotentJobId(idempotency) : uuidV7();
    const delay = job.deliverAt ? Math.max(0, job.deliverAt.getTime() - now) : 0;
    await this.untilStored(async () => {
      await this.jobs.queue.add(type, sent, { jobId: id, ...(delay > 0 && { delay }) } satisfies JobsOptions);
      if (!idempotency) return;
      const stored = await this.jobs.queue.getJob(id);
      // A job that is gone already was done; should this have been another body, the log drops it by its key.
      if (!stored || (stored.name === type && isDeepStrictEqual(stored.data, sent))) return;
      throw new IdempotencyKeyReusedError(
        'This Idempotency-Key came with another type or other data before; take a new key for a new notification.',
      );
    });
    return { id };
  }

  private async untilStored(store: () => Promise<void>): Promise<void> {
    const deadline = Date.now() + this.timeoutMs;
    const away = (cause?: unknown): QueueUnavailableError =>
      new QueueUnavailableError(
        `The queue did not confirm the job within ${this.timeoutMs} ms${cause ? ` (${describeError(cause)})` : ''}. ` +
          'Send it again with the same Idempotency-Key.',
        { cause },
      );
    for (let wait = FIRST_RETRY_MS; ; wait = Math.min(2 * wait, LONGEST_RETRY_MS)) {
      if (this.jobs.closing) throw away('it is being closed here');
      try {
        // Before the first connection BullMQ would keep the command, and send it whenever that comes.
        await within(deadline - Date.now(), this.jobs.queue.waitUntilReady(), away);
        return await within(deadline - Date.now(), store(), away);
      } catch (error) {
        if (error instanceof IdempotencyKeyReusedError || error instanceof QueueUnavailableError) throw error;
        if (Date.now() + wait >= deadline) throw away(error);
        await sleep(wait);
      }
    }
  }
}

function throughJson(data: unknown): unknown {
  try {
    const json = JSON.stringify(data) as string | undefined;
    return json === undefined ? undefined : JSON.parse(json);
  } catch (error) {
    throw new InvalidJobError([
      { field: 'data of the job', problem: `must be JSON: ${describeError(error)}` },
    ]);
  }
}

function refuseExpired({ expiresAt }: ParsedJob, now: number): void {
  if (expiresAt === null || expiresAt.getTime() > now) return;
  throw new InvalidJobError([
    { field: 'expiresAt', problem: `must be in the future, is ${expiresAt.toISOString()}` },
  ]);
}

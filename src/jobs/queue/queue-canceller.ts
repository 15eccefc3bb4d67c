import { setTimeout as sleep } from 'node:timers/promises';
import type { Job, JobState, Queue } from 'bullmq';
import { sentOf } from '../../contract/model/job.js';
import { reaches, type ProducerIdentity } from '../../contract/model/producer-key.js';
import type { CancelledJob } from '../../contract/ports/cancel.js';
import type { CancelOutcome, JobCanceller } from '../../contract/ports/produce.js';
import type { JobQueue } from './queue.js';
import { triedJob } from './tried-job.js';
import { isWithdrawn, wasWithdrawn, withdraw } from './withdrawn.js';

/** A worker ends a withdrawn job at once; a job taken before the withdrawal takes as long as its append. */
const VERDICT_MS = 2_000;
const LOOK_EVERY_MS = 20;

/** Jobs that wait, of which some were tried before. */
export interface TriedJobs extends JobCanceller {
  /** The job, if it waits and an append of it may still be under way. @throws {QueueUnavailableError} */
  findTried(id: string, by: ProducerIdentity | null): Promise<CancelledJob | null>;
  /** Removes a job that the log has cancelled, whatever it is doing. @throws {QueueUnavailableError} */
  discard(id: string): Promise<void>;
}

/** Cancels jobs on the queue before they run; {@link withdraw} explains how it excludes races. */
export class QueueCanceller implements TriedJobs {
  constructor(private readonly jobs: JobQueue) {}

  /** Safe to repeat: a job left withdrawn because the queue became unavailable midway is recognized. */
  cancel(id: string, by: ProducerIdentity | null): Promise<CancelOutcome> {
    return this.jobs.ask((queue) => this.withdraw(queue, id, by));
  }

  findTried(id: string, by: ProducerIdentity | null): Promise<CancelledJob | null> {
    return this.jobs.ask(async (queue) => {
      const job = (await queue.getJob(id)) as Job<unknown> | undefined;
      if (!job || !reaches(by, sentOf(job.data))) return null;
      return outcomeOf(await job.getState()) === 'cancelled' ? triedJob(job) : null;
    });
  }

  discard(id: string): Promise<void> {
    return this.jobs.ask(async (queue) => {
      const job = (await queue.getJob(id)) as Job<unknown> | undefined;
      if (!job) return;
      // A repetition with the same Idempotency-Key must not take it for its own, even while a worker holds it.
      if (!isWithdrawn(job)) await withdraw(job);
      await job.remove().catch(this.jobs.errors.report);
    });
  }

  private async withdraw(queue: Queue, id: string, by: ProducerIdentity | null): Promise<CancelOutcome> {
    // Undefined if there is none, contrary to the backend's declaration.
    const job = (await queue.getJob(id)) as Job<unknown> | undefined;
    if (!job || !reaches(by, sentOf(job.data))) return 'unknown';
    if (!isWithdrawn(job)) {
      const before = outcomeOf(await job.getState());
      if (before !== 'cancelled') return before;
      try {
        await withdraw(job);
      } catch (error) {
        if (!(await queue.getJob(id))) return 'unknown';
        throw error;
      }
    }
    return this.verdict(queue, id);
  }

  /**
   * The outcome for a withdrawn job. Only its end shows whether a worker took it before or after the
   * withdrawal. The original data is not
   * restored meanwhile: if the worker puts the job back, it is cancelled.
   */
  private async verdict(queue: Queue, id: string): Promise<CancelOutcome> {
    for (
      const until = performance.now() + VERDICT_MS;
      performance.now() < until;
      await sleep(LOOK_EVERY_MS)
    ) {
      const job = (await queue.getJob(id)) as Job<unknown, unknown> | undefined;
      if (!job) return 'unknown';
      const outcome = outcomeOf(await job.getState());
      if (outcome === 'cancelled') {
        // If this fails (a worker has just taken it, or it belongs to a scheduler), the job does nothing when
        // it runs.
        await job.remove().catch(this.jobs.errors.report);
        return 'cancelled';
      }
      if (outcome !== 'running') {
        const ended = (await queue.getJob(id)) as Job<unknown, unknown> | undefined;
        return wasWithdrawn(ended?.returnvalue) ? 'cancelled' : outcome;
      }
    }
    throw new Error(`job "${id}" is running; try again`);
  }
}

/** The outcome of cancelling a job in this state. */
function outcomeOf(state: JobState | 'unknown'): CancelOutcome {
  if (state === 'completed' || state === 'failed') return 'done';
  if (state === 'active') return 'running';
  return state === 'unknown' ? 'unknown' : 'cancelled';
}

import type { Job, JobState, Queue } from 'bullmq';
import type { CancelOutcome, JobCanceller } from '../contract/ports/produce.js';
import type { JobQueue } from './queue.js';
import { isWithdrawn, WITHDRAWN } from './withdrawn.js';

/** Takes jobs off the queue before they run; see {@link WITHDRAWN} for how it can be sure of that. */
export class QueueCanceller implements JobCanceller {
  constructor(private readonly jobs: JobQueue) {}

  /** Safe to repeat: a job that was left withdrawn when the queue went away in the middle is found as such. */
  cancel(id: string): Promise<CancelOutcome> {
    return this.jobs.ask((queue) => this.withdraw(queue, id));
  }

  private async withdraw(queue: Queue, id: string): Promise<CancelOutcome> {
    // Undefined if there is none, whatever the declaration of a backend's own method says.
    const job = (await queue.getJob(id)) as Job<unknown> | undefined;
    if (!job) return 'unknown';
    const before = outcomeOf(await job.getState());
    if (before !== 'cancelled') return before;

    const own = job.data;
    try {
      await job.updateData(WITHDRAWN);
    } catch (error) {
      if (!(await queue.getJob(id))) return 'unknown';
      throw error;
    }
    const after = outcomeOf(await job.getState());
    if (after === 'cancelled') {
      // Should that fail (a worker has taken it since, or it belongs to a scheduler), it does nothing when it runs.
      await job.remove().catch(this.jobs.errors.report);
      return 'cancelled';
    }
    const now = (await queue.getJob(id)) as Job<unknown> | undefined;
    if (isWithdrawn(now?.returnvalue)) return 'cancelled';
    // A worker was quicker, and may have to put it back: then it is to wait with what it is about.
    if (now) await job.updateData(own);
    return after;
  }
}

/** What cancelling a job in this state comes to. */
function outcomeOf(state: JobState | 'unknown'): CancelOutcome {
  if (state === 'completed' || state === 'failed') return 'done';
  if (state === 'active') return 'running';
  return state === 'unknown' ? 'unknown' : 'cancelled';
}

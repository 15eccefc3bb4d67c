import { setTimeout as sleep } from 'node:timers/promises';
import type { Job, JobState, Queue } from 'bullmq';
import type { CancelOutcome, JobCanceller } from '../../contract/ports/produce.js';
import type { JobQueue } from './queue.js';
import { isWithdrawn, WITHDRAWN } from './withdrawn.js';

/** A withdrawn job ends as soon as a worker looks at it; one that was taken before takes as long as its append. */
const VERDICT_MS = 2_000;
const LOOK_EVERY_MS = 20;

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
    if (!isWithdrawn(job.data)) {
      const before = outcomeOf(await job.getState());
      if (before !== 'cancelled') return before;
      try {
        await job.updateData(WITHDRAWN);
      } catch (error) {
        if (!(await queue.getJob(id))) return 'unknown';
        throw error;
      }
    }
    return this.verdict(queue, id);
  }

  /**
   * Of a withdrawn job. Whether a worker that has it by now took it before or after that shows at its end only. Its own data is
   * not given back meanwhile: should the worker have to put it back, it is cancelled then.
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
        // Should that fail (a worker has taken it since, or it belongs to a scheduler), it does nothing when it runs.
        await job.remove().catch(this.jobs.errors.report);
        return 'cancelled';
      }
      if (outcome !== 'running') {
        const ended = (await queue.getJob(id)) as Job<unknown, unknown> | undefined;
        return isWithdrawn(ended?.returnvalue) ? 'cancelled' : outcome;
      }
    }
    throw new Error(`job "${id}" is being run at this moment; ask again`);
  }
}

/** What cancelling a job in this state comes to. */
function outcomeOf(state: JobState | 'unknown'): CancelOutcome {
  if (state === 'completed' || state === 'failed') return 'done';
  if (state === 'active') return 'running';
  return state === 'unknown' ? 'unknown' : 'cancelled';
}

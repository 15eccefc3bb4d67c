import type { ProducerIdentity } from '../../contract/model/producer-key.js';
import type { CancelledJobs } from '../../contract/ports/cancel.js';
import type { IdempotencyKeys } from '../../contract/ports/idempotency.js';
import type { CancelOutcome, JobCanceller } from '../../contract/ports/produce.js';
import { outboxRowId } from '../outbox/outbox-job.js';
import {
  directJobOf,
  isDirectJobId,
  isIdempotentJobId,
  jobFingerprint,
  mayHaveSent,
} from '../produce/job-identity.js';
import type { TriedJobs } from '../queue/queue-canceller.js';

/**
 * Cancels jobs that may have been tried before they reached the queue, or delivered without it.
 *
 * Of a job that was tried, a transaction may still be under way, so taking it off the queue is not enough. The log decides first, under the
 * lock that the append needs: either the job was appended, and stays, or it is cancelled, and the append is refused. Then its copy is removed.
 */
export class DirectCanceller implements JobCanceller {
  constructor(
    private readonly idempotencyKeys: IdempotencyKeys,
    private readonly cancelledJobs: CancelledJobs,
    private readonly jobs: TriedJobs,
    private readonly queueName: string,
  ) {}

  async cancel(id: string, by: ProducerIdentity | null): Promise<CancelOutcome> {
    const outcome = (await this.cancelTried(id, by)) ?? (await this.jobs.cancel(id, by));
    // Releases the key: a cancelled job may be sent again with it, and must not pass for a delivered one.
    if (outcome === 'cancelled' && isIdempotentJobId(id)) await this.idempotencyKeys.release(id);
    if (outcome !== 'unknown' || !mayHaveSent(id, by)) return outcome;
    return (await this.wasDelivered(id)) ? 'done' : outcome;
  }

  /** `null`: it was not tried, so the queue decides. */
  private async cancelTried(id: string, by: ProducerIdentity | null): Promise<CancelOutcome | null> {
    const job = await this.jobs.findTried(id, by);
    if (!job) return null;
    const verdict = await this.cancelledJobs.cancel(job);
    // The queue delivers to the others.
    if (verdict === 'partly') return 'running';
    if (verdict === 'delivered') return 'done';
    await this.jobs.discard(id);
    return 'cancelled';
  }

  /** The id of a direct job, or of a row, is only known to whoever got an answer: what is not on the queue was delivered, or cancelled. */
  private async wasDelivered(id: string): Promise<boolean> {
    if (isIdempotentJobId(id)) return this.idempotencyKeys.isDelivered(id);
    if (!isDirectJobId(id)) return outboxRowId(id) !== null;
    return !(await this.cancelledJobs.isCancelled(jobFingerprint(directJobOf(this.queueName, id))));
  }
}

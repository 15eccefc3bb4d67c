import type { ProducerIdentity } from '../../contract/model/producer-key.js';
import type { IdempotencyKeys } from '../../contract/ports/idempotency.js';
import type { CancelOutcome, JobCanceller } from '../../contract/ports/produce.js';
import { outboxRowId } from '../outbox/outbox-job.js';
import { isDirectJobId, isIdempotentJobId } from '../produce/job-identity.js';

/** Cancels jobs that may have been delivered directly and never reached the queue. */
export class DirectCanceller implements JobCanceller {
  constructor(
    private readonly idempotencyKeys: IdempotencyKeys,
    private readonly queue: JobCanceller,
  ) {}

  async cancel(id: string, by: ProducerIdentity | null): Promise<CancelOutcome> {
    const outcome = await this.queue.cancel(id, by);
    if (isIdempotentJobId(id)) {
      // Releases the key: a cancelled job may be sent again with it, and must not pass for a delivered one.
      if (outcome === 'cancelled') await this.idempotencyKeys.release(id);
      if (outcome === 'unknown' && (await this.idempotencyKeys.isClaimed(id))) return 'done';
    }
    const isDone = outcome === 'unknown' && (isDirectJobId(id) || outboxRowId(id) !== null);
    return isDone ? 'done' : outcome;
  }
}

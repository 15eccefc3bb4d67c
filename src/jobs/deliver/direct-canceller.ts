import type { IdempotencyKeys } from '../../contract/ports/idempotency.js';
import type { CancelOutcome, JobCanceller } from '../../contract/ports/produce.js';
import { outboxRowId } from '../outbox/outbox-job.js';
import { isDirectJobId, isIdempotentJobId } from '../produce/dedupe-key.js';

/** The canceller, for jobs that may never have been on the queue because they were delivered at once. */
export class DirectCanceller implements JobCanceller {
  constructor(
    private readonly idempotencyKeys: IdempotencyKeys,
    private readonly queue: JobCanceller,
  ) {}

  async cancel(id: string): Promise<CancelOutcome> {
    const outcome = await this.queue.cancel(id);
    if (isIdempotentJobId(id)) {
      // A cancelled job may be sent again with the same key, and is not taken for a delivered one.
      if (outcome === 'cancelled') await this.idempotencyKeys.release(id);
      if (outcome === 'unknown' && (await this.idempotencyKeys.isClaimed(id))) return 'done';
    }
    const isDone = outcome === 'unknown' && (isDirectJobId(id) || outboxRowId(id) !== null);
    return isDone ? 'done' : outcome;
  }
}

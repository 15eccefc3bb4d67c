import type { Job } from 'bullmq';
import { InvalidJobError } from '../../contract/errors.js';
import { parseJobData } from '../../contract/model/job.js';
import type { CancelledJob } from '../../contract/ports/cancel.js';
import { cancelledJobOf, isDirectJobId, isIdempotentJobId } from '../produce/job-identity.js';
import { outboxRowId } from '../outbox/outbox-job.js';
import { isWithdrawn } from './withdrawn.js';

/**
 * A waiting job that was tried before: a transaction that appends it may still be under way, because whoever began it has given up waiting,
 * lost its connection, or died.
 *
 * @returns `null` if it was never tried, or can never be appended.
 */
export function triedJob(job: Job<unknown>): CancelledJob | null {
  const { id = '', queueName: queue, timestamp, data } = job;
  if (isWithdrawn(job) || !wasTried(job)) return null;
  try {
    return cancelledJobOf({ queue, id, timestamp }, parseJobData(data));
  } catch (error) {
    if (error instanceof InvalidJobError) return null;
    throw error;
  }
}

function wasTried({ id = '', attemptsStarted, delay }: Job<unknown>): boolean {
  if (attemptsStarted > 0) return true;
  // What is due later goes to the queue at once.
  if (delay > 0) return false;
  return isDirectJobId(id) || isIdempotentJobId(id) || outboxRowId(id) !== null;
}

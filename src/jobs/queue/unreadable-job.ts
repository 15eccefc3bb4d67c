import { Job, Queue, UnrecoverableError, type Processor } from 'bullmq';
import { describeError } from '../../platform/logging/describe-error.js';

/** The data of a job whose JSON is invalid: written by hand, or by a broken client. */
export class UnreadableData {
  constructor(readonly reason: string) {}
}

/**
 * Tolerates such jobs. BullMQ throws: a worker would leave the job active forever, and a scan of the queue
 * would stop there.
 */
class TolerantJob extends Job {
  static override fromJSON<T, R, N extends string>(
    ...[queue, json, jobId]: Parameters<typeof Job.fromJSON>
  ): Job<T, R, N> {
    try {
      return super.fromJSON<T, R, N>(queue, json, jobId);
    } catch (error) {
      const job = super.fromJSON<T, R, N>(queue, { ...json, data: '{}' }, jobId);
      job.data = new UnreadableData(`The job's data is not JSON: ${describeError(error)}`) as T;
      return job;
    }
  }
}

/** The job class for Queue and Worker. */
export const LenientJob = TolerantJob as typeof Job;

/** BullMQ's Queue that can read such jobs too. */
export class LenientQueue extends Queue {
  protected override get Job(): typeof Job {
    return LenientJob;
  }
}

/** Wraps a processor: a job with unreadable data fails, with the reason. */
export function unlessUnreadable(process: Processor): Processor {
  return (job, ...rest) => {
    const data: unknown = job.data;
    if (data instanceof UnreadableData) return Promise.reject(new UnrecoverableError(data.reason));
    return process(job, ...rest);
  };
}

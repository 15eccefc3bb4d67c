import { Job, Queue, UnrecoverableError, type Processor } from 'bullmq';
import { describeError } from '../../platform/logging/describe-error.js';

/** Stands for the data of a job that is not JSON: written by hand, or by a broken client. */
export class UnreadableData {
  constructor(readonly reason: string) {}
}

/** BullMQ throws where it meets such a job: a worker would leave it active for ever, and a look through the queue would end there. */
class TolerantJob extends Job {
  static override fromJSON<T, R, N extends string>(
    ...[queue, json, jobId]: Parameters<typeof Job.fromJSON>
  ): Job<T, R, N> {
    try {
      return super.fromJSON<T, R, N>(queue, json, jobId);
    } catch (error) {
      const job = super.fromJSON<T, R, N>(queue, { ...json, data: '{}' }, jobId);
      job.data = new UnreadableData(`The data of the job is not JSON: ${describeError(error)}`) as T;
      return job;
    }
  }
}

/** The class of jobs that Queue and Worker are to use. */
export const LenientJob = TolerantJob as typeof Job;

/** BullMQ's Queue that reads such jobs, too. */
export class LenientQueue extends Queue {
  protected override get Job(): typeof Job {
    return LenientJob;
  }
}

/** The processor; a job that it could not read fails, with the reason. */
export function unlessUnreadable(process: Processor): Processor {
  return (job, ...rest) => {
    const data: unknown = job.data;
    if (data instanceof UnreadableData) return Promise.reject(new UnrecoverableError(data.reason));
    return process(job, ...rest);
  };
}

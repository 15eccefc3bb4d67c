import type { Processor } from 'bullmq';

/**
 * The data of a job that must not run any more, in place of its own. A job cannot be taken off the queue in one step if no worker has it yet
 * and left alone if one has: between the look and the removal it may have run. So its data is replaced first. Whoever takes
 * it after that finds this and does nothing; and was it still waiting after that, then nobody ever had its own data.
 */
export const WITHDRAWN = { withdrawn: true } as const;

/** What such a job shows as its return value, when a worker was quicker than its removal. */
export const WITHDRAWN_RESULT = { appended: 0, duplicates: 0, withdrawn: true } as const;

/** The processor, for jobs that are not withdrawn. */
export function unlessWithdrawn(process: Processor): Processor {
  return (job, ...rest) =>
    isWithdrawn(job.data) ? Promise.resolve(WITHDRAWN_RESULT) : process(job, ...rest);
}

/** Of data, or of a return value. */
export function isWithdrawn(value: unknown): boolean {
  return typeof value === 'object' && value !== null && 'withdrawn' in value && value.withdrawn === true;
}

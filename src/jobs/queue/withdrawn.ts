import type { Processor } from 'bullmq';

/**
 * Replaces the data of a job that must not run. BullMQ has no atomic "remove unless taken": a job may start between the check and the
 * removal. So its data is replaced first. A worker that takes the job afterwards finds this marker and does nothing; a job
 * still waiting afterwards never ran with its own data.
 */
export const WITHDRAWN = { withdrawn: true } as const;

/** The return value of a withdrawn job that a worker took before its removal. */
export const WITHDRAWN_RESULT = { appended: 0, duplicates: 0, withdrawn: true } as const;

/** Wraps a processor: it skips withdrawn jobs. */
export function unlessWithdrawn(process: Processor): Processor {
  return (job, ...rest) =>
    isWithdrawn(job.data) ? Promise.resolve(WITHDRAWN_RESULT) : process(job, ...rest);
}

/** Checks a job's data or return value. */
export function isWithdrawn(value: unknown): boolean {
  return typeof value === 'object' && value !== null && 'withdrawn' in value && value.withdrawn === true;
}

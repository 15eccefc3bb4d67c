import type { Job, Processor } from 'bullmq';
import { sentOf } from '../../contract/model/job.js';

const MARK = { withdrawn: true } as const;

/** The return value of a withdrawn job that a worker took before its removal. */
export const WITHDRAWN_RESULT = { appended: 0, duplicates: 0, ...MARK } as const;

/**
 * Replaces the data of a job that must not run by a mark. BullMQ has no atomic "remove unless taken": a job may start between the check and the
 * removal. So its data is replaced first. A worker that takes the job afterwards finds the mark and does nothing; a job
 * still waiting afterwards never ran with its own data.
 *
 * The mark counts only together with the job's progress, which nobody can set by adding a job: one that is added with the mark as its data fails
 * as any other without recipients. The progress comes first: until its data is replaced, a job runs as ever.
 *
 * @param rest What stays of the data. Default: who has sent it, so that others do not learn that it was withdrawn.
 */
export async function withdraw(job: Job<unknown>, rest: object = restOf(job.data)): Promise<void> {
  await job.updateProgress(MARK);
  await job.updateData({ ...rest, ...MARK });
}

/** Wraps a processor: it skips withdrawn jobs. */
export function unlessWithdrawn(process: Processor): Processor {
  return (job, ...rest) => (isWithdrawn(job) ? Promise.resolve(WITHDRAWN_RESULT) : process(job, ...rest));
}

/** Whether a job was withdrawn by {@link withdraw}. */
export function isWithdrawn({ data, progress }: Pick<Job<unknown>, 'data' | 'progress'>): boolean {
  return hasMark(data) && hasMark(progress);
}

/** Whether a job ended as a withdrawn one. */
export function wasWithdrawn(returnValue: unknown): boolean {
  return hasMark(returnValue);
}

function hasMark(value: unknown): boolean {
  return typeof value === 'object' && value !== null && 'withdrawn' in value && value.withdrawn === true;
}

function restOf(data: unknown): object {
  const { tenant, sender, toAudience } = sentOf(data);
  return {
    ...(tenant !== '' && { tenant }),
    ...(sender !== null && { sender: { name: sender } }),
    ...(toAudience && { to: {} }),
  };
}

import type { Job, JobType, Queue } from 'bullmq';
import type { ErasureTarget, QueueEraser } from '../../contract/ports/erase.js';
import { UnreadableData } from './lenient-job.js';
import type { JobQueue } from './queue.js';
import { WITHDRAWN } from './withdrawn.js';

/** In the direction in which jobs move, so that few of them move past the scan. */
const STATES: readonly JobType[] = [
  ...(['delayed', 'waiting-children', 'prioritized', 'waiting'] as const),
  ...(['active', 'completed', 'failed'] as const),
];
/** Jobs of one read: a job may have 64 KiB of data and 1,000 recipients. */
const PAGE = 200;
/** After so many the rest is left alone: jobs that move back and forth faster than they can be found do not go on for ever. */
const MOST_PASSES = 5;

/**
 * Takes recipients and tenants out of the queue, in whatever state their jobs are. BullMQ has no index on what is in the data, so that all of
 * it is looked through, page by page. Jobs move while that happens, and so it is done again until a pass finds nothing. Should one slip
 * through all the same, the log's tombstone keeps it out, and BullMQ's own time limits remove it.
 */
export class QueueErasure implements QueueEraser {
  constructor(private readonly jobs: JobQueue) {}

  async erase(target: ErasureTarget, before: Date): Promise<number> {
    let total = 0;
    for (let pass = 1; pass <= MOST_PASSES; pass += 1) {
      let found = 0;
      for (const state of STATES) found += await this.scan(state, target, before.getTime());
      total += found;
      if (found === 0) break;
    }
    return total;
  }

  private async scan(state: JobType, target: ErasureTarget, before: number): Promise<number> {
    let found = 0;
    let start = 0;
    for (;;) {
      // The newest first: what is added meanwhile moves jobs on to a later page, where they are met twice and not missed.
      const { jobs, length } = await this.jobs.ask((queue) => readPage(queue, state, start));
      if (length === 0) return found;
      let removed = 0;
      for (const job of jobs) {
        const rest = job.timestamp <= before ? withoutTarget(job.data, target) : undefined;
        if (rest === undefined) continue;
        found += 1;
        if (await this.jobs.ask(() => this.take(job, rest))) removed += 1;
      }
      start += length - removed;
    }
  }

  /** `true` if the job is gone, `false` if it is still there with other data. */
  private async take(job: Job<unknown>, rest: object | null): Promise<boolean> {
    if (rest === null) {
      try {
        await job.remove();
        return true;
      } catch (error) {
        // A worker has it, and the log keeps it from appending. Without its data it does nothing should it run again.
        this.jobs.errors.report(error);
      }
    }
    try {
      await job.updateData(rest ?? WITHDRAWN);
      return false;
    } catch (error) {
      if (await isGone(this.jobs.queue, job)) return true;
      throw error;
    }
  }
}

/** For a queue that this process has no other use for: opened for the occasion. */
export class OccasionalQueueErasure implements QueueEraser {
  constructor(private readonly open: () => Promise<JobQueue>) {}

  async erase(target: ErasureTarget, before: Date): Promise<number> {
    const jobs = await this.open();
    try {
      return await new QueueErasure(jobs).erase(target, before);
    } finally {
      await jobs.close();
    }
  }
}

/** @returns The jobs that can be read, and how many there are. */
async function readPage(
  queue: Queue,
  state: JobType,
  start: number,
): Promise<{ readonly jobs: readonly Job<unknown>[]; readonly length: number }> {
  const end = start + PAGE - 1;
  try {
    const jobs = (await queue.getJobs([state], start, end)) as Job<unknown>[];
    return { jobs, length: jobs.length };
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    // BullMQ cannot read the options of one of them: it is passed over, not its neighbours.
    const ids = await queue.getRanges([state], start, end);
    const read = await Promise.all(
      ids.map((id) =>
        (queue.getJob(id) as Promise<Job<unknown> | undefined>).catch((problem: unknown) => {
          if (problem instanceof SyntaxError) return undefined;
          throw problem;
        }),
      ),
    );
    return { jobs: read.filter((job) => job !== undefined), length: ids.length };
  }
}

/** The data without the target; `null` if nobody is left, `undefined` if it is not about the target. */
function withoutTarget(data: unknown, { tenant, recipient }: ErasureTarget): object | null | undefined {
  if (typeof data !== 'object' || data === null || data instanceof UnreadableData) return undefined;
  const { to, tenant: its = '' } = data as { to?: unknown; tenant?: unknown };
  if (its !== tenant) return undefined;
  const all: unknown[] = Array.isArray(to) ? to : [to];
  const rest = recipient === null ? [] : all.filter((one) => one !== recipient);
  if (recipient !== null && rest.length === all.length) return undefined;
  return rest.length === 0 ? null : { ...data, to: rest };
}

async function isGone(queue: Queue, { id }: Job<unknown>): Promise<boolean> {
  return !((await queue.getJob(id!)) as Job | undefined);
}

import type { Job, JobType, Queue } from 'bullmq';
import type { ErasureTarget } from '../../contract/ports/erase.js';
import { UnreadableData } from './unreadable-job.js';
import type { JobQueue } from './queue.js';
import { withdraw } from './withdrawn.js';

/** In the order in which jobs move, so that few of them move past the scan. */
const STATES: readonly JobType[] = [
  ...(['delayed', 'waiting-children', 'prioritized', 'waiting'] as const),
  ...(['active', 'completed', 'failed'] as const),
];
/** The page size: a job may have 64 KiB of data and 1,000 recipients. */
const PAGE = 200;
/** The limit of passes: jobs that keep moving faster than the scan must not prolong it forever. */
const MOST_PASSES = 5;

/** Erases from one queue. */
export interface JobEraser {
  /**
   * Removes the target's jobs, in any state, and removes the target from jobs with other recipients. Jobs with a later
   * `timestamp` than `before` stay. Safe to repeat.
   *
   * @returns The number of removed or changed jobs.
   * @throws {QueueUnavailableError} if the queue does not answer in time; repeat it.
   */
  erase(target: ErasureTarget, before: Date): Promise<number>;
}

/**
 * Removes recipients and tenants from the queue, whatever the state of their jobs. BullMQ has no index on job data, so every job is looked
 * at, page by page: on Postgres by the server, on Redis by reading it. Jobs come and move meanwhile, so this repeats until a pass finds
 * nothing. If a job slips through, the log's tombstone stops it, and BullMQ's retention removes it.
 */
export class QueueErasure implements JobEraser {
  constructor(private readonly jobs: JobQueue) {}

  async erase(target: ErasureTarget, before: Date): Promise<number> {
    let total = 0;
    for (let pass = 1; pass <= MOST_PASSES; pass += 1) {
      let found = 0;
      if (this.jobs.search) found = await this.search(this.jobs.search, target, before.getTime());
      else for (const state of STATES) found += await this.scan(state, target, before.getTime());
      total += found;
      if (found === 0) break;
    }
    return total;
  }

  private async search(
    search: NonNullable<JobQueue['search']>,
    target: ErasureTarget,
    before: number,
  ): Promise<number> {
    let found = 0;
    for (let after: string | null = ''; after !== null;) {
      const from: string = after;
      const { ids, last } = await this.jobs.ask(() => search(target, from));
      for (const id of ids) {
        const job = await this.jobs.ask((queue) => readJob(queue, id));
        const rest = job && job.timestamp <= before ? withoutTarget(job.data, target) : undefined;
        if (rest === undefined) continue;
        found += 1;
        await this.jobs.ask(() => this.take(job!, rest));
      }
      after = last;
    }
    return found;
  }

  private async scan(state: JobType, target: ErasureTarget, before: number): Promise<number> {
    let found = 0;
    let start = 0;
    for (;;) {
      // Newest first: jobs added meanwhile shift others to later pages, where they are read twice instead of
      // missed.
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

  /** `true` if the job was removed, `false` if it remains with other data. */
  private async take(job: Job<unknown>, rest: object | null): Promise<boolean> {
    if (rest === null) {
      try {
        await job.remove();
        return true;
      } catch (error) {
        // A worker holds it, and the log's tombstone stops the append. Without its data it does nothing if it
        // runs again.
        this.jobs.errors.report(error);
      }
    }
    try {
      await (rest === null ? withdraw(job, {}) : job.updateData(rest));
      return false;
    } catch (error) {
      if (await isGone(this.jobs.queue, job)) return true;
      throw error;
    }
  }
}

/** For a queue that this process does not otherwise use: opens it for each erasure. */
export class OccasionalQueueErasure implements JobEraser {
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

/** @returns The readable jobs, and the number of all. */
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
    // BullMQ cannot read one job's options: skip that job, not its neighbours.
    const ids = await queue.getRanges([state], start, end);
    const read = await Promise.all(ids.map((id) => readJob(queue, id)));
    return { jobs: read.filter((job) => job !== undefined), length: ids.length };
  }
}

/** `undefined` if the job is gone or unreadable. */
async function readJob(queue: Queue, id: string): Promise<Job<unknown> | undefined> {
  try {
    return (await queue.getJob(id)) as Job<unknown> | undefined;
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

/** The data without the target; `null` if no recipient is left, `undefined` if the target is not among them. */
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

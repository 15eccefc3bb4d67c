import type { Job, JobType } from 'bullmq';
import { Places } from './places.js';
import { openQueue } from './plain-producer.js';
import type { World } from './world.js';

const PENDING: readonly JobType[] = ['waiting', 'active', 'delayed', 'prioritized'];

/** A job as the queue has it. */
export interface QueuedJob {
  readonly id: string;
  readonly state: string;
  readonly notification: number;
  /** `null`: everybody of an audience. */
  readonly to: readonly string[] | null;
  readonly failedReason: string | undefined;
}

/** Everything that these jobs are to deliver. */
export function placesOf(jobs: readonly QueuedJob[]): Places {
  const places = new Places();
  for (const { to, notification } of jobs)
    for (const recipient of to ?? [null]) places.add(recipient, notification);
  return places;
}

/** Looks at the queue directly, past all proxies. */
export class QueueView {
  private constructor(
    private readonly opened: ReturnType<typeof openQueue>,
    private readonly url: string,
  ) {}

  static open(world: World): QueueView {
    const url = world.redis?.url ?? world.postgres.url;
    return new QueueView(openQueue(url), url);
  }

  /** Another one if the world has moved to another Redis. */
  static async same(view: QueueView | null, world: World): Promise<QueueView> {
    if (view?.url === (world.redis?.url ?? world.postgres.url)) return view;
    await view?.close();
    return QueueView.open(world);
  }

  get queue(): ReturnType<typeof openQueue>['queue'] {
    return this.opened.queue;
  }

  /** Jobs that are to be done. */
  async pendingCount(): Promise<number> {
    const counts = await this.queue.getJobCounts(...PENDING);
    return Object.values(counts).reduce((sum, count) => sum + count, 0);
  }

  async pending(): Promise<QueuedJob[]> {
    const lists = await Promise.all(PENDING.map((state) => this.jobs(state)));
    return lists.flat();
  }

  failed(): Promise<QueuedJob[]> {
    return this.jobs('failed');
  }

  /** Every trace of a notification. */
  async tracesOf(notification: number): Promise<QueuedJob[]> {
    const states: readonly JobType[] = [...PENDING, 'completed', 'failed'];
    const lists = await Promise.all(states.map((state) => this.jobs(state)));
    return lists.flat().filter((job) => job.notification === notification);
  }

  close(): Promise<void> {
    return this.opened.close();
  }

  private async jobs(state: JobType): Promise<QueuedJob[]> {
    const jobs = (await this.queue.getJobs([state], 0, 20_000)) as (
      Job<{ to?: string | string[] | { audience: string }; data?: { taskId?: string } }> | undefined
    )[];
    return jobs.flatMap((job) =>
      job
        ? [
            {
              id: job.id ?? '',
              state,
              notification: Number(job.data.data?.taskId),
              to: recipientsOf(job.data.to ?? []),
              failedReason: job.failedReason,
            },
          ]
        : [],
    );
  }
}

function recipientsOf(to: string | string[] | { audience: string }): string[] | null {
  if (typeof to === 'string') return [to];
  return Array.isArray(to) ? to : null;
}

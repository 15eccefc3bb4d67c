import type { Queue } from 'bullmq';
import { clock } from '../arrivals.js';
import { openQueue, type QueueAddress } from '../queue.js';
import { HttpPublisher, type PublishPlan, type Recipients } from './http-publisher.js';

/** The type of all jobs. */
export const TYPE = 'task-completed';

/** The data of job number `task`; the load finds the number again in the frame. */
export function taskData(task: number | string, durationMs = 48_210): object {
  return {
    taskId: `t${task}`,
    title: 'Export of the orders of November is ready',
    status: 'succeeded',
    durationMs,
    resultUrl: '/exports/2026-11/orders',
  };
}

/** How much is published, and how fast. */
export interface Rate {
  readonly jobs: number;
  readonly perSecond: number;
}

/** Publishes in the ways that a benchmark needs. Jobs are numbered from 0 and go to the users in turn. */
export class Producer {
  private readonly queues = new Map<string, Queue>();
  private toClose: HttpPublisher | null = null;

  /** Puts jobs on a queue that hands none out yet, so that only the taking is measured. */
  async fill(address: QueueAddress, users: readonly string[], jobs: number): Promise<void> {
    const queue = this.queue(address);
    await queue.pause();
    for (let start = 0; start < jobs; start += 1_000) {
      const count = Math.min(1_000, jobs - start);
      await queue.addBulk(
        Array.from({ length: count }, (_, index) => {
          const task = start + index;
          return { name: TYPE, data: { to: users[task % users.length], data: taskData(task) } };
        }),
      );
    }
  }

  async resume(address: QueueAddress): Promise<void> {
    await this.queue(address).resume();
  }

  /** One job for many: `each` entries for every user. Resolves when no job is left. */
  async fanOut(address: QueueAddress, users: readonly string[], each: number): Promise<void> {
    const queue = this.queue(address);
    for (let task = 0; task < each; task++) {
      for (let start = 0; start < users.length; start += 1_000) {
        await queue.add(TYPE, { to: users.slice(start, start + 1_000), data: taskData(task) });
      }
    }
    for (;;) {
      const counts = await queue.getJobCounts('waiting', 'active', 'delayed', 'prioritized', 'failed');
      if (counts['failed']) throw new Error(`${counts['failed']} jobs failed`);
      if (Object.values(counts).every((count) => count === 0)) return;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }

  /** As fast as so many connections can. */
  publish(plan: PublishPlan, users: readonly string[], jobs: number, connections: number): Promise<void> {
    return publishAll(plan, jobs, connections, (task) => users[task % users.length] ?? '');
  }

  /** One announcement to everybody. */
  announce(plan: PublishPlan): Promise<void> {
    return publishAll(plan, 1, 1, () => ({ audience: 'all' }));
  }

  /** The same as {@link fanOut} over HTTP. */
  publishToAll(plan: PublishPlan, users: readonly string[], each: number): Promise<void> {
    return publishAll(plan, each, 1, () => users);
  }

  /**
   * At an even rate, however long the answers take, over HTTP or onto a queue. `sent` is called in the moment when a job is due and on its
   * way.
   */
  async publishAtRate(
    to: PublishPlan | QueueAddress,
    users: readonly string[],
    rate: Rate,
    sent: (task: number) => void,
  ): Promise<void> {
    const publisher = 'head' in to ? new HttpPublisher(to, 256) : null;
    const queue = 'head' in to ? null : this.queue(to);
    const adding: Promise<unknown>[] = [];
    await evenly(rate, (task) => {
      const user = users[task % users.length] ?? '';
      sent(task);
      if (queue) adding.push(queue.add(TYPE, { to: user, data: taskData(task) }));
      else publisher?.publish(user, task);
    });
    await Promise.all(adding);
    this.toClose = publisher;
  }

  /** The same for a worker that has no stream to answer on: in `durationMs` is the time of the sending, in microseconds. */
  async addStamped(address: QueueAddress, users: readonly string[], rate: Rate): Promise<void> {
    const queue = this.queue(address);
    const adding: Promise<unknown>[] = [];
    await evenly(rate, (task) => {
      const data = taskData(task, Math.round(clock() * 1_000));
      adding.push(queue.add(TYPE, { to: users[task % users.length], data }));
    });
    await Promise.all(adding);
  }

  /** Closes the connections of {@link publishAtRate}; not earlier, or answers under way would be cut off. */
  endRate(): void {
    this.toClose?.close();
    this.toClose = null;
  }

  private queue(address: QueueAddress): Queue {
    const key = JSON.stringify(address);
    const queue = this.queues.get(key) ?? openQueue(address);
    queue.on('error', (error) => console.error(error));
    this.queues.set(key, queue);
    return queue;
  }
}

/** Calls for one job after the other, each when it is due. */
async function evenly({ jobs, perSecond }: Rate, send: (task: number) => void): Promise<void> {
  const begunAt = performance.now();
  let task = 0;
  while (task < jobs) {
    const due = Math.min(jobs, ((performance.now() - begunAt) * perSecond) / 1_000);
    while (task < due) send(task++);
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
}

async function publishAll(
  plan: PublishPlan,
  jobs: number,
  connections: number,
  to: (task: number) => Recipients,
): Promise<void> {
  let begun = 0;
  let open = jobs;
  const publisher = new HttpPublisher(plan, connections);
  await new Promise<void>((resolve) => {
    const next = (): void => {
      if (open === 0 || publisher.failed) resolve();
      else if (begun < jobs) publisher.publish(to(begun), begun++);
    };
    publisher.onAnswer = () => {
      open -= 1;
      next();
    };
    for (let connection = 0; connection < connections; connection++) next();
  });
  publisher.close();
}

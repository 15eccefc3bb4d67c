import type { Queue } from 'bullmq';
import { PeriodicTask } from '../../platform/time/periodic-task.js';

/**
 * How long finished jobs stay on the queue: `age` in seconds, `count` the newest, whatever is less.
 *
 * Completed ones are kept for a day, to be looked at and to answer a repeated Idempotency-Key, but not so many that they fill a Redis (10,000 are
 * about 10 MB); later repetitions are dropped by the log. Failed ones are kept for a month, because someone must mend or discard them.
 */
export const KEPT = {
  completed: { age: 86_400, count: 10_000 },
  failed: { age: 30 * 86_400, count: 100_000 },
} as const;

type Kept = Record<keyof typeof KEPT, { age: number; count: number }>;

const SWEEP_MS = 30_000;
const STEP = 1_000;

/**
 * Removes finished jobs every half a minute. For Postgres, where BullMQ's own way (`removeOnComplete`) compares every finished job with the
 * list of those to keep each time a job ends, and so halves what a worker can do.
 */
export class FinishedJobsSweep {
  private readonly task: PeriodicTask;

  constructor(queue: Queue, onError: (error: unknown) => void) {
    this.task = new PeriodicTask(() => removeFinished(queue, KEPT, () => this.task.stopped), SWEEP_MS, {
      failed: onError,
    });
  }

  start(): void {
    this.task.start();
  }

  /** Resolves when a sweep that runs has ended its step. */
  stop(): Promise<void> {
    return this.task.stop();
  }
}

/** Removes what is older or more than what is to be kept, oldest first, in small steps. */
export async function removeFinished(queue: Queue, kept: Kept, stopped = () => false): Promise<void> {
  for (const state of ['completed', 'failed'] as const) {
    const { age, count } = kept[state];
    let removed = STEP;
    while (removed === STEP && !stopped()) removed = (await queue.clean(age * 1_000, STEP, state)).length;
    let excess = (await queue.getJobCountByTypes(state)) - count;
    for (; excess > 0 && !stopped(); excess -= STEP) await queue.clean(0, Math.min(excess, STEP), state);
  }
}

import type { Queue } from 'bullmq';
import { PeriodicTask } from '../../platform/time/periodic-task.js';

/**
 * How long finished jobs are kept: at most `age` seconds, and at most the newest `count`.
 *
 * Completed jobs are kept for a day, for inspection and to answer a repeated Idempotency-Key, but not so many that they fill Redis (10,000
 * are about 10 MB); the log drops later repetitions. Failed jobs are kept for a month, because someone has to fix or discard them.
 */
export const KEPT = {
  completed: { age: 86_400, count: 10_000 },
  failed: { age: 30 * 86_400, count: 100_000 },
} as const;

type Kept = Record<keyof typeof KEPT, { age: number; count: number }>;

const SWEEP_MS = 30_000;
const STEP = 1_000;

/**
 * Removes finished jobs every 30 s. Only for Postgres: there BullMQ's own `removeOnComplete` compares every
 * finished job with the list of jobs
 * to keep each time a job ends, which halves a worker's throughput.
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

  /** Resolves when the current step of a running sweep has ended. */
  stop(): Promise<void> {
    return this.task.stop();
  }
}

/** Removes jobs beyond the kept age and count, oldest first, in small steps. */
export async function removeFinished(queue: Queue, kept: Kept, stopped = () => false): Promise<void> {
  for (const state of ['completed', 'failed'] as const) {
    const { age, count } = kept[state];
    let removed = STEP;
    while (removed === STEP && !stopped()) removed = (await queue.clean(age * 1_000, STEP, state)).length;
    let excess = (await queue.getJobCountByTypes(state)) - count;
    for (; excess > 0 && !stopped(); excess -= STEP) await queue.clean(0, Math.min(excess, STEP), state);
  }
}

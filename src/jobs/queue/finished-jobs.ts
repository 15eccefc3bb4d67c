import type { Queue } from 'bullmq';

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
  private timer: NodeJS.Timeout | null = null;
  private sweeping: Promise<void> = Promise.resolve();
  private stopped = false;

  constructor(
    private readonly queue: Queue,
    private readonly onError: (error: unknown) => void,
  ) {}

  start(): void {
    if (this.stopped || this.timer) return;
    // Jittered, so that the workers of a deploy do not sweep in step.
    this.timer = setTimeout(
      () => {
        this.timer = null;
        this.sweeping = removeFinished(this.queue, KEPT, () => this.stopped)
          .catch(this.onError)
          .finally(() => this.start());
      },
      SWEEP_MS * (0.5 + Math.random()),
    ).unref();
  }

  /** Resolves when a sweep that runs has ended its step. */
  async stop(): Promise<void> {
    this.stopped = true;
    clearTimeout(this.timer ?? undefined);
    await this.sweeping;
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

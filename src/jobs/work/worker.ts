import { Logger } from '@nestjs/common';
import type { ResolvedOptions } from '../../contract/options/options.js';
import type { IdempotencyKeys } from '../../contract/ports/idempotency.js';
import { backoffMs } from '../../platform/time/backoff.js';
import type { Delivery } from '../deliver/delivery.js';
import { JobProcessor } from './job-processor.js';
import type { JobQueue } from '../queue/queue.js';
import { QueueWorker } from '../queue/queue-worker.js';
import type { TypeRegistry } from '../../types/type-registry.js';

/** The dependencies of {@link NotificationWorker}. */
export interface WorkerParts {
  readonly jobs: JobQueue;
  readonly types: TypeRegistry;
  readonly delivery: Delivery;
  readonly idempotencyKeys: IdempotencyKeys;
  readonly options: Pick<ResolvedOptions, 'worker' | 'metrics' | 'tracing'>;
}

/**
 * Turns jobs into entries, with as many in progress as the log commits together efficiently.
 *
 *     new --start()--> fetching --the log is unavailable--> paused --after a backoff--> fetching --close()--> closed
 *
 * While the log is unavailable, waiting jobs stay on the queue: without the pause each of them would be fetched, rejected and put back, over
 * and over. When a pause ends, the next few jobs test the log; the first one that is appended ends the outage.
 */
export class NotificationWorker {
  private readonly worker: QueueWorker;
  private refusals = 0;

  constructor({ jobs, options, ...ports }: WorkerParts) {
    const { concurrency, unknownTypeRetryMs, lockDurationMs, stalledIntervalMs } = options.worker;
    const processor = new JobProcessor({
      ...ports,
      metrics: options.metrics,
      tracing: options.tracing,
      unknownTypeRetryMs,
      logAnswered: (available) => this.logAnswered(available),
    });
    this.worker = new QueueWorker(
      jobs,
      processor.process,
      { concurrency, lockDuration: lockDurationMs, stalledInterval: stalledIntervalMs },
      new Logger('Worker'),
    );
  }

  /** Starts to fetch jobs in the background, once the queue is available. */
  start(): void {
    this.worker.start();
  }

  get isRunning(): boolean {
    return this.worker.isRunning;
  }

  /** Rejects with the reason while the worker takes no jobs. */
  check(): Promise<void> {
    return this.worker.check();
  }

  /** Stops fetching and waits for running jobs; does not hang when the queue or the log is unavailable. */
  close(): Promise<void> {
    return this.worker.close();
  }

  private logAnswered(available: boolean): void {
    if (!available) {
      if (!this.worker.isPaused) this.worker.pauseFor(backoffMs(++this.refusals));
      return;
    }
    this.refusals = 0;
    this.worker.resume();
  }
}

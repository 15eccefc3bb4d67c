import type { Processor, Queue, WorkerOptions } from 'bullmq';
import { QueueUnavailableError } from '../../contract/errors.js';
import type { QueueDepth } from '../../contract/ports/ops.js';
import type { Connected, QueueBackend } from './backend.js';
import { settlesWithin, withTimeout } from '../../platform/time/with-timeout.js';
import type { PatientWorker } from './patient-worker.js';
import { describeError } from '../../platform/logging/describe-error.js';
import type { RepeatedErrors } from '../../platform/logging/repeated-errors.js';
import { unlessUnreadable } from './lenient-job.js';
import { unlessWithdrawn } from './withdrawn.js';

const STATES = ['waiting', 'prioritized', 'active', 'delayed', 'completed', 'failed'] as const;
const CLOSE_MS = 1_000;

/**
 * BullMQ's queue on the backend that the options choose. The process-wide default of BullMQ and the static classes of `BullModule` belong
 * to the host and stay as they are; {@link queue} is to be provided under `getQueueToken(name)`, where `@InjectQueue` and Bull Board look.
 */
export class JobQueue {
  private closed: Promise<void> | undefined;

  private constructor(
    readonly name: string,
    readonly backend: QueueBackend,
    private readonly connected: Connected<Queue>,
    private readonly answerMs: number,
    readonly errors: RepeatedErrors,
  ) {
    connected.instance.on('error', errors.report);
  }

  /**
   * On Postgres this creates BullMQ's tables and fails if the database is away. On Redis it does not wait: Redis may come later.
   *
   * @param errors Hears of every error that has no caller.
   * @throws what the database says, if the tables cannot be made.
   */
  static async openOn(
    backend: QueueBackend,
    { name, enqueueTimeoutMs }: { readonly name: string; readonly enqueueTimeoutMs: number },
    errors: RepeatedErrors,
  ): Promise<JobQueue> {
    await backend.prepare();
    const jobs = new JobQueue(name, backend, backend.openQueue(name), enqueueTimeoutMs, errors);
    if (!backend.waits) {
      try {
        await jobs.queue.waitUntilReady();
      } catch (error) {
        await jobs.close();
        throw error;
      }
    }
    return jobs;
  }

  get queue(): Queue {
    return this.connected.instance;
  }

  /** Whether the server seems to be there at this moment. */
  get usable(): boolean {
    return this.connected.usable();
  }

  /** Resolves when the queue can be asked; rejects, or waits for its first connection, while the server is away. */
  async ready(): Promise<void> {
    await this.queue.waitUntilReady();
    await this.connected.reach?.();
  }

  get closing(): boolean {
    return this.closed !== undefined;
  }

  /** A Worker of this queue, not running yet; the caller closes it, and listens to its errors. */
  openWorker(processor: Processor, options: Omit<WorkerOptions, 'connection'>): Connected<PatientWorker> {
    return this.backend.openWorker(this.name, unlessUnreadable(unlessWithdrawn(processor)), options);
  }

  /** How many jobs are in each state. @throws {QueueUnavailableError} */
  readonly depth: QueueDepth = () => this.ask((queue) => queue.getJobCounts(...STATES));

  /**
   * Does something with the queue that should take but a moment.
   *
   * @throws {QueueUnavailableError} if the queue does not answer, or not in time.
   */
  async ask<T>(work: (queue: Queue) => Promise<T>): Promise<T> {
    try {
      const done = this.ready().then(() => work(this.queue));
      return await withTimeout(this.answerMs, done, () => new Error(`no answer within ${this.answerMs} ms`));
    } catch (error) {
      throw new QueueUnavailableError(`The queue could not be asked: ${describeError(error)}.`, {
        cause: error,
      });
    }
  }

  /** Closes this queue's connection, not those of workers. Waits at most a moment for a server that is away. */
  close(): Promise<void> {
    this.closed ??= (async () => {
      await settlesWithin(CLOSE_MS, this.queue.close());
      await this.connected.destroy();
    })();
    return this.closed;
  }
}

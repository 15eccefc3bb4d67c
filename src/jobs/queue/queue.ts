import type { Processor, Queue, WorkerOptions } from 'bullmq';
import { QueueUnavailableError } from '../../contract/errors.js';
import type { QueueDepth } from '../../contract/ports/ops.js';
import type { Connected, QueueBackend, Searchable } from './backend.js';
import { settlesWithin, withTimeout } from '../../platform/time/with-timeout.js';
import type { ResilientWorker } from './resilient-worker.js';
import { describeError } from '../../platform/logging/describe-error.js';
import type { RepeatedErrors } from '../../platform/logging/repeated-errors.js';
import { unlessUnreadable } from './unreadable-job.js';
import { unlessWithdrawn } from './withdrawn.js';

const STATES = ['waiting', 'prioritized', 'active', 'delayed', 'completed', 'failed'] as const;
const CLOSE_MS = 1_000;

/**
 * BullMQ's queue on the backend chosen by the options. BullMQ's process-wide default and the static classes of `BullModule` belong to the
 * application and stay unchanged; provide {@link queue} under `getQueueToken(name)`, where `@InjectQueue` and Bull Board look.
 */
export class JobQueue {
  private closed: Promise<void> | undefined;

  private constructor(
    readonly name: string,
    readonly backend: QueueBackend,
    private readonly connected: Connected<Queue> & Searchable,
    private readonly answerMs: number,
    readonly errors: RepeatedErrors,
  ) {
    connected.instance.on('error', errors.report);
  }

  /**
   * With Postgres this creates BullMQ's tables and rejects if the database is unavailable. With Redis it does not wait for the server.
   *
   * @param errors Called with every error that has no caller.
   * @throws the database's error, if the tables cannot be created.
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

  get search(): Searchable['search'] {
    return this.connected.search;
  }

  /** Whether the server is available, as far as known. */
  get usable(): boolean {
    return this.connected.usable();
  }

  /**
   * Resolves when the queue accepts commands. While the server is unavailable it rejects, or waits for the
   * first connection.
   */
  async ready(): Promise<void> {
    await this.queue.waitUntilReady();
    await this.connected.reach?.();
  }

  get closing(): boolean {
    return this.closed !== undefined;
  }

  /** Opens a Worker of this queue that is not running yet; the caller listens to its errors and closes it. */
  openWorker(processor: Processor, options: Omit<WorkerOptions, 'connection'>): Connected<ResilientWorker> {
    return this.backend.openWorker(this.name, unlessUnreadable(unlessWithdrawn(processor)), options);
  }

  /** The number of jobs in each state. @throws {QueueUnavailableError} */
  readonly depth: QueueDepth = () => this.ask((queue) => queue.getJobCounts(...STATES));

  /**
   * Runs a short operation on the queue.
   *
   * @throws {QueueUnavailableError} if the queue does not answer in time.
   */
  async ask<T>(work: (queue: Queue) => Promise<T>): Promise<T> {
    try {
      const done = this.ready().then(() => work(this.queue));
      return await withTimeout(this.answerMs, done, () => new Error(`no answer within ${this.answerMs} ms`));
    } catch (error) {
      throw new QueueUnavailableError(`The queue is unavailable: ${describeError(error)}.`, {
        cause: error,
      });
    }
  }

  /** Closes this queue's connection, not those of workers. Waits only briefly for an unavailable server. */
  close(): Promise<void> {
    this.closed ??= (async () => {
      await settlesWithin(CLOSE_MS, this.queue.close());
      await this.connected.destroy();
    })();
    return this.closed;
  }
}

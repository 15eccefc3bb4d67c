import type { JobData } from '../model/job.js';

/** How a job is to be put on the queue. */
export interface EnqueueOptions {
  /**
   * The same key enqueues one job, however often it is sent; with another type or other data it is refused. Scoped by
   * `scope` (the producer's API key), so that two producers cannot collide.
   */
  readonly idempotency?: { readonly scope: string; readonly key: string };
}

/** What became of a job. */
export interface Enqueued {
  /** The job's id, for `cancel`. */
  readonly id: string;
  /** `delivered`: the log has it. `queued`: the queue has stored it, and a worker delivers it. */
  readonly outcome: 'delivered' | 'queued';
}

/** The way in for producers. */
export interface Producer {
  /**
   * Resolves when the log has the notification, or the queue has stored the job (G9).
   *
   * @throws {InvalidJobError} if the data can never become an entry; names each wrong field.
   * @throws {UnknownTypeError} if the type is not declared here.
   * @throws {IdempotencyKeyReusedError} if the key came with another type or other data before.
   * @throws {QueueUnavailableError} if neither log nor queue answered within 5 s; repeat with the same key.
   */
  enqueue(type: string, data: JobData, options?: EnqueueOptions): Promise<Enqueued>;
}

/**
 * What cancelling did. `cancelled`: the job is off the queue and will never run. `running`: too late, but `recall` takes it back.
 * `done`: it was delivered at once, or has ended, one way or the other. `unknown`: there is no such job (any more).
 */
export type CancelOutcome = 'cancelled' | 'running' | 'done' | 'unknown';

/** Takes jobs off the queue before they run. */
export interface JobCanceller {
  /** @throws {QueueUnavailableError} if the queue did not answer in time. */
  cancel(id: string): Promise<CancelOutcome>;
}

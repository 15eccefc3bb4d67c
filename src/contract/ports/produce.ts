import type { JobData } from '../model/job.js';
import type { ProducerIdentity } from '../model/producer-key.js';

/** How to put a job on the queue. */
export interface EnqueueOptions {
  /**
   * The same key enqueues one job, however often it is sent; with another type or other data it is rejected.
   * Limited to `scope` (the producer's API key), so that two producers cannot collide.
   */
  readonly idempotency?: { readonly scope: string; readonly key: string };
}

/** The result of an enqueue. */
export interface Enqueued {
  /** The job's id, for `cancel`. */
  readonly id: string;
  /** `delivered`: the log has it. `queued`: the queue has stored it, and a worker delivers it. */
  readonly outcome: 'delivered' | 'queued';
}

/** Accepts jobs from producers. */
export interface Producer {
  /**
   * Resolves when the log has the notification, or the queue has stored the job (G9).
   *
   * @throws {InvalidJobError} if the data can never become an entry; names each invalid field.
   * @throws {UnknownTypeError} if the type is not declared here.
   * @throws {IdempotencyKeyReusedError} if the key was already used with another type or other data.
   * @throws {QueueUnavailableError} if neither log nor queue answered within 5 s; repeat with the same key.
   */
  enqueue(type: string, data: JobData, options?: EnqueueOptions): Promise<Enqueued>;
}

/**
 * The result of cancelling. `cancelled`: the job was removed and will never be delivered. `running`: too
 * late, use `recall`. `done`: it was delivered directly, or has completed or failed. `unknown`: there is no such job
 * (any more).
 */
export type CancelOutcome = 'cancelled' | 'running' | 'done' | 'unknown';

/** Removes jobs from the queue before they run. */
export interface JobCanceller {
  /**
   * @param by The producer that asks; a job that it does not reach is `unknown` to it. `null`: the application itself.
   * @throws {QueueUnavailableError} if the queue does not answer in time.
   * @throws {LogUnavailableError}, {FeedBusyError} if the job was tried before, and the log cannot tell whether it was delivered.
   */
  cancel(id: string, by: ProducerIdentity | null): Promise<CancelOutcome>;
}

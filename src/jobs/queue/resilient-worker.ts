import { setTimeout as sleep } from 'node:timers/promises';
import { DelayedError, UnrecoverableError, Worker, type Job } from 'bullmq';
import { jittered } from '../../platform/time/jitter.js';
import { cut } from '../../contract/cut.js';
import { LenientJob } from './unreadable-job.js';

/** The pause between two fetches while the queue rejects them. */
const FETCH_RETRY_MS = 750;

/**
 * BullMQ's Worker for a queue that may become unavailable and recover. It differs in three points:
 *
 * - A pause follows each failed fetch. BullMQ pauses only after ECONNREFUSED; on any other error (Postgres
 *   starting or shutting down, a rejected command) its loop spins.
 * - Only the processor can fail a job. If the queue becomes unavailable between the end of a job and its mark
 *   as completed, BullMQ would fail a job whose entry is in the log; here it stays active until it is found
 *   stalled, and runs again as a duplicate.
 * - A job whose data is not JSON reaches its processor, see {@link LenientJob}.
 */
export class ResilientWorker extends Worker {
  /** Why the last fetch failed; `null` if it succeeded. */
  fetchProblem: unknown = null;

  protected override get Job(): typeof Job {
    return LenientJob;
  }

  override async run(): Promise<void> {
    try {
      await super.run();
    } catch (error) {
      // resume() does not await run().
      this.emit('error', asError(error));
    }
  }

  /** Stops the timers that BullMQ's close() does not reach while it waits for an unavailable server. */
  async abandon(): Promise<void> {
    await this.pause(true);
    await this.lockManager.close();
  }

  protected override async moveToActive(token: string, name?: string): Promise<Job> {
    try {
      const job = await super.moveToActive(token, name);
      this.fetchProblem = null;
      return job;
    } catch (error) {
      this.fetchProblem = error;
      if (!this.closing) await sleep(jittered(FETCH_RETRY_MS, 1 / 3));
      throw error;
    }
  }

  protected override async handleFailed(
    error: Error,
    ...rest: Parameters<Worker['handleFailed']> extends [Error, ...infer Rest] ? Rest : never
  ): Promise<Job> {
    if (error instanceof UnrecoverableError || error instanceof DelayedError) {
      // Both are kept with the job for a month, and may quote its data.
      error.message = cut(error.message);
      if (error.stack !== undefined) error.stack = cut(error.stack);
      return super.handleFailed(error, ...rest);
    }
    this.emit('error', error);
    // BullMQ's method returns nothing when there is no next job, contrary to its declaration.
    return undefined as unknown as Job;
  }
}

function asError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error));
}

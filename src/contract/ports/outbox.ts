import type { JobData } from '../model/job.js';
import type { Transaction } from '../model/notify.js';

/** A job that waits for a transaction to commit. */
export interface OutboxRow {
  /** A UUID; the job's id derives from it. */
  readonly id: string;
  readonly type: string;
  /** The validated data, as JSON represents it. */
  readonly data: JobData;
}

/** Stores jobs until their transaction commits (G10). */
export interface Outbox {
  /**
   * Writes a row as part of the transaction. Its content cannot make the statement fail.
   *
   * @throws {InvalidRequestError} naming `tx` if it is on another database or is not a transaction. The
   * transaction stays usable.
   */
  stage(tx: Transaction, row: OutboxRow): Promise<void>;
}

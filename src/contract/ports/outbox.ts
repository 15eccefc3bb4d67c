import type { JobData } from '../model/job.js';
import type { Transaction } from '../model/notify.js';

/** A job that waits for a transaction to commit. */
export interface OutboxRow {
  /** UUID. The job's id derives from it. */
  readonly id: string;
  readonly type: string;
  /** Checked, and as JSON has it. */
  readonly data: JobData;
}

/** Where jobs wait for their transaction (G10). */
export interface Outbox {
  /**
   * Writes a row as part of the transaction. No statement of it can fail because of what is in the row.
   *
   * @throws {InvalidRequestError} naming `tx`, if it is of another database, or no transaction. It can go on.
   */
  stage(tx: Transaction, row: OutboxRow): Promise<void>;
}

import type { ErasureTarget, QueueEraser } from '../../contract/ports/erase.js';
import type { CancelOutcome, JobCanceller } from '../../contract/ports/produce.js';
import type { Sql } from '../../contract/ports/sql.js';
import { outboxRowId } from './outbox-job.js';

/**
 * The canceller, for jobs that may still be rows of the outbox. While a relay has the row, the deletion waits for it, and finds the row gone
 * when the job is on the queue: so it is in one of the two places.
 */
export class OutboxCanceller implements JobCanceller {
  constructor(
    private readonly sql: Sql,
    private readonly queue: JobCanceller,
  ) {}

  async cancel(id: string): Promise<CancelOutcome> {
    const row = outboxRowId(id);
    if (row !== null) {
      const text = `DELETE FROM ${this.sql.schema}.outbox WHERE id = $1::uuid RETURNING id`;
      if ((await this.sql.query(text, [row])).length > 0) return 'cancelled';
    }
    return this.queue.cancel(id);
  }
}

/** The erasure of the queues, with the rows of the outbox, refused ones included: first, so that none becomes a job behind its back. */
export class OutboxErasure implements QueueEraser {
  constructor(
    private readonly sql: Sql,
    private readonly queues: readonly QueueEraser[],
  ) {}

  async erase(target: ErasureTarget, before: Date): Promise<number> {
    const table = `${this.sql.schema}.outbox`;
    const own = `coalesce(tenant, '') = $1::text AND created_at <= $2::timestamptz`;
    const values: unknown[] = [target.tenant, before];
    let rows = 0;
    if (target.recipient === null) {
      rows = (await this.sql.query(`DELETE FROM ${table} WHERE ${own} RETURNING id`, values)).length;
    } else {
      values.push(target.recipient);
      const alone = `DELETE FROM ${table} WHERE ${own} AND recipients <> '{}' AND recipients <@ ARRAY[$3::text] RETURNING id`;
      rows += (await this.sql.query(alone, values)).length;
      const among = `UPDATE ${table} SET recipients = array_remove(recipients, $3::text)
                      WHERE ${own} AND $3::text = ANY (recipients) RETURNING id`;
      rows += (await this.sql.query(among, values)).length;
    }
    for (const queue of this.queues) rows += await queue.erase(target, before);
    return rows;
  }
}

import { reaches, type ProducerIdentity } from '../../contract/model/producer-key.js';
import type { ErasureTarget, QueueEraser } from '../../contract/ports/erase.js';
import type { CancelOutcome, JobCanceller } from '../../contract/ports/produce.js';
import type { Sql } from '../../contract/ports/sql.js';
import { outboxRowId } from './outbox-job.js';

/**
 * Cancels jobs that may still be rows of the outbox. While a relay holds the row, the deletion waits, and finds no row when the job is on the
 * queue: so one of the two places has it.
 */
export class OutboxCanceller implements JobCanceller {
  constructor(
    private readonly sql: Sql,
    private readonly queue: JobCanceller,
  ) {}

  async cancel(id: string, by: ProducerIdentity | null): Promise<CancelOutcome> {
    const row = outboxRowId(id);
    // No producer over HTTP has written it, so that a named one does not reach it.
    const tenant = by?.tenant ?? null;
    if (row !== null && reaches(by, { tenant: tenant ?? '', sender: null })) {
      const text = `DELETE FROM ${this.sql.schema}.outbox
        WHERE id = $1::uuid AND ($2::text IS NULL OR coalesce(tenant, '') = $2) RETURNING id`;
      if ((await this.sql.query(text, [row, tenant])).length > 0) return 'cancelled';
    }
    return this.queue.cancel(id, by);
  }
}

/** Erases the rows of the outbox, refused ones included, and then the queues: in this order, so that no row becomes a job in between. */
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

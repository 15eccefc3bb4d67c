import { audienceFeed } from '../../contract/model/audience.js';
import { reaches, type ProducerIdentity } from '../../contract/model/producer-key.js';
import type { JobEraser } from '../queue/queue-eraser.js';
import type { ErasureTarget, ErasureTimes, QueueEraser } from '../../contract/ports/erase.js';
import type { CancelledJob } from '../../contract/ports/cancel.js';
import type { CancelOutcome } from '../../contract/ports/produce.js';
import type { Sql } from '../../contract/ports/sql.js';
import { cancelledJobOf } from '../produce/job-identity.js';
import type { TriedJobs } from '../queue/queue-canceller.js';
import { outboxRowId } from './outbox-job.js';

interface Row {
  tenant: string | null;
  recipients: (string | null)[] | null;
  audience: string | null;
  dedupe_key: string | null;
  created_at: string;
}

/**
 * Cancels jobs that may still be rows of the outbox. While a relay holds the row, the deletion waits, and finds no row when the job is on the
 * queue: so one of the two places has it.
 */
export class OutboxCanceller implements TriedJobs {
  constructor(
    private readonly sql: Sql,
    private readonly queueName: string,
    private readonly queue: TriedJobs,
  ) {}

  async cancel(id: string, by: ProducerIdentity | null): Promise<CancelOutcome> {
    return (await this.delete(id, by)) ? 'cancelled' : this.queue.cancel(id, by);
  }

  /** A relay may be appending the row, or may have given up an append of it. */
  async findTried(id: string, by: ProducerIdentity | null): Promise<CancelledJob | null> {
    const [row] = await this.run<Row>(
      id,
      by,
      (outbox, own) =>
        `SELECT tenant, recipients, audience, dedupe_key, floor(extract(epoch FROM created_at) * 1000)::text AS created_at
         FROM ${outbox}
        WHERE ${own} AND failed_at IS NULL AND (deliver_at IS NULL OR deliver_at <= clock_timestamp())`,
    );
    if (!row) return this.queue.findTried(id, by);
    const { recipients, audience, dedupe_key: dedupeKey } = row;
    const tenant = row.tenant ?? '';
    const timestamp = Number(row.created_at);
    // The relay refuses such a row.
    if (!(audience ?? recipients?.every(Boolean)) || !Number.isFinite(timestamp)) return null;
    const feeds =
      audience === null
        ? [...new Set(recipients as string[])].map((recipient) => ({ tenant, recipient }))
        : [audienceFeed(tenant, audience)];
    return cancelledJobOf({ queue: this.queueName, id, timestamp }, { feeds, dedupeKey, sender: null });
  }

  async discard(id: string): Promise<void> {
    await this.delete(id, null);
    await this.queue.discard(id);
  }

  private async delete(id: string, by: ProducerIdentity | null): Promise<boolean> {
    const rows = await this.run(id, by, (outbox, own) => `DELETE FROM ${outbox} WHERE ${own} RETURNING id`);
    return rows.length > 0;
  }

  /** Runs a statement on the row of this job, if the producer reaches it. */
  private async run<Result extends object>(
    id: string,
    by: ProducerIdentity | null,
    text: (outbox: string, own: string) => string,
  ): Promise<Result[]> {
    const row = outboxRowId(id);
    const tenant = by?.tenant ?? null;
    // No producer over HTTP has written it, so that a named one does not reach it.
    const sent = { tenant: tenant ?? '', sender: null };
    if (row === null || !reaches(by, { ...sent, toAudience: false })) return [];
    const own =
      "id = $1::uuid AND ($2::text IS NULL OR coalesce(tenant, '') = $2) AND ($3::boolean OR audience IS NULL)";
    const values = [row, tenant, reaches(by, { ...sent, toAudience: true })];
    return this.sql.query<Result>(text(`${this.sql.schema}.outbox`, own), values);
  }
}

/** Erases the rows of the outbox, refused ones included, and then the queues: in this order, so that no row becomes a job in between. */
export class OutboxErasure implements QueueEraser {
  constructor(
    private readonly sql: Sql,
    private readonly queues: readonly JobEraser[],
    /** The queues of jobs that are made of entries, until the feeds are empty. */
    private readonly derived: readonly JobEraser[],
  ) {}

  async erase(target: ErasureTarget, { at, emptiedAt }: ErasureTimes): Promise<number> {
    const table = `${this.sql.schema}.outbox`;
    const own = `coalesce(tenant, '') = $1::text AND created_at <= $2::timestamptz`;
    const values: unknown[] = [target.tenant, at];
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
    for (const queue of this.queues) rows += await queue.erase(target, at);
    for (const queue of this.derived) rows += await queue.erase(target, emptiedAt);
    return rows;
  }
}

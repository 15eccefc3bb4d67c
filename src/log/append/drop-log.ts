import { Logger } from '@nestjs/common';
import { MOST_DROPPED, type DropLog } from '../../contract/ports/support.js';
import type { LogDatabase } from '../database/database.js';
import type { Statement } from '../database/statement.js';

/**
 * Parameters: tenants, recipients, reasons, types, job ids. Existing feeds only: this must not recreate an
 * erased one. A feed keeps the newest so many: the statement does not see its own rows, so it leaves room for
 * them.
 */
const RECORD: Statement = (schema) => `
  WITH news AS (
    SELECT f.id AS feed_id, i.reason, i.type, i.job_id, i.ord, row_number() OVER (PARTITION BY f.id ORDER BY i.ord DESC) AS nth
      FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[])
           WITH ORDINALITY AS i (tenant, recipient, reason, type, job_id, ord)
      JOIN ${schema}.feed f ON f.tenant = i.tenant AND f.recipient = i.recipient
  ),
  gone AS (
    DELETE FROM ${schema}.dropped d USING (SELECT feed_id, max(nth) AS n FROM news GROUP BY feed_id) f
     WHERE d.feed_id = f.feed_id
       AND d.id <= (SELECT o.id FROM ${schema}.dropped o WHERE o.feed_id = f.feed_id
                     ORDER BY o.id DESC OFFSET greatest(${MOST_DROPPED} - f.n, 0) LIMIT 1)
  )
  INSERT INTO ${schema}.dropped (feed_id, reason, type, job_id, at)
  SELECT feed_id, reason, type, job_id, date_trunc('milliseconds', now()) FROM news WHERE nth <= ${MOST_DROPPED} ORDER BY ord`;

/** Records dropped notifications, in a table that is erased with the feed and pruned by the retention. */
export class PostgresDropLog implements DropLog {
  private readonly logger = new Logger('Tidings');
  private failing = false;

  constructor(private readonly database: LogDatabase) {}

  async record(dropped: Parameters<DropLog['record']>[0]): Promise<void> {
    if (dropped.length === 0) return;
    try {
      await this.database.query(RECORD, [
        dropped.map(({ feed }) => feed.tenant),
        dropped.map(({ feed }) => feed.recipient),
        dropped.map(({ reason }) => reason),
        dropped.map(({ type }) => type),
        dropped.map(({ jobId }) => jobId),
      ]);
      this.failing = false;
    } catch (error) {
      // Once per outage.
      if (!this.failing)
        this.logger.warn(`Dropped notifications could not be recorded for support: ${String(error)}`);
      this.failing = true;
    }
  }
}

import { Logger } from '@nestjs/common';
import type { DropLog } from '../../contract/ports/support.js';
import type { LogDatabase } from '../database/database.js';
import type { Statement } from '../database/statement.js';

/**
 * Parameters: tenants, recipients, reasons, types, job ids. Existing feeds only: this must not recreate an
 * erased one.
 */
const RECORD: Statement = (schema) => `
  INSERT INTO ${schema}.dropped (feed_id, reason, type, job_id, at)
  SELECT f.id, i.reason, i.type, i.job_id, date_trunc('milliseconds', now())
    FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[])
         WITH ORDINALITY AS i (tenant, recipient, reason, type, job_id, ord)
    JOIN ${schema}.feed f ON f.tenant = i.tenant AND f.recipient = i.recipient
   ORDER BY i.ord`;

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

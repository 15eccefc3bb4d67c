import { hashDedupeKey } from '../../contract/model/dedupe-key.js';
import type { CancelledJob, CancelledJobs, CancelVerdict } from '../../contract/ports/cancel.js';
import type { LogDatabase } from '../database/database.js';
import type { Statement } from '../database/statement.js';

/** Parameters and result: see migrations/cancel-job-function.ts. */
const CANCEL: Statement = (schema) =>
  `SELECT appended, missing FROM ${schema}.cancel_job($1, $2, $3, $4, $5)`;

/** Parameters: a fingerprint. Result: one row if the job is cancelled. */
const FIND: Statement = (schema) => `SELECT FROM ${schema}.cancelled_job WHERE fingerprint = $1`;

/** Parameters: the oldest time. */
const PRUNE: Statement = (schema) => `DELETE FROM ${schema}.cancelled_job WHERE at < $1`;

interface Row extends Record<string, unknown> {
  appended: number;
  missing: number;
}

/** Stores cancelled jobs beside the dedupe keys, which show whether a job was appended. */
export class PostgresCancelledJobs implements CancelledJobs {
  constructor(
    private readonly database: LogDatabase,
    /** As long as a repetition of the job may come. */
    private readonly keepDays: number,
  ) {}

  async cancel(job: CancelledJob): Promise<CancelVerdict> {
    let row = await this.decide(job);
    // An append may have created a feed, and taken its lock, after the first look.
    if (row.appended === 0 && row.missing > 0) row = await this.decide(job);
    if (row.appended > 0) return row.appended === job.feeds.length ? 'delivered' : 'partly';
    await this.database.query(PRUNE, [new Date(Date.now() - this.keepDays * 86_400_000)]);
    return 'cancelled';
  }

  async isCancelled(fingerprint: Buffer): Promise<boolean> {
    return (await this.database.query(FIND, [fingerprint])).length > 0;
  }

  private async decide({ feeds, dedupeKey, fingerprint, queuedAt }: CancelledJob): Promise<Row> {
    const [row] = await this.database.query<Row>(CANCEL, [
      feeds.map(({ tenant }) => tenant),
      feeds.map(({ recipient }) => recipient),
      feeds.map((feed) => hashDedupeKey({ feed, dedupeKey })),
      fingerprint,
      queuedAt.getTime(),
    ]);
    return row!;
  }
}

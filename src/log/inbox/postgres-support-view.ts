import { NotFoundError } from '../../contract/errors.js';
import type { FeedKey } from '../../contract/model/feed.js';
import type { InboxPage, PageRequest } from '../../contract/ports/inbox.js';
import type { Sql } from '../../contract/ports/sql.js';
import type { Dropped, SupportView } from '../../contract/ports/support.js';
import { PAGE_BOUNDS } from './postgres-inbox.js';
import { queryOf, toPage } from './page.js';
import { readPage, type PageRow } from './read-page.js';
import { ConcurrencyLimiter } from './concurrency-limiter.js';

/** The support view reads one feed at a time. */
const VIEWS_AT_A_TIME = 1;
const PATIENCE_MS = 5_000;
const MOST_DROPPED = 100;

interface DroppedRow extends Omit<Dropped, 'jobId' | 'at'> {
  readonly job_id: string;
  /** Milliseconds. */
  readonly at: string;
}

/** Shows a feed to the support team; read-only. */
export class PostgresSupportView implements SupportView {
  private readonly limiter = new ConcurrencyLimiter(VIEWS_AT_A_TIME, PATIENCE_MS);
  private readonly statement: string;

  constructor(private readonly sql: Sql) {
    this.statement = readPage(sql.schema, PAGE_BOUNDS, 'everything');
  }

  feed(feed: FeedKey, request: PageRequest): Promise<InboxPage & { readonly dropped: readonly Dropped[] }> {
    return this.limiter.run(async () => {
      const rows = await this.sql.query<PageRow>(this.statement, queryOf(feed, request));
      if (rows.length === 0) {
        throw new NotFoundError([{ field: 'recipient', problem: 'has no feed' }]);
      }
      return { ...toPage(rows, request), dropped: await this.dropped(feed) };
    });
  }

  private async dropped({ tenant, recipient }: FeedKey): Promise<Dropped[]> {
    const rows = await this.sql.query<DroppedRow>(
      `SELECT d.reason, d.type, d.job_id, (extract(epoch FROM d.at) * 1000)::bigint AS at FROM ${this.sql.schema}.feed f
         JOIN ${this.sql.schema}.dropped d ON d.feed_id = f.id
        WHERE f.tenant = $1 AND f.recipient = $2 ORDER BY d.id DESC LIMIT ${MOST_DROPPED}`,
      [tenant, recipient],
    );
    return rows.map(({ job_id: jobId, at, reason, type }) => ({
      reason,
      type,
      jobId,
      at: new Date(Number(at)).toISOString(),
    }));
  }
}

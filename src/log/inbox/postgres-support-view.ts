import { NotFoundError } from '../../contract/errors.js';
import type { FeedKey } from '../../contract/model/feed.js';
import type { InboxPage, PageRequest } from '../../contract/ports/inbox.js';
import type { Sql } from '../../contract/ports/sql.js';
import { MOST_DROPPED, type Dropped, type SupportView } from '../../contract/ports/support.js';
import { pageOf } from './page.js';
import { readPage, type PageRow } from './read-page.js';
import { ConcurrencyLimiter } from './concurrency-limiter.js';

/** The support view reads one feed at a time. */
const VIEWS_AT_A_TIME = 1;
const PATIENCE_MS = 5_000;

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
    this.statement = readPage(sql.schema, 'everything');
  }

  feed(feed: FeedKey, request: PageRequest): Promise<InboxPage & { readonly dropped: readonly Dropped[] }> {
    return this.limiter.run(async () => {
      const page = await pageOf(feed, request, [], (values) =>
        this.sql.query<PageRow>(this.statement, values),
      );
      if (typeof page === 'string') throw new NotFoundError([{ field: 'recipient', problem: 'has no feed' }]);
      return { ...page, dropped: await this.dropped(feed) };
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

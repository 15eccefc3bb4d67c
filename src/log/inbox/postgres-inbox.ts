import { formatCursor } from '../../contract/model/cursor.js';
import { LogUnavailableError } from '../../contract/errors.js';
import type { FeedKey } from '../../contract/model/feed.js';
import type { AudienceTaker } from '../../contract/ports/audience.js';
import type {
  CategoryCounts,
  Inbox,
  InboxCounts,
  InboxPage,
  PageRequest,
} from '../../contract/ports/inbox.js';
import type { FeedReader } from '../../contract/ports/read.js';
import type { Sql } from '../../contract/ports/sql.js';
import { COUNT_BY_CATEGORY, type CategoriesRow } from './count-by-category.js';
import { pageOf } from './page.js';
import { readPage, type PageRow } from './read-page.js';
import { readSnoozed } from './read-snoozed.js';
import { ConcurrencyLimiter } from './concurrency-limiter.js';

/** Less than half of the default pool, so that appends and streams always find a connection. */
const PAGES_AT_A_TIME = 4;
/** As long as the pool's own timeout. */
const PATIENCE_MS = 5_000;

/** Reads feeds as pages from the log's rows. */
export class PostgresInbox implements Inbox {
  private readonly shown: string;
  private readonly snoozed: string;
  private readonly byCategory: string;
  private readonly limiter = new ConcurrencyLimiter(PAGES_AT_A_TIME, PATIENCE_MS);

  constructor(
    private readonly sql: Sql,
    private readonly reader: FeedReader,
    private readonly taker: AudienceTaker,
  ) {
    this.shown = readPage(sql.schema);
    this.snoozed = readSnoozed(sql.schema);
    this.byCategory = COUNT_BY_CATEGORY(sql.schema);
  }

  async page(feed: FeedKey, request: PageRequest, audiences: readonly string[] = []): Promise<InboxPage> {
    const statement = request.snoozed ? this.snoozed : this.shown;
    // Taken at most once: a page of an audience that is written to all the time must end, too.
    let names = audiences;
    // Three attempts suffice unless the feed is erased in between.
    for (let attempt = 0; attempt < 4; attempt += 1) {
      const page = await pageOf(feed, request, names, (values) =>
        this.limiter.run(() => this.sql.query<PageRow>(statement, values)),
      );
      if (page === 'pending') {
        names = [];
        await this.taker.take({ feed, audiences });
      } else if (page === 'missing') {
        // There is no cursor without an epoch, so even a read creates the feed's row.
        await this.reader.open(feed);
      } else return page;
    }
    throw new LogUnavailableError('The page could not be read: the feed is being erased.');
  }

  async count(feed: FeedKey, audiences?: readonly string[]): Promise<InboxCounts> {
    const { unread, unseen, epoch, head } = await this.reader.open(feed, audiences);
    return { unread, unseen, cursor: formatCursor(epoch, head) };
  }

  async countByCategory(feed: FeedKey, audiences?: readonly string[]): Promise<CategoryCounts> {
    const opened = await this.reader.open(feed, audiences);
    const [row] = await this.limiter.run(() =>
      this.sql.query<CategoriesRow>(this.byCategory, [feed.tenant, feed.recipient]),
    );
    // Erased in between.
    const { unread, unseen, epoch, head, categories } = row ?? { ...opened, categories: '{}' };
    return {
      ...{ unread, unseen, cursor: formatCursor(epoch, Number(head)) },
      categories: JSON.parse(categories) as CategoryCounts['categories'],
    };
  }
}

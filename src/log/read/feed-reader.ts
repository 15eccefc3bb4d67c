import type { LogEntry } from '../../contract/model/entry.js';
import type { FeedKey } from '../../contract/model/feed.js';
import type { Member } from '../../contract/ports/audience.js';
import { LogUnavailableError } from '../../contract/errors.js';
import type { Metrics } from '../../contract/ports/metrics.js';
import type { FeedHead, FeedReader, LogPage, OpenedFeed } from '../../contract/ports/read.js';
import { makeFeeds } from '../append/append-batch.js';
import { BatchLoader } from '../../platform/batch-loader.js';
import { arrayText } from '../database/array-text.js';
import type { LogDatabase } from '../database/database.js';
import type { Statement } from '../database/statement.js';

/** The maximum size of a page's frames, or one entry (G7). */
export const PAGE_BYTES = 256 * 1024;
const PAGE_ENTRIES = 200;
/** In a storm: the delay of a client is far below what it waits for its connection. */
const SPACING_MS = 5;
/** Between the entries of a page; JSON cannot contain it. */
const SEPARATOR = '\u001e';

interface StateRow {
  ord: string;
  id: string;
  epoch: string;
  head: string;
  floor: string;
}

interface OpenRow extends StateRow {
  unread: number;
  unseen: number;
  pending: boolean;
}

interface PageRow extends StateRow {
  entries: string | null;
}

/** No audience: the feed is opened as it is. */
const NONE: readonly string[] = [];

/** Parameters and result: see migrations/read-functions.ts. */
const OPEN_FEEDS: Statement = (schema) => `SELECT * FROM ${schema}.open_feeds($1, $2, $3)`;

/** Parameters and result: see migrations/read-functions.ts. */
const READ_PAGES: Statement = (schema) => `SELECT * FROM ${schema}.read_pages($1, $2, $3, $4)`;

/** Parameter: feed ids. Result: their heads, without erased feeds. */
const READ_HEADS: Statement = (schema) =>
  `SELECT id, epoch, head FROM ${schema}.feed WHERE id = ANY ($1::bigint[])`;

/** Reads the log. Requests made at the same moment share one query. */
export class PostgresFeedReader implements FeedReader {
  private readonly opening: BatchLoader<Member, OpenedFeed>;
  private readonly paging: BatchLoader<{ feedId: string; after: number }, LogPage | null>;

  constructor(
    private readonly database: LogDatabase,
    private readonly metrics: Metrics,
  ) {
    this.opening = new BatchLoader((members) => this.openMany(members), {
      maxBatch: 500,
      maxConcurrent: 2,
      spacingMs: SPACING_MS,
    });
    // At worst 100 pages of 256 KiB, twice: the most memory that replays may hold at once.
    this.paging = new BatchLoader((places) => this.readMany(places), {
      maxBatch: 100,
      maxConcurrent: 2,
      spacingMs: SPACING_MS,
    });
  }

  open(feed: FeedKey, audiences = NONE): Promise<OpenedFeed> {
    return this.opening.load({ feed, audiences });
  }

  page(feedId: string, after: number): Promise<LogPage | null> {
    return this.paging.load({ feedId, after });
  }

  async heads(feedIds: readonly string[]): Promise<FeedHead[]> {
    const rows = await this.database.query<StateRow & Record<string, unknown>>(READ_HEADS, [feedIds]);
    return rows.map((row) => ({ feedId: row.id, epoch: row.epoch, head: Number(row.head) }));
  }

  private async openMany(members: readonly Member[]): Promise<OpenedFeed[]> {
    const opened = new Map<Member, OpenedFeed>();
    let missing = members;
    // Two attempts suffice unless a feed is erased in between.
    for (let attempt = 0; missing.length > 0 && attempt < 3; attempt += 1) {
      if (attempt > 0)
        await makeFeeds(
          this.database,
          missing.map(({ feed }) => ({ feed })),
        );
      const rows = await this.database.query<OpenRow & Record<string, unknown>>(OPEN_FEEDS, [
        missing.map(({ feed }) => feed.tenant),
        missing.map(({ feed }) => feed.recipient),
        missing.map(({ audiences }) => arrayText(audiences)),
      ]);
      for (const row of rows) {
        const { unread, unseen, pending } = row;
        opened.set(missing[Number(row.ord) - 1]!, { ...stateOf(row), unread, unseen, pending });
      }
      missing = missing.filter((member) => !opened.has(member));
    }
    if (missing.length > 0)
      throw new LogUnavailableError('The feed could not be opened: it is being erased.');
    return members.map((member) => opened.get(member)!);
  }

  private async readMany(places: readonly { feedId: string; after: number }[]): Promise<(LogPage | null)[]> {
    const rows = await this.database.query<PageRow & Record<string, unknown>>(READ_PAGES, [
      places.map((place) => place.feedId),
      places.map((place) => place.after),
      PAGE_ENTRIES,
      PAGE_BYTES,
    ]);
    this.metrics.pagesRead(places.length);
    const pages: (LogPage | null)[] = places.map(() => null);
    for (const row of rows) {
      const entries = row.entries?.split(SEPARATOR).map(parseEntry) ?? [];
      pages[Number(row.ord) - 1] = { ...stateOf(row), entries };
    }
    return pages;
  }
}

function stateOf(row: StateRow): { feedId: string; epoch: string; head: number; floor: number } {
  return { feedId: row.id, epoch: row.epoch, head: Number(row.head), floor: Number(row.floor) };
}

/** Parses `seq type json`, or `seq type`. */
function parseEntry(text: string): LogEntry {
  const typeAt = text.indexOf(' ') + 1;
  const typeEnd = text.indexOf(' ', typeAt);
  const seq = Number(text.slice(0, typeAt - 1));
  return typeEnd === -1
    ? { seq, type: text.slice(typeAt), json: null }
    : { seq, type: text.slice(typeAt, typeEnd), json: text.slice(typeEnd + 1) };
}

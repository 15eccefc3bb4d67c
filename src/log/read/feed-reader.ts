import type { LogEntry } from '../../contract/model/entry.js';
import type { FeedKey } from '../../contract/model/feed.js';
import type { Member } from '../../contract/ports/audience.js';
import { LogUnavailableError } from '../../contract/errors.js';
import type { Metrics } from '../../contract/ports/metrics.js';
import type { FeedHead, FeedReader, FeedState, LogPage, OpenedFeed } from '../../contract/ports/read.js';
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
/** Whether a feed is empty, and was not used for a day. */
const UNTOUCHED = `f.oldest_at IS NULL AND f.touched_at < now() - interval '1 day'`;
/** Two suffice unless a feed is erased or deleted in between. */
const OPENING_ATTEMPTS = 3;

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
  /** The retention may delete this empty feed soon, unless it is touched. */
  untouched: boolean | null;
}

interface PageRow extends StateRow {
  entries: string | null;
}

/** No audience: the feed is opened as it is. */
const NONE: readonly string[] = [];

/**
 * Parameters and result: see migrations/read-functions.ts; and whether the feed is empty and was not used for a day,
 * null if it is gone meanwhile.
 */
const OPEN_FEEDS: Statement = (schema) => `
  SELECT o.*, o.head = o.floor AND (SELECT ${UNTOUCHED} FROM ${schema}.feed f WHERE f.id = o.id) AS untouched
    FROM ${schema}.open_feeds($1, $2, $3) o`;

/** Parameters and result: see migrations/read-functions.ts. */
const READ_PAGES: Statement = (schema) => `SELECT * FROM ${schema}.read_pages($1, $2, $3, $4)`;

/** Parameter: feed ids. Result: their heads, without erased feeds. */
const READ_HEADS: Statement = (schema) =>
  `SELECT f.id, f.epoch, f.head, ${UNTOUCHED} AS untouched FROM ${schema}.feed f WHERE f.id = ANY ($1::bigint[])`;

/**
 * Parameter: feed ids. Result: the feeds that stay; not those that are locked, perhaps because they are being
 * deleted.
 */
const TOUCH: Statement = (schema) => `
  UPDATE ${schema}.feed SET touched_at = now() WHERE id IN (
    SELECT id FROM ${schema}.feed WHERE id = ANY ($1::bigint[]) ORDER BY id FOR NO KEY UPDATE SKIP LOCKED)
  RETURNING id`;

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

  async find(feed: FeedKey): Promise<FeedState | null> {
    const [row] = await this.database.query<OpenRow & Record<string, unknown>>(OPEN_FEEDS, [
      [feed.tenant],
      [feed.recipient],
      [arrayText(NONE)],
    ]);
    return row ? stateOf(row) : null;
  }

  page(feedId: string, after: number): Promise<LogPage | null> {
    return this.paging.load({ feedId, after });
  }

  async heads(feedIds: readonly string[]): Promise<FeedHead[]> {
    const rows = await this.database.query<OpenRow & Record<string, unknown>>(READ_HEADS, [feedIds]);
    await this.touch(rows);
    return rows.map((row) => ({ feedId: row.id, epoch: row.epoch, head: Number(row.head) }));
  }

  private async openMany(members: readonly Member[]): Promise<OpenedFeed[]> {
    const opened = new Map<Member, OpenedFeed>();
    let missing = members;
    for (let attempt = 1; missing.length > 0 && attempt <= OPENING_ATTEMPTS; attempt += 1) {
      if (attempt > 1)
        await makeFeeds(
          this.database,
          missing.map(({ feed }) => ({ feed })),
        );
      const rows = await this.database.query<OpenRow & Record<string, unknown>>(OPEN_FEEDS, [
        missing.map(({ feed }) => feed.tenant),
        missing.map(({ feed }) => feed.recipient),
        missing.map(({ audiences }) => arrayText(audiences)),
      ]);
      const gone = await this.touch(rows);
      for (const row of rows) {
        // A feed that is locked for long is busy, not being deleted.
        if (gone.has(row.id) && attempt < OPENING_ATTEMPTS) continue;
        const { unread, unseen, pending } = row;
        opened.set(missing[Number(row.ord) - 1]!, { ...stateOf(row), unread, unseen, pending });
      }
      missing = missing.filter((member) => !opened.has(member));
    }
    if (missing.length > 0)
      throw new LogUnavailableError('The feed could not be opened: it is being erased.');
    return members.map((member) => opened.get(member)!);
  }

  /** Keeps empty feeds that are in use. Resolves to those that may be gone. */
  private async touch(rows: readonly Pick<OpenRow, 'id' | 'untouched'>[]): Promise<Set<string>> {
    const untouched = new Set(rows.filter((row) => row.untouched !== false).map(({ id }) => id));
    if (untouched.size === 0) return untouched;
    for (const { id } of await this.database.query<{ id: string }>(TOUCH, [[...untouched]]))
      untouched.delete(id);
    return untouched;
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

function stateOf(row: StateRow): FeedState {
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

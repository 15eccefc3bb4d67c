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
  /** Null in the only row of a feed with nothing after the position. */
  seq: string | null;
  type: string;
  /** Null if the entry is no longer visible: its content stays in the database. */
  json: string | null;
}

/** No audience: the feed is opened as it is. */
const NONE: readonly string[] = [];

/**
 * Parameters: tenants, recipients, the audiences of each as the text of an array. Result: one row per existing feed. A
 * partial index finds expired notifications that the sweep has not hidden yet; they are
 * subtracted, so that counts are right from that instant.
 */
const OPEN_FEEDS: Statement = (schema) => `
  SELECT a.ord, f.id, f.epoch, f.head, f.floor, f.unread - due.unread AS unread, f.unseen - due.unseen AS unseen,
         ${schema}.pending_audiences(a.audiences::text[], f.tenant, f.created_at, f.audiences, f.taken) AS pending
    FROM unnest($1::text[], $2::text[], $3::text[]) WITH ORDINALITY AS a (tenant, recipient, audiences, ord)
    JOIN ${schema}.feed f ON f.tenant = a.tenant AND f.recipient = a.recipient
    CROSS JOIN LATERAL ${schema}.due_counts(f.id, f.read_up_to, f.archived_up_to, f.seen_up_to, now()) due`;

/**
 * Parameters: feed ids, positions, maximum entries, maximum bytes. Result: for each existing feed its state
 * and the entries after its position, in order; all
 * of one snapshot. The inner LIMIT walks the primary key; sizes are summed up before any content is fetched.
 *
 * An entry that replaced others and is no longer visible itself still reports them as removed: a disconnected
 * client may have them. (A whole chain of a collapse key may have come and gone meanwhile; each link reports
 * the one before it.)
 */
const READ_PAGES: Statement = (schema) => `
  SELECT a.ord, f.id, f.epoch, f.head, f.floor, e.*
    FROM unnest($1::bigint[], $2::bigint[]) WITH ORDINALITY AS a (feed_id, after, ord)
    JOIN ${schema}.feed f ON f.id = a.feed_id
    LEFT JOIN LATERAL (
      SELECT w.seq, CASE WHEN w.shown OR w.replaces = '{}' THEN w.type ELSE 'feed.removed' END AS type,
             CASE WHEN NOT w.shown AND w.replaces = '{}' THEN NULL
                  WHEN NOT w.shown THEN (
                    SELECT '{"type":"feed.removed","reason":"replaced","ids":' || to_json(w.replaces)::text
                        || ',"asOf":"' || f.epoch || '-' || f.head
                        || '","unread":' || f.unread - due.unread || ',"unseen":' || f.unseen - due.unseen || '}'
                      FROM ${schema}.due_counts(f.id, f.read_up_to, f.archived_up_to, f.seen_up_to, now()) due)
                  WHEN w.id IS NULL THEN w.data::text -- a change of state is stored as its JSON on the wire
                  ELSE ${schema}.item_json(w.type, w.id, f.epoch, w.seq, w.title, w.body, w.link, w.data, w.version, w.created_at,
                                           -- The function, which no planner can inline, only for those that a watermark has read.
                                           CASE WHEN w.read_at IS NULL AND w.seq <= f.read_up_to
                                                THEN ${schema}.read_time(f.id, w.read_at, w.unread_again, w.seq, f.read_up_to)
                                                WHEN NOT w.unread_again THEN w.read_at END,
                                           w.count, w.replaces)
             END AS json
        FROM (
          SELECT n.*, NOT n.hidden AND (n.expires_at IS NULL OR n.expires_at > now()) AS shown,
                 sum(n.bytes) OVER (ORDER BY n.seq) AS bytes_so_far
            FROM (
              SELECT * FROM ${schema}.entry
               WHERE feed_id = f.id AND seq > greatest(a.after, f.floor)
               ORDER BY seq LIMIT $3
            ) n
        ) w
       WHERE w.bytes_so_far = w.bytes OR w.bytes_so_far <= $4
    ) e ON true
   ORDER BY a.ord, e.seq`;

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
    this.opening = new BatchLoader((members) => this.openMany(members), { maxBatch: 500, maxConcurrent: 2 });
    // At worst 100 pages of 256 KiB, twice: the most memory that replays may hold at once.
    this.paging = new BatchLoader((places) => this.readMany(places), { maxBatch: 100, maxConcurrent: 2 });
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
      const page = (pages[Number(row.ord) - 1] ??= { ...stateOf(row), entries: [] });
      if (row.seq !== null)
        (page.entries as LogEntry[]).push({ seq: Number(row.seq), type: row.type, json: row.json });
    }
    return pages;
  }
}

function stateOf(row: StateRow): { feedId: string; epoch: string; head: number; floor: number } {
  return { feedId: row.id, epoch: row.epoch, head: Number(row.head), floor: Number(row.floor) };
}

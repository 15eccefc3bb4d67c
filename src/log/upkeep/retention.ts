import { audienceFeed, EVERYBODY } from '../../contract/model/audience.js';
import type { ResolvedOptions } from '../../contract/options/options.js';
import type { LogDatabase } from '../database/database.js';
import type { Statement } from '../database/statement.js';
import { LOOK_EVERY } from '../migrations/oldest-at.js';
import { isUnneeded } from '../migrations/unneeded-feed.js';
import { Sweep } from './sweep.js';

const FEEDS_PER_BATCH = 50;
const ENTRIES_PER_FEED = 1_000;
const ROWS_PER_BATCH = 5_000;
/** Changes of state are bounded also where notifications are not: the recipient makes them, at will. */
export const MOST_STATES = 10_000;
/** Feeds in use are touched once a day; see `UNTOUCHED` in `feed-reader.ts`. */
const SHORTEST_UNUSED_DAYS = 7;
/** Before any entry: only feeds that ask for a look are due. */
const NONE_IS_OLD = new Date(0);
/** How much older than the last limit rows may be that were not there when it was looked at: clocks may be set. */
const CLOCKS_MS = 3_600_000;

/**
 * Parameters: oldest time, feed ids to skip, maximum feeds. Result: the feeds whose oldest entry is older, or
 * that ask for a look, in the order in which they are due.
 */
export const FIND_DUE: Statement = (schema) => `
  SELECT id FROM ${schema}.feed WHERE oldest_at < $1 AND id <> ALL ($2::bigint[]) ORDER BY oldest_at LIMIT $3`;

/**
 * Parameters: maximum kept, feed ids to skip, maximum feeds. Result: feeds that keep more. It reads all feeds, so it is only for limits so low that no
 * feed would ask for a look in time.
 */
const FIND_OVERFULL: Statement = (schema) => `
  SELECT id FROM ${schema}.feed
   WHERE greatest(kept, CASE WHEN starts_with(recipient, chr(1)) THEN 0 ELSE head - floor - kept - compacted END) > $1 AND id <> ALL ($2::bigint[]) ORDER BY id LIMIT $3`;

/** Parameters and result: see migrations/trim-function.ts. */
const TRIM: Statement = (schema) =>
  `SELECT feed_id AS id, trimmed FROM ${schema}.trim_feeds($1::bigint[], $2, $3, $4, $5)`;

/** Parameters: the times between which rows are due, maximum rows. Result: the number of deleted rows. */
const prune =
  (table: string, time: string): Statement =>
  (schema) => `
  WITH gone AS (
    DELETE FROM ${schema}.${table} WHERE ctid = ANY (ARRAY(
      SELECT ctid FROM ${schema}.${table} WHERE ${time} >= $1 AND ${time} < $2 ORDER BY ${time} LIMIT $3))
    RETURNING 1
  )
  SELECT count(*)::integer AS n FROM gone`;

/**
 * Deletes empty feeds that nobody uses. Their locked rows are compared again in their latest version, so an append or
 * a new preference that commits first keeps the feed, and one that comes later does not find it. A feed that may still
 * take an announcement to everybody, by the time of its creation, is kept until it is looked at again.
 *
 * Parameters: the time since which they are unused, maximum feeds, the recipient of the audience of everybody. Result: the number of feeds that were looked at.
 */
const PRUNE_FEEDS: Statement = (schema) => `
  WITH due AS (
    SELECT f.id, EXISTS (SELECT FROM ${schema}.feed a WHERE a.tenant = f.tenant AND a.recipient = $3 AND a.head > a.floor) AS waits
      FROM ${schema}.feed f WHERE ${isUnneeded('f')} AND f.touched_at < $1
     ORDER BY f.touched_at LIMIT $2 FOR UPDATE OF f SKIP LOCKED
  ),
  dropped AS (DELETE FROM ${schema}.dropped d USING due WHERE d.feed_id = due.id AND NOT due.waits),
  marks AS (DELETE FROM ${schema}.read_mark m USING due WHERE m.feed_id = due.id AND NOT due.waits),
  kept AS (UPDATE ${schema}.feed f SET touched_at = now() FROM due WHERE f.id = due.id AND due.waits),
  gone AS (DELETE FROM ${schema}.feed f USING due WHERE f.id = due.id AND NOT due.waits)
  SELECT count(*)::integer AS n FROM due`;

/** A table whose rows are deleted when they are old enough, by an index on their time. */
class AgingTable {
  readonly statement: Statement;
  /**
   * Where the next look begins. Until the table is vacuumed, the index still has the deleted rows at its low
   * end, and a look would pass them each time.
   */
  from = NONE_IS_OLD;

  constructor(table: string, time: string) {
    this.statement = prune(table, time);
  }
}

/** Trims feeds by age and by number, and deletes old dedupe keys, records of drops, and feeds that nobody uses. */
export class Retention extends Sweep {
  private readonly keys = new AgingTable('dedupe_key', 'created_at');
  private readonly dropped = new AgingTable('dropped', 'at');

  constructor(
    database: LogDatabase,
    private readonly options: ResolvedOptions['retention'],
  ) {
    super('The retention sweep', database, 1, options.sweepMs);
  }

  /** Trims everything that is due. Resolves to the number of deleted entries. */
  async sweep(): Promise<number> {
    const { days, maxEntries, dedupeKeyDays } = this.options;
    const oldest = days === null ? null : daysAgo(days);
    let trimmed = await this.trim(FIND_DUE, oldest ?? NONE_IS_OLD, oldest);
    if (maxEntries !== null && maxEntries < LOOK_EVERY) {
      trimmed += await this.trim(FIND_OVERFULL, maxEntries, oldest);
    }
    await this.prune(this.keys, daysAgo(dedupeKeyDays));
    await this.prune(this.dropped, oldest ?? daysAgo(dedupeKeyDays));
    // When no dedupe key refers to them any more.
    const unused = daysAgo(Math.max(dedupeKeyDays, SHORTEST_UNUSED_DAYS));
    await this.delete(PRUNE_FEEDS, [unused, ROWS_PER_BATCH, audienceFeed('', EVERYBODY).recipient]);
    return trimmed;
  }

  /** A feed that has more due than one batch takes is found again; one that is locked waits for the next sweep. */
  private async trim(find: Statement, limit: Date | number, oldest: Date | null): Promise<number> {
    const { maxEntries } = this.options;
    const locked: string[] = [];
    const batches = this.batches(async (query) => {
      const found = await query<{ id: string }>(find, [limit, locked, FEEDS_PER_BATCH]);
      if (found.length === 0) return null;
      const ids = found.map(({ id }) => id);
      const states = maxEntries ?? MOST_STATES;
      const rows = await query<{ id: string; trimmed: number }>(TRIM, [
        ...[ids, oldest, maxEntries, states, ENTRIES_PER_FEED],
      ]);
      const done = new Set(rows.map(({ id }) => id));
      locked.push(...ids.filter((id) => !done.has(id)));
      return rows.reduce((sum, { trimmed }) => sum + trimmed, 0);
    });
    let total = 0;
    for await (const trimmed of batches) total += trimmed;
    return total;
  }

  private async prune(table: AgingTable, oldest: Date): Promise<void> {
    await this.delete(table.statement, [table.from, oldest, ROWS_PER_BATCH], () => {
      table.from = new Date(Math.max(0, oldest.getTime() - CLOCKS_MS));
    });
  }

  /** Repeats the statement until it finds nothing. */
  private async delete(statement: Statement, values: readonly unknown[], onDone?: () => void): Promise<void> {
    const batches = this.batches(async (query) => {
      const [row] = await query<{ n: number }>(statement, values);
      if (row!.n === 0) onDone?.();
      return row!.n || null;
    });
    while (!(await batches.next()).done);
  }
}

function daysAgo(days: number): Date {
  return new Date(Date.now() - days * 86_400_000);
}

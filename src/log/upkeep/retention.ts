import type { ResolvedOptions } from '../../contract/options/options.js';
import type { LogDatabase } from '../database/database.js';
import type { Statement } from '../database/statement.js';
import { Sweep } from './sweep.js';

const FEEDS_PER_BATCH = 50;
const ENTRIES_PER_FEED = 1_000;
const ROWS_PER_BATCH = 5_000;

/**
 * Parameters: maximum kept notifications, maximum feeds, the feed id to continue after. Result: feeds that
 * keep more.
 */
const FIND_OVERFULL: Statement = (schema) => `
  SELECT id FROM ${schema}.feed WHERE kept > $1 AND id > $3 ORDER BY id LIMIT $2`;

/**
 * Parameters: oldest time, maximum feeds, the feed id to continue after. Result: feeds with older entries, by
 * a BRIN index.
 */
const FIND_OLD: Statement = (schema) => `
  SELECT feed_id AS id FROM ${schema}.entry WHERE created_at < $1 AND feed_id > $3
   GROUP BY feed_id ORDER BY feed_id LIMIT $2`;

/** Locks the feeds in the order that every writer follows; locked ones wait for the next sweep. */
const LOCK: Statement = (schema) => `
  SELECT id FROM ${schema}.feed WHERE id = ANY ($1::bigint[]) ORDER BY id FOR NO KEY UPDATE SKIP LOCKED`;

/**
 * Parameters: locked feed ids, maximum kept, oldest time, maximum entries per feed. Result: the number of
 * deleted entries.
 *
 * Deletes from the low end only, and moves floor and counters in the same statement, so that no reader ever
 * sees missing rows above the floor. State entries do not count as kept; they are deleted with the
 * notifications around them.
 */
const TRIM: Statement = (schema) => `
  WITH low AS (
    SELECT e.feed_id, e.seq, e.id IS NOT NULL AS is_notification, e.created_at < $3 AS is_old, f.kept,
           e.id IS NOT NULL AND NOT e.hidden
             AND NOT ${schema}.is_read(e.read_at, e.unread_again, e.seq, f.read_up_to)
             AND NOT ${schema}.is_archived(e.archived_at, e.unarchived, e.seq, f.archived_up_to) AS is_unread,
           e.seq > f.seen_up_to AS is_above_seen,
           count(*) FILTER (WHERE e.id IS NOT NULL) OVER (PARTITION BY e.feed_id ORDER BY e.seq) AS nth
      FROM ${schema}.feed f
      CROSS JOIN LATERAL (
        SELECT * FROM ${schema}.entry WHERE feed_id = f.id AND seq > f.floor ORDER BY seq LIMIT $4
      ) e
     WHERE f.id = ANY ($1::bigint[])
  ),
  due AS (
    -- Everything up to the last entry that is due: the low end stays an end.
    SELECT l.* FROM low l JOIN (
      SELECT feed_id, max(seq) AS last FROM low
       WHERE is_old OR (is_notification AND nth <= kept - $2) GROUP BY feed_id
    ) m ON m.feed_id = l.feed_id AND l.seq <= m.last
  ),
  gone AS (
    DELETE FROM ${schema}.entry e USING due WHERE e.feed_id = due.feed_id AND e.seq = due.seq
  ),
  moved AS (
    UPDATE ${schema}.feed f
       SET floor = d.last, kept = f.kept - d.notifications, unread = f.unread - d.unread, unseen = f.unseen - d.unseen
      FROM (SELECT feed_id, max(seq) AS last, count(*) FILTER (WHERE is_notification)::integer AS notifications,
                   count(*) FILTER (WHERE is_unread)::integer AS unread,
                   count(*) FILTER (WHERE is_unread AND is_above_seen)::integer AS unseen FROM due GROUP BY feed_id) d
     WHERE f.id = d.feed_id
    RETURNING f.id, f.floor
  ),
  marks AS (
    DELETE FROM ${schema}.read_mark m USING moved WHERE m.feed_id = moved.id AND m.up_to <= moved.floor
  )
  SELECT count(*)::integer AS trimmed FROM due`;

/** Parameters: oldest time, maximum keys. Result: the number of deleted keys. */
const PRUNE_KEYS: Statement = (schema) => `
  WITH gone AS (
    DELETE FROM ${schema}.dedupe_key WHERE hash IN (
      SELECT hash FROM ${schema}.dedupe_key WHERE created_at < $1 LIMIT $2)
    RETURNING 1
  )
  SELECT count(*)::integer AS n FROM gone`;

/**
 * Deletes records of dropped notifications, by a BRIN index on their time. Parameters: oldest time, maximum
 * rows. Result: the number of deleted rows.
 */
const PRUNE_DROPPED: Statement = (schema) => `
  WITH gone AS (
    DELETE FROM ${schema}.dropped WHERE (feed_id, id) IN (
      SELECT feed_id, id FROM ${schema}.dropped WHERE at < $1 LIMIT $2)
    RETURNING 1
  )
  SELECT count(*)::integer AS n FROM gone`;

/** Trims feeds by age and by number, one bounded batch at a time, and deletes old dedupe keys. */
export class Retention extends Sweep {
  constructor(
    private readonly database: LogDatabase,
    private readonly options: ResolvedOptions['retention'],
  ) {
    super('The retention sweep', options.sweepMs);
  }

  /** Trims everything that is due. Resolves to the number of deleted entries. */
  async sweep(): Promise<number> {
    const { days, maxEntries, dedupeKeyDays } = this.options;
    const oldest = days === null ? null : daysAgo(days);
    let trimmed = 0;
    if (maxEntries !== null) trimmed += await this.trimAll(FIND_OVERFULL, maxEntries, maxEntries, oldest);
    if (oldest !== null) trimmed += await this.trimAll(FIND_OLD, oldest, maxEntries, oldest);
    await this.prune(PRUNE_KEYS, daysAgo(dedupeKeyDays));
    await this.prune(PRUNE_DROPPED, oldest ?? daysAgo(dedupeKeyDays));
    return trimmed;
  }

  private async prune(statement: Statement, oldest: Date): Promise<void> {
    for (let pruned = ROWS_PER_BATCH; pruned === ROWS_PER_BATCH && !this.stopped;) {
      const [row] = await this.database.query<{ n: number }>(statement, [oldest, ROWS_PER_BATCH]);
      pruned = row!.n;
    }
  }

  /** Repeats until a round finds nothing to trim, because a feed may have more due than one batch takes. */
  private async trimAll(
    find: Statement,
    due: unknown,
    maxEntries: number | null,
    oldest: Date | null,
  ): Promise<number> {
    let total = 0;
    for (let round = -1; round !== 0 && !this.stopped; total += round) {
      round = 0;
      for (let after = '0'; !this.stopped;) {
        const feeds = await this.database.query<{ id: string }>(find, [due, FEEDS_PER_BATCH, after]);
        if (feeds.length === 0) break;
        round += await this.trim(
          feeds.map(({ id }) => id),
          maxEntries,
          oldest,
        );
        after = feeds.at(-1)!.id;
      }
    }
    return total;
  }

  private async trim(feedIds: string[], maxEntries: number | null, oldest: Date | null): Promise<number> {
    return this.database.transaction(async (query) => {
      const locked = await query<{ id: string }>(this.database.text(LOCK), [feedIds]);
      const { rows } = await query<{ trimmed: number }>(this.database.text(TRIM), [
        locked.rows.map(({ id }) => id),
        maxEntries,
        oldest,
        ENTRIES_PER_FEED,
      ]);
      return rows[0]!.trimmed;
    });
  }
}

function daysAgo(days: number): Date {
  return new Date(Date.now() - days * 86_400_000);
}

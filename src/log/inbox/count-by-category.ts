import type { Statement } from '../database/statement.js';

/** The newest entries that are counted: a bound for feeds without one. */
const MOST_ENTRIES = 100_000;

/** The counts of a feed as of one snapshot. */
export interface CategoriesRow extends Record<string, unknown> {
  readonly epoch: string;
  readonly head: string;
  readonly unread: number;
  readonly unseen: number;
  /** JSON, by name. */
  readonly categories: string;
}

/**
 * Parameters: tenant, recipient. Result: one {@link CategoriesRow}; none if the feed has no row.
 *
 * Unread entries are above the watermark of the feed, or marked as unread again, which an index finds. Counters
 * for each category would cost every append and every change of state.
 */
export const COUNT_BY_CATEGORY: Statement = (schema) => `
  SELECT f.epoch, f.head, f.unread - due.unread AS unread, f.unseen - due.unseen AS unseen, coalesce(c.categories::text, '{}') AS categories
    FROM ${schema}.feed f
    CROSS JOIN LATERAL ${schema}.due_counts(f.id, f.floor, f.read_up_to, f.archived_up_to, f.seen_up_to, now()) due
    CROSS JOIN LATERAL (
      SELECT json_object_agg(n.category, json_build_object('unread', n.unread, 'unseen', n.unseen) ORDER BY n.category) AS categories
        FROM (
          SELECT u.category, count(*) AS unread, count(*) FILTER (WHERE u.seq > f.seen_up_to) AS unseen
            FROM (
              SELECT * FROM ${schema}.entry x WHERE x.feed_id = f.id AND x.seq > greatest(f.floor, f.read_up_to, f.head - ${MOST_ENTRIES})
              UNION ALL
              SELECT * FROM ${schema}.entry x WHERE x.feed_id = f.id AND x.unread_again AND x.seq > f.floor AND x.seq <= f.read_up_to
            ) u
           WHERE u.category IS NOT NULL AND NOT u.hidden AND (u.expires_at IS NULL OR u.expires_at > now())
             AND NOT ${schema}.is_read(u.read_at, u.unread_again, u.seq, f.read_up_to)
             AND NOT ${schema}.is_archived(u.archived_at, u.unarchived, u.seq, f.archived_up_to)
           GROUP BY u.category
        ) n
    ) c
   WHERE f.tenant = $1 AND f.recipient = $2`;

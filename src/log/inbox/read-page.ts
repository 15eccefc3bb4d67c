/** One row per entry that fits, newest first; a single row without an entry if none does. */
export interface PageRow {
  readonly epoch: string;
  readonly head: string;
  readonly floor: string;
  readonly unread: number;
  readonly unseen: number;
  /** Entries up to this one were not scanned. */
  readonly low: string;
  readonly seq: string | null;
  /** Null if the entry matches but exceeds the page. */
  readonly json: string | null;
  /** Whether an audience has something for this feed, to be taken before the page is read. */
  readonly pending: boolean;
}

/** The bytes of JSON on a page, or one item. */
export const PAGE_BYTES = 256 * 1024;

/**
 * Reads one page in one statement.
 *
 * Parameters: tenant, recipient, the number before which the page begins (null: the newest), maximum items,
 * unread (null: any), archived, type (null: any), the recipient's audiences, maximum entries to scan: the numbers of a
 * range, as each has at most one row; category (null: any).
 * Result: {@link PageRow}s; none if the feed has no row.
 *
 * One statement is one snapshot, so a stream from the head continues exactly where the page ends. It walks a
 * range of the primary key backwards, up to one entry more than the page takes, which shows whether there is
 * a next page. Filters are checked row by row within that range: an index for each would cost every append
 * and every change of state, and the range limits the cost of a filter that matches nothing. Sizes are summed
 * up before any content is fetched.
 *
 * Counts exclude expired notifications that the sweep has not hidden yet, as on opening a stream.
 *
 * @param what `everything`, for support: includes entries that are no longer visible, each with a `status`
 * (`shown`, `archived`, `expired`, `snoozed`, `removed`).
 */
export function readPage(schema: string, what: 'shown' | 'everything' = 'shown'): string {
  const archived = (e: string): string =>
    `${schema}.is_archived(${e}.archived_at, ${e}.unarchived, ${e}.seq, f.archived_up_to)`;
  const item = `${schema}.item_json(p.type, p.id, f.epoch, p.seq, p.title, p.body, p.link, p.data, p.version, p.created_at,
                    CASE WHEN p.read_at IS NULL AND p.seq <= f.read_up_to
                         THEN ${schema}.read_time(f.id, p.read_at, p.unread_again, p.seq, f.read_up_to)
                         WHEN NOT p.unread_again THEN p.read_at END, p.count, p.replaces,
                    p.content, p.category, p.action, p.acted_at)`;
  const isAll = what === 'everything';
  const listed = isAll
    ? `($6 IS FALSE OR ${archived('x')})`
    : `NOT x.hidden AND (x.expires_at IS NULL OR x.expires_at > now()) AND ${archived('x')} = $6`;
  const json = isAll
    ? `left(${item}, -1) || ',"status":"'
         || CASE WHEN p.expires_at <= now() THEN 'expired'
                 WHEN p.hidden AND EXISTS (SELECT FROM ${schema}.snoozed s WHERE s.feed_id = f.id AND s.id = p.id) THEN 'snoozed'
                 WHEN p.hidden THEN 'removed' WHEN ${archived('p')} THEN 'archived'
                 ELSE 'shown' END || '"}'`
    : item;
  return `
  SELECT f.epoch, f.head, f.floor, f.unread - due.unread AS unread, f.unseen - due.unseen AS unseen, r.low, e.seq, e.json, q.pending
    FROM ${schema}.feed f
    CROSS JOIN LATERAL (
      -- Once, and not for each entry.
      SELECT ${schema}.pending_audiences($8::text[], f.tenant, f.audiences, f.taken) AS pending OFFSET 0
    ) q
    CROSS JOIN LATERAL ${schema}.due_counts(f.id, f.floor, f.read_up_to, f.archived_up_to, f.seen_up_to, now()) due
    CROSS JOIN LATERAL (SELECT coalesce($3::bigint, f.head + 1) AS top) t
    CROSS JOIN LATERAL (SELECT greatest(f.floor, t.top - 1 - $9::bigint) AS low) r
    LEFT JOIN LATERAL (
      SELECT p.seq,
             CASE WHEN p.nth = 1 OR (p.nth <= $4 AND p.bytes_so_far <= ${PAGE_BYTES})
                  THEN ${json}
             END AS json
        FROM (
          SELECT n.*, row_number() OVER (ORDER BY n.seq DESC) AS nth, sum(n.bytes) OVER (ORDER BY n.seq DESC) AS bytes_so_far
            FROM (
              SELECT * FROM ${schema}.entry x
               WHERE x.feed_id = f.id AND x.seq > r.low AND x.seq < t.top
                 AND x.id IS NOT NULL AND ${listed}
                 AND ($5::boolean IS NULL
                      OR ${schema}.is_read(x.read_at, x.unread_again, x.seq, f.read_up_to) <> $5)
                 AND ($7::text IS NULL OR x.type = $7)
                 AND ($10::text IS NULL OR x.category = $10)
               ORDER BY x.seq DESC LIMIT $4::integer + 1
            ) n
        ) p
    ) e ON true
   WHERE f.tenant = $1 AND f.recipient = $2
   ORDER BY e.seq DESC`;
}

import { jsonTime } from '../migrations/item-json-function.js';
import { PAGE_BYTES } from './read-page.js';

/**
 * Reads a page of snoozed notifications in one statement: parameters and result as those of `readPage`, but
 * that `seq` is the number that a notification had first. They are unread and not archived, as they come back.
 */
export function readSnoozed(schema: string): string {
  return `
  SELECT f.epoch, f.head, 0 AS floor, f.unread - due.unread AS unread, f.unseen - due.unseen AS unseen, 0 AS low, e.seq, e.json, q.pending
    FROM ${schema}.feed f
    CROSS JOIN LATERAL (
      SELECT ${schema}.pending_audiences($8::text[], f.tenant, f.audiences, f.taken) AS pending OFFSET 0
    ) q
    CROSS JOIN LATERAL ${schema}.due_counts(f.id, f.floor, f.read_up_to, f.archived_up_to, f.seen_up_to, now()) due
    LEFT JOIN LATERAL (
      SELECT p.place AS seq,
             CASE WHEN p.nth = 1 OR (p.nth <= $4 AND p.bytes_so_far <= ${PAGE_BYTES}) THEN
               left(${schema}.item_json(p.type, p.id, f.epoch, p.place, p.title, p.body, p.link, p.data, p.version,
                                        p.created_at, NULL, p.count, '{}', p.content, p.category, p.action, p.acted_at), -1)
                 || ',"snoozedUntil":' || ${jsonTime('p.until')} || '}'
             END AS json
        FROM (
          SELECT s.*, row_number() OVER (ORDER BY s.place DESC) AS nth, sum(s.bytes) OVER (ORDER BY s.place DESC) AS bytes_so_far
            FROM (
              SELECT * FROM ${schema}.snoozed x
               WHERE x.feed_id = f.id AND x.place < coalesce($3::bigint, f.head + 1) AND (x.expires_at IS NULL OR x.expires_at > now())
                 AND $5::boolean IS NOT FALSE AND $6::boolean IS NOT TRUE
                 AND ($7::text IS NULL OR x.type = $7)
                 AND ($10::text IS NULL OR x.category = $10)
               ORDER BY x.place DESC LIMIT least($4::integer + 1, $9::bigint)
            ) s
        ) p
    ) e ON true
   WHERE f.tenant = $1 AND f.recipient = $2
   ORDER BY e.seq DESC`;
}

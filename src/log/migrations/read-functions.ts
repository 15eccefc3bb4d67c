import { PLANNER_SETTINGS } from './append-batch-function.js';

/**
 * The functions that open feeds and read pages of them. Planning these queries takes longer than reading a
 * few feeds, and inside a function the plan is kept without the prepared statements that poolers may not
 * support.
 */

/**
 * Parameters: tenants, recipients, the audiences of each as the text of an array. Result: one row per existing feed; `ord` is its place in the parameters. A
 * partial index finds expired notifications that the sweep has not hidden yet; they are subtracted, so that
 * counts are right from that instant. The floor that readers see is where the complete log begins: changes of
 * state may be missing below `replay_floor`.
 */
export function openFeedsFunction(schema: string): string {
  return `
CREATE OR REPLACE FUNCTION ${schema}.open_feeds(tenants text[], recipients text[], memberships text[])
RETURNS TABLE (ord bigint, id bigint, epoch text, head bigint, floor bigint, unread integer, unseen integer, pending boolean)
LANGUAGE plpgsql STABLE ${PLANNER_SETTINGS}
AS $open$
#variable_conflict use_column
BEGIN
  RETURN QUERY
  SELECT a.ord, f.id, f.epoch, f.head, greatest(f.floor, f.replay_floor), f.unread - due.unread, f.unseen - due.unseen,
         ${schema}.pending_audiences(a.audiences::text[], f.tenant, f.audiences, f.taken)
    FROM unnest(tenants, recipients, memberships) WITH ORDINALITY AS a (tenant, recipient, audiences, ord)
    JOIN ${schema}.feed f ON f.tenant = a.tenant AND f.recipient = a.recipient
    CROSS JOIN LATERAL ${schema}.due_counts(f.id, f.floor, f.read_up_to, f.archived_up_to, f.seen_up_to, now()) due;
END
$open$`;
}

/**
 * Parameters: feed ids, positions, the most entries and bytes of a page. Result: one row per existing feed
 * with its state and the entries after its position, in order; all of one snapshot. The entries are one text,
 * because a driver takes longer for rows and columns than for their content: `seq type json`, or `seq type`
 * for an entry that is not visible any more, separated by U+001E, which JSON cannot contain. NULL: none.
 *
 * The inner LIMIT walks the primary key; sizes are summed up before any content is fetched.
 *
 * An entry that replaced others and is no longer visible itself still reports them as removed: a disconnected
 * client may have them. (A whole chain of a collapse key may have come and gone meanwhile; each link reports
 * the one before it.)
 */
export function readPagesFunction(schema: string): string {
  return `
CREATE OR REPLACE FUNCTION ${schema}.read_pages(feed_ids bigint[], positions bigint[], max_entries integer, max_bytes integer)
RETURNS TABLE (ord bigint, id bigint, epoch text, head bigint, floor bigint, entries text)
LANGUAGE plpgsql STABLE ${PLANNER_SETTINGS}
SET enable_bitmapscan = off
AS $read$
#variable_conflict use_column
BEGIN
  RETURN QUERY
  SELECT a.ord, f.id, f.epoch, f.head, greatest(f.floor, f.replay_floor), e.entries
    FROM unnest(feed_ids, positions) WITH ORDINALITY AS a (feed_id, after, ord)
    JOIN ${schema}.feed f ON f.id = a.feed_id
    CROSS JOIN LATERAL (
      SELECT string_agg(i.seq || ' ' || i.type || coalesce(' ' || i.item, ''), chr(30) ORDER BY i.seq) AS entries
        FROM (
          SELECT w.seq, CASE WHEN w.shown OR w.replaces = '{}' THEN w.type ELSE 'feed.removed' END AS type,
                 CASE WHEN NOT w.shown AND w.replaces = '{}' THEN NULL
                      WHEN NOT w.shown THEN (
                        SELECT '{"type":"feed.removed","reason":"replaced","ids":' || to_json(w.replaces)::text
                            || ',"asOf":"' || f.epoch || '-' || f.head
                            || '","unread":' || f.unread - due.unread || ',"unseen":' || f.unseen - due.unseen || '}'
                          FROM ${schema}.due_counts(f.id, f.floor, f.read_up_to, f.archived_up_to, f.seen_up_to, now()) due)
                      WHEN w.changed_places IS NOT NULL THEN replace(w.data::text, '"ids":[]', '"ids":' || (
                        SELECT coalesce(to_json(array_agg(c.id ORDER BY c.seq))::text, '[]')
                          FROM unnest(w.changed_places) AS r (covered)
                          JOIN ${schema}.entry c
                            ON c.feed_id = f.id AND c.seq >= lower(r.covered) AND c.seq < upper(r.covered) AND c.id IS NOT NULL))
                      WHEN w.id IS NULL THEN w.data::text -- a change of state is stored as its JSON on the wire
                      ELSE ${schema}.item_json(w.type, w.id, f.epoch, w.seq, w.title, w.body, w.link, w.data, w.version, w.created_at,
                                               -- The function, which no planner can inline, only for those that a watermark has read.
                                               CASE WHEN w.read_at IS NULL AND w.seq <= f.read_up_to
                                                    THEN ${schema}.read_time(f.id, w.read_at, w.unread_again, w.seq, f.read_up_to)
                                                    WHEN NOT w.unread_again THEN w.read_at END,
                                               w.count, w.replaces, w.content, w.category, w.action, w.acted_at)
                 END AS item
            FROM (
              SELECT n.*, NOT n.hidden AND (n.expires_at IS NULL OR n.expires_at > now()) AS shown,
                     sum(n.bytes) OVER (ORDER BY n.seq) AS bytes_so_far
                FROM (
                  SELECT * FROM ${schema}.entry
                   WHERE feed_id = f.id AND seq > greatest(a.after, f.floor)
                   ORDER BY seq LIMIT max_entries
                ) n
            ) w
           WHERE w.bytes_so_far = w.bytes OR w.bytes_so_far <= max_bytes
        ) i
    ) e
   ORDER BY a.ord;
END
$read$`;
}

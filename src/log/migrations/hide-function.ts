import { isArchived, isRead, RESULT } from './change-parts.js';

/**
 * Hides those of these entries that are not hidden yet, for good, and forgets those of them that are snoozed:
 * these are found by the number in their id. The feed must be locked. Result: nothing if all were hidden.
 */
export function hide(schema: string): string {
  return `
CREATE OR REPLACE FUNCTION ${schema}.hide(feed bigint, places bigint[], reason text, moment timestamptz)
RETURNS ${RESULT} LANGUAGE plpgsql
AS $hide$
#variable_conflict use_column
DECLARE
  f ${schema}.feed%ROWTYPE;
  removed uuid[];
  unread_ones integer;
  unseen_ones integer;
BEGIN
  SELECT * INTO f FROM ${schema}.feed t WHERE t.id = feed;
  WITH gone AS (
    UPDATE ${schema}.entry e SET hidden = true
     WHERE e.feed_id = f.id AND e.seq = ANY (places) AND e.id IS NOT NULL AND NOT e.hidden
    RETURNING e.id, e.seq, NOT ${isRead(schema, 'e')} AND NOT ${isArchived(schema, 'e')} AS counted
  ),
  away AS (
    DELETE FROM ${schema}.snoozed s WHERE s.feed_id = f.id AND s.place = ANY (places) RETURNING s.id, s.place, false
  )
  SELECT array_agg(g.id ORDER BY g.seq), count(*) FILTER (WHERE g.counted), count(*) FILTER (WHERE g.counted AND g.seq > f.seen_up_to)
    INTO removed, unread_ones, unseen_ones FROM (SELECT * FROM gone UNION ALL SELECT * FROM away) g;
  IF removed IS NULL THEN RETURN; END IF;
  RETURN QUERY SELECT * FROM ${schema}.log_state(f.id, 'feed.removed',
    '"reason":"' || reason || '","ids":' || to_json(removed)::text, -unread_ones, -unseen_ones, moment);
END
$hide$`;
}

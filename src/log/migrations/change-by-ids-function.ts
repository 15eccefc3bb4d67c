import {
  BY_IDS,
  CHANGE_SETTINGS,
  findByIds,
  isArchived,
  isRead,
  lockFeed,
  MOMENT,
  RESULT,
  unchanged,
} from './change-parts.js';

/** Reads, unreads, archives, unarchives or removes notifications by their ids. */
export function changeByIds(schema: string): string {
  return `
CREATE OR REPLACE FUNCTION ${schema}.change_by_ids(tenant text, recipient text, change text, ids uuid[])
RETURNS ${RESULT} LANGUAGE plpgsql ${CHANGE_SETTINGS}
AS $change$
#variable_conflict use_column
DECLARE
  f ${schema}.feed%ROWTYPE;
  moment timestamptz;
${BY_IDS}
  changed uuid[];
  counted_ones integer;
  unseen_ones integer;
BEGIN
${lockFeed(schema)}
  moment := ${MOMENT};

${findByIds(schema)}

  IF change = 'remove' THEN
    RETURN QUERY SELECT * FROM ${schema}.hide(f.id, places || snoozed_ones, 'deleted', moment);
    IF FOUND THEN RETURN; END IF;
  ELSE
    WITH hit AS (
      UPDATE ${schema}.entry e
         SET read_at = CASE change WHEN 'read' THEN moment WHEN 'unread' THEN NULL ELSE e.read_at END,
             unread_again = CASE change WHEN 'read' THEN false WHEN 'unread' THEN e.seq <= f.read_up_to ELSE e.unread_again END,
             archived_at = CASE change WHEN 'archive' THEN moment WHEN 'unarchive' THEN NULL ELSE e.archived_at END,
             unarchived = CASE change WHEN 'archive' THEN false WHEN 'unarchive' THEN e.seq <= f.archived_up_to ELSE e.unarchived END
       WHERE e.feed_id = f.id AND e.seq = ANY (places)
         AND CASE change WHEN 'read' THEN NOT ${isRead(schema, 'e')} WHEN 'unread' THEN ${isRead(schema, 'e')}
                         WHEN 'archive' THEN NOT ${isArchived(schema, 'e')} WHEN 'unarchive' THEN ${isArchived(schema, 'e')} END
      RETURNING e.id, e.seq,
                -- The half of what is counted that this change leaves as it is: the other half has turned.
                CASE WHEN change IN ('read', 'unread') THEN NOT ${isArchived(schema, 'e')} ELSE NOT ${isRead(schema, 'e')} END AS counted
    )
    SELECT array_agg(h.id ORDER BY h.seq), count(*) FILTER (WHERE h.counted), count(*) FILTER (WHERE h.counted AND h.seq > f.seen_up_to)
      INTO changed, counted_ones, unseen_ones FROM hit h;
    IF changed IS NOT NULL THEN
      IF change IN ('read', 'archive') THEN
        counted_ones := -counted_ones;
        unseen_ones := -unseen_ones;
      END IF;
      RETURN QUERY SELECT * FROM ${schema}.log_state(f.id,
        CASE change WHEN 'archive' THEN 'feed.archived' WHEN 'unarchive' THEN 'feed.unarchived' ELSE 'feed.' || change END,
        '"ids":' || to_json(changed)::text, counted_ones, unseen_ones, moment);
      RETURN;
    END IF;
  END IF;

${unchanged(schema)}
END
$change$`;
}

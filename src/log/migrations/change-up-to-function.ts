import {
  CHANGE_SETTINGS,
  counted,
  isArchived,
  isRead,
  lockFeed,
  MOMENT,
  RESULT,
  shown,
  unchanged,
} from './change-parts.js';

/**
 * Raises a watermark. Under the lock only the exceptions below it are updated, which were made one by one;
 * the counters follow from counting the smaller of
 * two ranges: the one newly covered, or the one above it.
 */
export function changeUpTo(schema: string): string {
  return `
CREATE OR REPLACE FUNCTION ${schema}.change_up_to(tenant text, recipient text, change text, of_epoch text, up_to bigint)
RETURNS ${RESULT} LANGUAGE plpgsql ${CHANGE_SETTINGS}
AS $change$
#variable_conflict use_column
DECLARE
  f ${schema}.feed%ROWTYPE;
  moment timestamptz;
  -- What lies at or below was covered before, but for its exceptions.
  covered bigint;
  visible boolean;
  exceptions integer := 0;
  unseen_exceptions integer := 0;
  unread_after integer;
  unseen_after integer;
BEGIN
${lockFeed(schema)}
  IF of_epoch <> f.epoch OR up_to > f.head THEN
    outcome := CASE WHEN of_epoch <> f.epoch THEN 'epoch' ELSE 'ahead' END;
    RETURN NEXT;
    RETURN;
  END IF;
  moment := ${MOMENT};
  covered := greatest(f.floor, CASE change WHEN 'read' THEN f.read_up_to WHEN 'archive' THEN f.archived_up_to ELSE f.seen_up_to END);

  -- From the newest down: what is not covered yet is most likely there.
  CASE change
    WHEN 'read' THEN
      visible := EXISTS (SELECT FROM ${schema}.entry e WHERE e.feed_id = f.id AND e.seq > f.floor AND e.seq <= up_to AND e.unread_again AND ${shown('e')})
              OR (SELECT true FROM ${schema}.entry e WHERE e.feed_id = f.id AND e.seq > covered AND e.seq <= up_to AND ${shown('e')}
                     AND NOT ${isRead(schema, 'e')} ORDER BY e.seq DESC LIMIT 1);
    WHEN 'archive' THEN
      visible := EXISTS (SELECT FROM ${schema}.entry e WHERE e.feed_id = f.id AND e.seq > f.floor AND e.seq <= up_to AND e.unarchived AND ${shown('e')})
              OR (SELECT true FROM ${schema}.entry e WHERE e.feed_id = f.id AND e.seq > covered AND e.seq <= up_to AND ${shown('e')}
                     AND NOT ${isArchived(schema, 'e')} ORDER BY e.seq DESC LIMIT 1);
    WHEN 'seen' THEN
      visible := (SELECT true FROM ${schema}.entry e WHERE e.feed_id = f.id AND e.seq > covered AND e.seq <= up_to AND ${shown('e')}
                     AND NOT ${isRead(schema, 'e')} AND NOT ${isArchived(schema, 'e')} ORDER BY e.seq DESC LIMIT 1);
  END CASE;
  visible := coalesce(visible, false);

  -- The bell was opened, though nothing new was there: one that is made unread again later is not unseen again.
  IF visible OR (change = 'seen' AND up_to > covered) THEN
    IF change = 'read' THEN
      WITH hit AS (
        UPDATE ${schema}.entry e SET unread_again = false, read_at = moment
         WHERE e.feed_id = f.id AND e.seq > f.floor AND e.seq <= up_to AND e.unread_again
        RETURNING e.seq, NOT e.hidden AND NOT ${isArchived(schema, 'e')} AS counted
      )
      SELECT count(*) FILTER (WHERE h.counted), count(*) FILTER (WHERE h.counted AND h.seq > f.seen_up_to)
        INTO exceptions, unseen_exceptions FROM hit h;
    ELSIF change = 'archive' THEN
      WITH hit AS (
        UPDATE ${schema}.entry e SET unarchived = false, archived_at = moment
         WHERE e.feed_id = f.id AND e.seq > f.floor AND e.seq <= up_to AND e.unarchived
        RETURNING e.seq, NOT e.hidden AND NOT ${isRead(schema, 'e')} AS counted
      )
      SELECT count(*) FILTER (WHERE h.counted), count(*) FILTER (WHERE h.counted AND h.seq > f.seen_up_to)
        INTO exceptions, unseen_exceptions FROM hit h;
    END IF;

    IF f.head - up_to < up_to - covered THEN
      SELECT count(*), count(*) FILTER (WHERE e.seq > f.seen_up_to) INTO unread_after, unseen_after
        FROM ${schema}.entry e WHERE e.feed_id = f.id AND e.seq > up_to AND ${counted(schema, 'e')};
    ELSE
      SELECT f.unread - exceptions - count(*), f.unseen - unseen_exceptions - count(*) FILTER (WHERE e.seq > f.seen_up_to)
        INTO unread_after, unseen_after
        FROM ${schema}.entry e WHERE e.feed_id = f.id AND e.seq > covered AND e.seq <= up_to AND ${counted(schema, 'e')};
    END IF;
    IF change = 'seen' THEN unread_after := f.unread; END IF;

    -- Only if a notification needs it: otherwise marking as read and as unread again would add a row each time.
    IF change = 'read' AND EXISTS (
      SELECT FROM ${schema}.entry e WHERE e.feed_id = f.id AND e.seq > covered AND e.seq <= up_to AND e.id IS NOT NULL
    ) THEN
      INSERT INTO ${schema}.read_mark (feed_id, up_to, at) VALUES (f.id, up_to, moment);
    END IF;
    UPDATE ${schema}.feed t
       SET read_up_to = CASE change WHEN 'read' THEN greatest(t.read_up_to, up_to) ELSE t.read_up_to END,
           archived_up_to = CASE change WHEN 'archive' THEN greatest(t.archived_up_to, up_to) ELSE t.archived_up_to END,
           seen_up_to = CASE change WHEN 'seen' THEN greatest(t.seen_up_to, up_to) ELSE t.seen_up_to END,
           unread = unread_after, unseen = unseen_after
     WHERE t.id = f.id;
    IF visible THEN
      RETURN QUERY SELECT * FROM ${schema}.log_state(f.id,
        CASE change WHEN 'archive' THEN 'feed.archived' ELSE 'feed.' || change END,
        '"upTo":"' || f.epoch || '-' || up_to || '"', 0, 0, moment);
      RETURN;
    END IF;
  END IF;

${unchanged(schema)}
END
$change$`;
}

import { isAudience } from './audience-functions.js';
import { CHANGE_SETTINGS } from './change-parts.js';

/**
 * The function that trims feeds, each under its lock; feeds locked elsewhere are left to the next sweep.
 *
 * Parameters: feed ids; the time before which entries are old (null: none is); the most notifications that a
 * feed keeps (null: any number); the most changes of state that it keeps; the most rows of a feed to delete
 * in this call. Result: for each feed that was not locked, the number of deleted rows.
 *
 * Notifications are deleted from the low end only, with everything below, and `floor` and the counters move
 * in the same transaction: no reader ever sees missing rows above the floor. Changes of state that are too
 * many are deleted from between the notifications, which stay; `replay_floor` rises over them, and a cursor
 * below it is reported as expired. So changing the state of notifications never pushes notifications out.
 *
 *     floor                replay_floor                        head
 *       |  notifications only   |  notifications and changes     |
 *
 * It reads what it deletes, and a row more.
 */
export function trimFunction(schema: string): string {
  return `
CREATE OR REPLACE FUNCTION ${schema}.trim_feeds(feeds bigint[], oldest timestamptz, most integer, most_states integer, batch integer)
RETURNS TABLE (feed_id bigint, trimmed integer) LANGUAGE plpgsql ${CHANGE_SETTINGS}
AS $trim$
#variable_conflict use_column
DECLARE
  f ${schema}.feed%ROWTYPE;
  -- The oldest entry, and the numbers that this call may delete up to.
  low bigint;
  top bigint;
  -- Everything up to here is deleted.
  last bigint;
  excess integer;
  found_ones integer;
  place bigint;
  gone record;
  states bigint;
BEGIN
  FOR f IN SELECT * FROM ${schema}.feed t WHERE t.id = ANY (feeds) ORDER BY t.id FOR NO KEY UPDATE SKIP LOCKED LOOP
    feed_id := f.id;
    trimmed := 0;
    last := f.floor;
    low := (SELECT e.seq FROM ${schema}.entry e WHERE e.feed_id = f.id AND e.seq > f.floor ORDER BY e.seq LIMIT 1);
    top := least(f.head, low + batch - 1);

    -- By age: up to the first that is not old. Times follow the numbers.
    IF oldest IS NOT NULL AND low IS NOT NULL THEN
      place := (SELECT e.seq FROM ${schema}.entry e
                 WHERE e.feed_id = f.id AND e.seq BETWEEN low AND top AND e.created_at >= oldest ORDER BY e.seq LIMIT 1);
      last := CASE WHEN place > low THEN place - 1 WHEN place IS NULL THEN top ELSE f.floor END;
    END IF;

    -- By number.
    excess := f.kept - most;
    IF excess > 0 THEN
      SELECT count(*), max(n.seq) INTO found_ones, place FROM (
        SELECT e.seq FROM ${schema}.entry e
         WHERE e.feed_id = f.id AND e.seq BETWEEN low AND top AND e.id IS NOT NULL ORDER BY e.seq LIMIT excess
      ) n;
      last := greatest(last, CASE WHEN found_ones < excess THEN top ELSE place END);
    END IF;

    IF last > f.floor THEN
      WITH deleted AS (
        DELETE FROM ${schema}.entry e WHERE e.feed_id = f.id AND e.seq BETWEEN low AND last
        RETURNING e.id IS NOT NULL AS is_notification, e.seq > f.seen_up_to AS is_unseen,
                  e.id IS NOT NULL AND NOT e.hidden
                    AND NOT ${schema}.is_read(e.read_at, e.unread_again, e.seq, f.read_up_to)
                    AND NOT ${schema}.is_archived(e.archived_at, e.unarchived, e.seq, f.archived_up_to) AS is_unread
      )
      SELECT count(*)::integer AS n, (count(*) FILTER (WHERE d.is_notification))::integer AS notifications,
             (count(*) FILTER (WHERE d.is_unread))::integer AS unread,
             (count(*) FILTER (WHERE d.is_unread AND d.is_unseen))::integer AS unseen INTO gone FROM deleted d;
      DELETE FROM ${schema}.read_mark m WHERE m.feed_id = f.id AND m.up_to <= last;
      trimmed := gone.n;
      f.kept := f.kept - gone.notifications;
      f.unread := f.unread - gone.unread;
      f.unseen := f.unseen - gone.unseen;
      -- Numbers without a row: changes of state that were deleted earlier.
      f.compacted := f.compacted - (last - f.floor - gone.n);
      f.floor := last;
    END IF;

    -- The changes of an audience are its recalls: members that have not looked need them, and each hides one entry.
    states := CASE WHEN ${isAudience('f')} THEN 0 ELSE f.head - f.floor - f.kept - f.compacted END;
    IF states > most_states THEN
      WITH deleted AS (
        DELETE FROM ${schema}.entry e WHERE e.feed_id = f.id AND e.seq IN (
          SELECT s.seq FROM ${schema}.entry s
           WHERE s.feed_id = f.id AND s.seq > greatest(f.floor, f.replay_floor) AND s.id IS NULL
           ORDER BY s.seq LIMIT least(states - most_states, batch))
        RETURNING e.seq
      )
      SELECT count(*)::integer AS n, max(d.seq) AS last INTO gone FROM deleted d;
      trimmed := trimmed + gone.n;
      states := states - gone.n;
      f.compacted := f.compacted + gone.n;
      f.replay_floor := gone.last;
    END IF;

    UPDATE ${schema}.feed t
       SET floor = f.floor, replay_floor = f.replay_floor, kept = f.kept, unread = f.unread, unseen = f.unseen, compacted = f.compacted,
           oldest_at = o.oldest_at, touched_at = CASE WHEN o.oldest_at IS NULL THEN greatest(now(), t.touched_at) ELSE t.touched_at END
      FROM (
        SELECT CASE WHEN f.kept > most OR states > most_states THEN '-infinity' -- The rest is for another call.
                    ELSE (SELECT e.created_at FROM ${schema}.entry e
                           WHERE e.feed_id = f.id AND e.seq > f.floor ORDER BY e.seq LIMIT 1) END AS oldest_at
      ) o
     WHERE t.id = f.id;
    RETURN NEXT;
  END LOOP;
END
$trim$`;
}

import { CHANGE_SETTINGS, isArchived, isRead, MOMENT, shown } from './change-parts.js';
import { jsonTime, wireTime } from './item-json-function.js';
import { erasureOf } from './tombstone-functions.js';

/**
 * Chooses an action of a notification, once, and marks it as read. A snoozed notification comes back first.
 *
 * Parameters: the feed; the id; the action; whether a job is to be made of it, which then is in `action_outbox`
 * after the commit. Result: one row for each new entry, the last with the notification; or one row with the
 * outcome
 *
 * - `same`: this action was chosen before, `at` that time;
 * - `conflict`: another action was, `chosen`;
 * - `unknown`: there is no such notification in the feed (any more), or an erasure is about to empty it;
 * - `no action`: it has no such action that can be chosen; `choices` can be;
 * - `link`: the action is a link.
 */
export function actFunction(schema: string): string {
  return `
CREATE OR REPLACE FUNCTION ${schema}.act(tenant text, recipient text, notification uuid, wanted text, enqueue boolean)
RETURNS TABLE (
  outcome text, epoch text, head bigint, seq bigint, type text, entry_json text, unread integer, unseen integer,
  chosen text, at text, item text, choices text[]
) LANGUAGE plpgsql ${CHANGE_SETTINGS}
AS $act$
#variable_conflict use_column
DECLARE
  f ${schema}.feed%ROWTYPE;
  e ${schema}.entry%ROWTYPE;
  s ${schema}.snoozed%ROWTYPE;
  erasure timestamptz;
  moment timestamptz;
  place bigint;
  actions json;
  link text;
  counted integer;
BEGIN
  outcome := 'unknown';
  SELECT * INTO f FROM ${schema}.feed t WHERE t.tenant = $1 AND t.recipient = $2 FOR NO KEY UPDATE;
  IF NOT FOUND THEN RETURN NEXT; RETURN; END IF;
  erasure := ${erasureOf(schema, 'f')};
  IF f.created_at <= erasure AND (f.erased_at < erasure) IS NOT FALSE THEN RETURN NEXT; RETURN; END IF;
  moment := ${MOMENT};
  epoch := f.epoch;
  head := f.head;
  place := (${schema}.present_places(f.id, ARRAY[${schema}.place_of(notification)]))[1];
  SELECT * INTO e FROM ${schema}.entry x WHERE x.feed_id = f.id AND x.seq = place AND x.seq > f.floor AND x.id = notification;
  SELECT * INTO s FROM ${schema}.snoozed x
   WHERE x.feed_id = f.id AND x.place = ${schema}.place_of(notification) AND x.id = notification
     AND (x.expires_at IS NULL OR x.expires_at > moment);
  chosen := coalesce(s.action, e.action);
  at := ${wireTime('coalesce(s.acted_at, e.acted_at)')};
  IF chosen IS NOT NULL THEN
    outcome := CASE WHEN chosen = wanted THEN 'same' ELSE 'conflict' END;
    SELECT f.unread - d.unread, f.unseen - d.unseen INTO unread, unseen
      FROM ${schema}.due_counts(f.id, f.floor, f.read_up_to, f.archived_up_to, f.seen_up_to, moment) d;
    RETURN NEXT;
    RETURN;
  END IF;
  IF s.id IS NULL AND (${shown('e')}) IS NOT TRUE THEN RETURN NEXT; RETURN; END IF;

  actions := coalesce(CASE WHEN s.id IS NULL THEN e.content ELSE s.content END -> 'actions', '[]');
  SELECT a ->> 'link' INTO link FROM json_array_elements(actions) AS a WHERE a ->> 'id' = wanted;
  IF NOT FOUND OR link IS NOT NULL THEN
    outcome := CASE WHEN link IS NULL THEN 'no action' ELSE 'link' END;
    choices := ARRAY(SELECT a ->> 'id' FROM json_array_elements(actions) AS a WHERE a ->> 'link' IS NULL);
    RETURN NEXT;
    RETURN;
  END IF;

  IF s.id IS NOT NULL THEN
    FOR outcome, epoch, head, seq, type, entry_json IN
      SELECT r.outcome, r.epoch, r.head, r.seq, r.type, r.entry_json FROM ${schema}.return_snoozed(f.id, ARRAY[s.place], moment) r
    LOOP
      RETURN NEXT;
    END LOOP;
    place := seq;
    SELECT * INTO f FROM ${schema}.feed t WHERE t.id = f.id;
    SELECT * INTO e FROM ${schema}.entry x WHERE x.feed_id = f.id AND x.seq = place;
  END IF;
  counted := (NOT ${isRead(schema, 'e')} AND NOT ${isArchived(schema, 'e')})::integer;
  UPDATE ${schema}.entry x
     SET action = wanted, acted_at = moment, unread_again = false,
         read_at = CASE WHEN ${isRead(schema, 'e')} THEN x.read_at ELSE moment END
   WHERE x.feed_id = f.id AND x.seq = place;
  SELECT l.outcome, l.epoch, l.head, l.seq, l.type, l.entry_json, l.unread, l.unseen
    INTO outcome, epoch, head, seq, type, entry_json, unread, unseen
    FROM ${schema}.log_state(f.id, 'feed.acted',
      '"ids":["' || notification || '"],"action":"' || wanted || '","at":' || ${jsonTime('moment')},
      -counted, CASE WHEN e.seq > f.seen_up_to THEN -counted ELSE 0 END, moment) l;
  chosen := wanted;
  at := ${wireTime('moment')};
  item := ${schema}.item_json(
    e.type, e.id, f.epoch, e.seq, e.title, e.body, e.link, e.data, e.version, e.created_at,
    CASE WHEN ${isRead(schema, 'e')} THEN ${schema}.read_time(f.id, e.read_at, e.unread_again, e.seq, f.read_up_to) ELSE moment END,
    e.count, e.replaces, e.content, e.category, wanted, moment);
  IF enqueue THEN
    INSERT INTO ${schema}.action_outbox (feed_id, id, action, acted_at, item) VALUES (f.id, notification, wanted, moment, item);
  END IF;
  RETURN NEXT;
END
$act$`;
}

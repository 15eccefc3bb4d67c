import { RESULT } from './change-parts.js';
import { oldestAt } from './oldest-at.js';

/** A change of more notifications than this is stored as ranges of places, a few bytes each, instead of ids. */
const MOST_STORED_IDS = 50;
/** A UUID, its quotes and a comma. */
const TEXT_OF_AN_ID = 39;

/**
 * Moves the counters and appends the entry that reports it; `members` go between type and counts in its JSON.
 * The feed must be locked.
 *
 * A change of many ids is stored without them, but with the ranges of places that it covers; reading it puts
 * the ids back (`read/feed-reader.ts`). A range ends at a notification that did not change, and goes on over
 * changes of state. Removals keep their ids: they may have to be reported after the retention has trimmed the
 * notifications, and a notification is removed once only. So do those that are snoozed, which are few.
 */
export function logState(schema: string): string {
  return `
CREATE OR REPLACE FUNCTION ${schema}.log_state(
  feed bigint, state text, members text, unread_change integer, unseen_change integer, moment timestamptz
) RETURNS ${RESULT} LANGUAGE plpgsql
AS $state$
#variable_conflict use_column
DECLARE
  f ${schema}.feed%ROWTYPE;
  changed bigint[];
  ranges int8multirange;
BEGIN
  -- What was confirmed must survive a crash, whatever the server's default is.
  IF current_setting('synchronous_commit') IN ('off', 'local') THEN
    PERFORM set_config('synchronous_commit', 'on', true);
  END IF;
  UPDATE ${schema}.feed t
     SET head = t.head + 1, unread = t.unread + unread_change, unseen = t.unseen + unseen_change,
         oldest_at = ${oldestAt('t', '(t.head + 1)')}
   WHERE t.id = feed RETURNING t.* INTO f;
  SELECT f.unread - d.unread, f.unseen - d.unseen INTO unread, unseen
    FROM ${schema}.due_counts(f.id, f.floor, f.read_up_to, f.archived_up_to, f.seen_up_to, moment) d;
  entry_json := '{"type":"' || state || '",' || members || ',"unread":' || unread || ',"unseen":' || unseen || '}';
  IF state NOT IN ('feed.removed', 'feed.snoozed') AND octet_length(members) > ${MOST_STORED_IDS * TEXT_OF_AN_ID} THEN
    changed := ${schema}.present_places(f.id, ARRAY(
      SELECT ${schema}.place_of(i.id::uuid) FROM json_array_elements_text(entry_json::json -> 'ids') AS i (id)));
    SELECT range_agg(r.covered) INTO ranges FROM (
      SELECT int8range(min(n.seq), max(n.seq), '[]') AS covered
        FROM (SELECT e.seq, e.seq = ANY (changed) AS hit, count(*) FILTER (WHERE e.seq <> ALL (changed)) OVER (ORDER BY e.seq) AS misses
                FROM ${schema}.entry e
               WHERE e.feed_id = f.id AND e.id IS NOT NULL
                 AND e.seq BETWEEN (SELECT min(c) FROM unnest(changed) c) AND (SELECT max(c) FROM unnest(changed) c)) n
       WHERE n.hit GROUP BY n.misses
    ) r;
  END IF;
  INSERT INTO ${schema}.entry (feed_id, seq, type, data, created_at, bytes, changed_places)
  VALUES (f.id, f.head, state,
          CASE WHEN ranges IS NULL THEN entry_json
               ELSE '{"type":"' || state || '","ids":[],"unread":' || unread || ',"unseen":' || unseen || '}' END::json,
          moment, octet_length(entry_json) + 100, ranges);
  outcome := 'changed';
  epoch := f.epoch;
  head := f.head;
  seq := f.head;
  type := state;
  RETURN NEXT;
END
$state$`;
}

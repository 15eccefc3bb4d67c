import { oldestAt } from './oldest-at.js';
import { erasureOf } from './tombstone-functions.js';

/**
 * The functions that change the state of notifications. Each is one round trip and one transaction, with one
 * log entry that describes the change as on the wire, with the counts after it.
 *
 * Each first locks the feed's row in a statement of its own, waiting up to `lock_timeout`; later reads are on
 * a newer snapshot (READ COMMITTED). `append` never waits while it holds locks, and each of these holds a
 * single lock, so nothing can deadlock.
 *
 * The result of the functions for recipients is one row:
 *
 * - `changed`: `seq` and `entry_json` are those of the new entry;
 * - `same`: nothing had to change; `head` and the counts are the current ones;
 * - `missing`: the feed does not exist;
 * - `unknown`: `unknown_ids` are not in this feed; nothing was done;
 * - `epoch`, `ahead`: the position is of another epoch, or beyond the head; nothing was done.
 */
export function changeFunctions(schema: string): string[] {
  return [
    logState(schema),
    hide(schema),
    changeByIds(schema),
    changeUpTo(schema),
    recall(schema),
    expireFunction(schema),
  ];
}

export const CHANGE_SIGNATURES = [
  'expire(bigint[], integer)',
  'recall(text, text, bytea)',
  'change_up_to(text, text, text, text, bigint)',
  'change_by_ids(text, text, text, uuid[])',
  'hide(bigint, bigint[], text, timestamptz)',
  'log_state(bigint, text, text, integer, integer, timestamptz)',
];

/** The longest wait for a feed's lock. */
const LOCK_TIMEOUT = '3s';

/**
 * Makes the planner use indexes: plans inside a function are cached, and one made while a feed was small
 * would scan or sort it forever.
 */
export const CHANGE_SETTINGS = `
SET lock_timeout = '${LOCK_TIMEOUT}'
SET enable_seqscan = off
SET enable_bitmapscan = off
SET enable_hashjoin = off
SET enable_mergejoin = off`;

export const RESULT = `TABLE (
  outcome text, epoch text, head bigint, seq bigint, type text, entry_json text, unread integer, unseen integer, unknown_ids uuid[]
)`;

/** Read under the feed's lock, like every time in the log, so that times follow the order of the numbers. */
export const MOMENT = `date_trunc('milliseconds', clock_timestamp())`;

/** Whether an entry is visible at this moment. */
export const shown = (e: string): string =>
  `${e}.id IS NOT NULL AND NOT ${e}.hidden AND (${e}.expires_at IS NULL OR ${e}.expires_at > moment)`;
export const isRead = (schema: string, e: string): string =>
  `${schema}.is_read(${e}.read_at, ${e}.unread_again, ${e}.seq, f.read_up_to)`;
export const isArchived = (schema: string, e: string): string =>
  `${schema}.is_archived(${e}.archived_at, ${e}.unarchived, ${e}.seq, f.archived_up_to)`;
/** Whether the feed's counters include it. */
const counted = (schema: string, e: string): string =>
  `${e}.id IS NOT NULL AND NOT ${e}.hidden AND NOT ${isRead(schema, e)} AND NOT ${isArchived(schema, e)}`;

/** A change of more notifications than this is stored as ranges of places, a few bytes each, instead of ids. */
export const MOST_STORED_IDS = 50;
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
function logState(schema: string): string {
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

/**
 * Hides those of these entries that are not hidden yet, for good, and forgets those of them that are snoozed:
 * these are found by the number in their id. The feed must be locked. Result: nothing if all were hidden.
 */
function hide(schema: string): string {
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

/**
 * Statements that find notifications of the feed by `ids`: the numbers of those that are visible in `places`,
 * those of snoozed ones, as in their ids, in `snoozed_ones`. They end the function if an id is unknown.
 *
 * By the places in the ids, so that no plan can come to another way. What lies at the place of an unknown id
 * is found too, but then nothing is changed.
 */
export const findByIds = (schema: string): string => `\
  snoozed_ones := ARRAY(SELECT ${schema}.place_of(i.id) FROM unnest(ids) AS i (id));
  places := ${schema}.present_places(f.id, snoozed_ones);
  SELECT array_agg(e.id), array_agg(e.seq) FILTER (WHERE ${shown('e')}) INTO known, places
    FROM ${schema}.entry e WHERE e.feed_id = f.id AND e.seq = ANY (places) AND e.seq > f.floor;
  SELECT known || array_agg(s.id), array_agg(s.place) INTO known, snoozed_ones FROM ${schema}.snoozed s
   WHERE s.feed_id = f.id AND s.place = ANY (snoozed_ones);
  SELECT array_agg(u.id) INTO unknown_ids FROM (SELECT unnest(ids) EXCEPT SELECT unnest(known)) AS u (id);
  IF unknown_ids IS NOT NULL THEN outcome := 'unknown'; RETURN NEXT; RETURN; END IF;`;

function changeByIds(schema: string): string {
  return `
CREATE OR REPLACE FUNCTION ${schema}.change_by_ids(tenant text, recipient text, change text, ids uuid[])
RETURNS ${RESULT} LANGUAGE plpgsql ${CHANGE_SETTINGS}
AS $change$
#variable_conflict use_column
DECLARE
  f ${schema}.feed%ROWTYPE;
  moment timestamptz;
  places bigint[];
  known uuid[];
  snoozed_ones bigint[];
  changed uuid[];
  counted_ones integer;
  unseen_ones integer;
BEGIN
  SELECT * INTO f FROM ${schema}.feed t WHERE t.tenant = $1 AND t.recipient = $2 FOR NO KEY UPDATE;
  IF NOT FOUND THEN outcome := 'missing'; RETURN NEXT; RETURN; END IF;
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

  outcome := 'same';
  epoch := f.epoch;
  head := f.head;
  SELECT f.unread - d.unread, f.unseen - d.unseen INTO unread, unseen
    FROM ${schema}.due_counts(f.id, f.floor, f.read_up_to, f.archived_up_to, f.seen_up_to, moment) d;
  RETURN NEXT;
END
$change$`;
}

/**
 * Raises a watermark. Under the lock only the exceptions below it are updated, which were made one by one;
 * the counters follow from counting the smaller of
 * two ranges: the one newly covered, or the one above it.
 */
function changeUpTo(schema: string): string {
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
  SELECT * INTO f FROM ${schema}.feed t WHERE t.tenant = $1 AND t.recipient = $2 FOR NO KEY UPDATE;
  IF NOT FOUND THEN outcome := 'missing'; RETURN NEXT; RETURN; END IF;
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

  outcome := 'same';
  epoch := f.epoch;
  head := f.head;
  SELECT t.unread - d.unread, t.unseen - d.unseen INTO unread, unseen
    FROM ${schema}.feed t, ${schema}.due_counts(t.id, t.floor, t.read_up_to, t.archived_up_to, t.seen_up_to, moment) d
   WHERE t.id = f.id;
  RETURN NEXT;
END
$change$`;
}

/**
 * Recalls the notification with this dedupe key; if there is none yet, takes the key with the number 0, so
 * that a late job is dropped. Result: the outcome
 * `missing` (the feed does not exist), `prevented`, `gone`, or `changed` with the new entry.
 *
 * An erased recipient must not get a row with the name again. The row is made and deleted within this
 * transaction, only as the lock under which the key is taken: an append of the same key first creates the
 * row, and so waits.
 */
function recall(schema: string): string {
  return `
CREATE OR REPLACE FUNCTION ${schema}.recall(tenant text, recipient text, key bytea)
RETURNS ${RESULT} LANGUAGE plpgsql ${CHANGE_SETTINGS}
AS $recall$
#variable_conflict use_column
DECLARE
  f ${schema}.feed%ROWTYPE;
  k ${schema}.dedupe_key%ROWTYPE;
  place bigint;
  places bigint[];
  moment timestamptz;
  is_erased boolean := false;
BEGIN
  LOOP
    SELECT * INTO f FROM ${schema}.feed t WHERE t.tenant = $1 AND t.recipient = $2 FOR NO KEY UPDATE;
    EXIT WHEN FOUND;
    is_erased := ${erasureOf(schema, 'recall')} IS NOT NULL;
    IF NOT is_erased THEN outcome := 'missing'; RETURN NEXT; RETURN; END IF;
    INSERT INTO ${schema}.feed (tenant, recipient) VALUES ($1, $2) ON CONFLICT DO NOTHING RETURNING * INTO f;
    EXIT WHEN FOUND;
    is_erased := false;
  END LOOP;
  moment := ${MOMENT};
  -- Under the lock that an append of this key would need, too.
  SELECT * INTO k FROM ${schema}.dedupe_key d WHERE d.hash = key;
  IF NOT FOUND THEN
    IF current_setting('synchronous_commit') IN ('off', 'local') THEN
      PERFORM set_config('synchronous_commit', 'on', true);
    END IF;
    INSERT INTO ${schema}.dedupe_key (hash, feed_id, seq, created_at) VALUES (key, f.id, 0, moment);
    k.seq := 0;
  ELSIF k.feed_id = f.id THEN
    -- Where it is now: it may be snoozed, or have come back with another number.
    place := (${schema}.present_places(f.id, ARRAY[k.seq]))[1];
    places := ARRAY(
      SELECT e.seq FROM ${schema}.entry e
       WHERE e.feed_id = f.id AND e.seq = place AND e.seq > f.floor AND ${shown('e')}
      UNION ALL
      SELECT s.place FROM ${schema}.snoozed s
       WHERE s.feed_id = f.id AND s.place = k.seq AND (s.expires_at IS NULL OR s.expires_at > moment));
    RETURN QUERY SELECT * FROM ${schema}.hide(f.id, places, 'recalled', moment);
    IF FOUND THEN RETURN; END IF;
  END IF;
  IF is_erased THEN DELETE FROM ${schema}.feed t WHERE t.id = f.id; END IF;
  outcome := CASE WHEN k.seq = 0 THEN 'prevented' ELSE 'gone' END;
  RETURN NEXT;
END
$recall$`;
}

/**
 * Hides expired entries of these feeds, up to a limit per feed. Locked feeds are left to the next sweep.
 *
 * @param before Statements for a feed with expired entries at `places`, before these are hidden and reported.
 */
export function expireFunction(schema: string, before = ''): string {
  return `
CREATE OR REPLACE FUNCTION ${schema}.expire(feeds bigint[], most integer)
RETURNS TABLE (feed_id bigint, tenant text, recipient text, epoch text, seq bigint, type text, entry_json text) LANGUAGE plpgsql ${CHANGE_SETTINGS}
AS $expire$
#variable_conflict use_column
DECLARE
  f ${schema}.feed%ROWTYPE;
  moment timestamptz;
  places bigint[];
BEGIN
  FOR f IN SELECT * FROM ${schema}.feed t WHERE t.id = ANY (feeds) ORDER BY t.id FOR NO KEY UPDATE SKIP LOCKED LOOP
    moment := ${MOMENT};
    SELECT array_agg(d.seq) INTO places FROM (
      SELECT e.seq FROM ${schema}.entry e
       WHERE e.feed_id = f.id AND e.seq > f.floor AND e.expires_at <= moment AND NOT e.hidden ORDER BY e.expires_at LIMIT most
    ) d;${before}
    RETURN QUERY
    SELECT f.id, f.tenant, f.recipient, h.epoch, h.seq, h.type, h.entry_json FROM ${schema}.hide(f.id, places, 'expired', moment) h;
  END LOOP;
END
$expire$`;
}

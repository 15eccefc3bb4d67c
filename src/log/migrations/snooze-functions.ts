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
import { jsonTime } from './item-json-function.js';
import { oldestAt } from './oldest-at.js';

/** The most notifications of a feed that are snoozed at the same time: each change of them stores their ids. */
export const MOST_SNOOZED = 100;

/** The columns that a notification has again when it is back. */
const KEPT = [
  ...['id', 'type', 'title', 'body', 'link', 'content', 'category', 'action', 'acted_at', 'data', 'version'],
  ...['expires_at', 'count', 'bytes', 'audience_id', 'audience_seq'],
];
const kept = (of: string): string => KEPT.map((column) => `${of}.${column}`).join(', ');

/**
 * The functions that take notifications out of a feed for a while. A snoozed notification is a row of `snoozed`:
 * the retention of the log does not reach it, and its entry is hidden. It comes back as a new entry with its id
 * and the next number; `origin` is then the number in the id, by which changes and recalls find it.
 *
 *     entry 5 --snooze--> entry 5 hidden, row of `snoozed` --due, unsnooze, act--> entry 12 (origin 5) --snooze--> ...
 *                                                          --expired, deleted, recalled--> forgotten
 *
 * It comes back unread, unseen, not archived, and by itself: a newer notification with its collapse key does not
 * replace it, nor it that one. While it is snoozed, changes other than its removal leave it as it is.
 */
export function snoozeFunctions(schema: string): string[] {
  return [
    presentPlaces(schema),
    returnSnoozed(schema),
    snooze(schema),
    unsnooze(schema),
    wakeSnoozed(schema),
  ];
}

/**
 * The present numbers of notifications, by the numbers in their ids: others for those that came back.
 *
 * The settings leave the planner the one index with these columns. It would otherwise keep a plan that it made while
 * the feed was small: to look through the whole feed for each.
 */
function presentPlaces(schema: string): string {
  return `
CREATE OR REPLACE FUNCTION ${schema}.present_places(feed bigint, places bigint[]) RETURNS bigint[] LANGUAGE sql STABLE
SET enable_seqscan = off
SET enable_bitmapscan = off
SET enable_indexscan = off
AS $places$
  SELECT coalesce(array_agg(coalesce(r.seq, p.place)), '{}')
    FROM unnest(places) AS p (place)
    CROSS JOIN LATERAL (SELECT max(e.seq) AS seq FROM ${schema}.entry e WHERE e.feed_id = feed AND e.origin = p.place) r
$places$`;
}

/**
 * Brings snoozed notifications back, those that were due first at first, or reports that they have expired. The
 * feed must be locked. Result: one row for each new entry, without JSON if it expires.
 */
function returnSnoozed(schema: string): string {
  return `
CREATE OR REPLACE FUNCTION ${schema}.return_snoozed(feed bigint, places bigint[], moment timestamptz)
RETURNS ${RESULT} LANGUAGE plpgsql
AS $return$
#variable_conflict use_column
DECLARE
  f ${schema}.feed%ROWTYPE;
  s ${schema}.snoozed%ROWTYPE;
  added integer := 0;
BEGIN
  IF current_setting('synchronous_commit') IN ('off', 'local') THEN
    PERFORM set_config('synchronous_commit', 'on', true);
  END IF;
  SELECT * INTO f FROM ${schema}.feed t WHERE t.id = feed;
  outcome := 'changed';
  epoch := f.epoch;
  FOR s IN
    WITH back AS (
      DELETE FROM ${schema}.snoozed x
       WHERE x.feed_id = f.id AND x.place = ANY (places) AND (x.expires_at IS NULL OR x.expires_at > moment)
      RETURNING x.*
    )
    SELECT * FROM back b ORDER BY b.until, b.place
  LOOP
    added := added + 1;
    seq := f.head + added;
    head := seq;
    type := s.type;
    INSERT INTO ${schema}.entry (feed_id, seq, created_at, origin, ${KEPT.join(', ')})
    VALUES (f.id, seq, moment, s.place, ${kept('s')});
    entry_json := CASE WHEN s.expires_at IS NULL THEN
      ${schema}.item_json(s.type, s.id, f.epoch, seq, s.title, s.body, s.link, s.data, s.version, moment, NULL, s.count, '{}',
                          s.content, s.category, s.action, s.acted_at) END;
    RETURN NEXT;
  END LOOP;
  UPDATE ${schema}.feed t
     SET head = t.head + added, kept = t.kept + added, unread = t.unread + added, unseen = t.unseen + added,
         oldest_at = ${oldestAt('t', '(t.head + added)')}
   WHERE t.id = f.id AND added > 0;
  RETURN QUERY SELECT * FROM ${schema}.hide(f.id, ARRAY(
    SELECT x.place FROM ${schema}.snoozed x WHERE x.feed_id = f.id AND x.place = ANY (places)), 'expired', moment);
END
$return$`;
}

/**
 * Snoozes notifications, or sets another time for those that are snoozed. Besides the outcomes of
 * `change_by_ids`: `past` and `far`, the time is not in the future, or more than a year away, by the clock of the
 * database; `full`, too many are snoozed.
 */
function snooze(schema: string): string {
  return `
CREATE OR REPLACE FUNCTION ${schema}.snooze(tenant text, recipient text, ids uuid[], wake_at timestamptz)
RETURNS ${RESULT} LANGUAGE plpgsql ${CHANGE_SETTINGS}
AS $snooze$
#variable_conflict use_column
DECLARE
  f ${schema}.feed%ROWTYPE;
  moment timestamptz;
${BY_IDS}
  changed uuid[];
  unread_ones integer;
  unseen_ones integer;
BEGIN
${lockFeed(schema)}
  moment := ${MOMENT};
  IF wake_at <= moment THEN outcome := 'past'; RETURN NEXT; RETURN; END IF;
  IF wake_at > moment + interval '1 year' THEN outcome := 'far'; RETURN NEXT; RETURN; END IF;
${findByIds(schema)}
  IF coalesce(cardinality(places), 0) + (SELECT count(*) FROM ${schema}.snoozed s WHERE s.feed_id = f.id) > ${MOST_SNOOZED} THEN
    outcome := 'full';
    RETURN NEXT;
    RETURN;
  END IF;

  WITH gone AS (
    UPDATE ${schema}.entry e SET hidden = true WHERE e.feed_id = f.id AND e.seq = ANY (places)
    RETURNING e.*, NOT ${isRead(schema, 'e')} AND NOT ${isArchived(schema, 'e')} AS counted
  ),
  added AS (
    INSERT INTO ${schema}.snoozed (feed_id, place, until, due_at, created_at, ${KEPT.join(', ')})
    SELECT g.feed_id, coalesce(g.origin, g.seq), wake_at, least(wake_at, g.expires_at), g.created_at, ${kept('g')} FROM gone g
  ),
  moved AS (
    UPDATE ${schema}.snoozed s SET until = wake_at, due_at = least(wake_at, s.expires_at)
     WHERE s.feed_id = f.id AND s.place = ANY (snoozed_ones) AND s.until <> wake_at
       AND (s.expires_at IS NULL OR s.expires_at > moment)
    RETURNING s.id, s.place
  )
  SELECT array_agg(c.id ORDER BY c.seq), count(*) FILTER (WHERE c.counted), count(*) FILTER (WHERE c.counted AND c.seq > f.seen_up_to)
    INTO changed, unread_ones, unseen_ones
    FROM (SELECT g.id, g.seq, g.counted FROM gone g UNION ALL SELECT m.id, m.place, false FROM moved m) c;
  IF changed IS NOT NULL THEN
    -- A feed with snoozed notifications is not unused, even if nothing else is left in it.
    UPDATE ${schema}.feed t SET touched_at = greatest(t.touched_at, wake_at) WHERE t.id = f.id;
    RETURN QUERY SELECT * FROM ${schema}.log_state(f.id, 'feed.snoozed',
      '"ids":' || to_json(changed)::text || ',"until":' || ${jsonTime('wake_at')}, -unread_ones, -unseen_ones, moment);
    RETURN;
  END IF;

${unchanged(schema)}
END
$snooze$`;
}

/** Brings notifications back before their time. Result: the new entries, and a row `same` with the counts. */
function unsnooze(schema: string): string {
  return `
CREATE OR REPLACE FUNCTION ${schema}.unsnooze(tenant text, recipient text, ids uuid[])
RETURNS ${RESULT} LANGUAGE plpgsql ${CHANGE_SETTINGS}
AS $unsnooze$
#variable_conflict use_column
DECLARE
  f ${schema}.feed%ROWTYPE;
  moment timestamptz;
${BY_IDS}
BEGIN
${lockFeed(schema)}
  moment := ${MOMENT};
${findByIds(schema)}
  RETURN QUERY SELECT * FROM ${schema}.return_snoozed(f.id, snoozed_ones, moment);
${unchanged(schema)}
END
$unsnooze$`;
}

/** Brings back what is due in these feeds, up to a limit per feed. Locked feeds are left to the next sweep. */
function wakeSnoozed(schema: string): string {
  return `
CREATE OR REPLACE FUNCTION ${schema}.wake_snoozed(feeds bigint[], most integer)
RETURNS TABLE (feed_id bigint, tenant text, recipient text, epoch text, seq bigint, type text, entry_json text) LANGUAGE plpgsql ${CHANGE_SETTINGS}
AS $wake$
#variable_conflict use_column
DECLARE
  f ${schema}.feed%ROWTYPE;
  moment timestamptz;
BEGIN
  FOR f IN SELECT * FROM ${schema}.feed t WHERE t.id = ANY (feeds) ORDER BY t.id FOR NO KEY UPDATE SKIP LOCKED LOOP
    moment := ${MOMENT};
    RETURN QUERY
    SELECT f.id, f.tenant, f.recipient, r.epoch, r.seq, r.type, r.entry_json
      FROM ${schema}.return_snoozed(f.id, ARRAY(
        SELECT s.place FROM ${schema}.snoozed s WHERE s.feed_id = f.id AND s.due_at <= moment ORDER BY s.due_at LIMIT most), moment) r;
  END LOOP;
END
$wake$`;
}

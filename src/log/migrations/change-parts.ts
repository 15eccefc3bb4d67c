/** Parts that the functions that change the state of notifications share. */

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
export const counted = (schema: string, e: string): string =>
  `${e}.id IS NOT NULL AND NOT ${e}.hidden AND NOT ${isRead(schema, e)} AND NOT ${isArchived(schema, e)}`;

/** Statements that lock the feed, or end the function if there is none. */
export const lockFeed = (schema: string): string => `\
  SELECT * INTO f FROM ${schema}.feed t WHERE t.tenant = $1 AND t.recipient = $2 FOR NO KEY UPDATE;
  IF NOT FOUND THEN outcome := 'missing'; RETURN NEXT; RETURN; END IF;`;

/** The variables of a function that changes notifications by their ids. */
export const BY_IDS = `\
  places bigint[];
  known uuid[];
  snoozed_ones bigint[];`;

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

/** The row `same`: the head and the counts as they are now. */
export const unchanged = (schema: string): string => `\
  outcome := 'same';
  SELECT t.epoch, t.head, t.unread - d.unread, t.unseen - d.unseen INTO epoch, head, unread, unseen
    FROM ${schema}.feed t, ${schema}.due_counts(t.id, t.floor, t.read_up_to, t.archived_up_to, t.seen_up_to, moment) d
   WHERE t.id = f.id;
  RETURN NEXT;`;

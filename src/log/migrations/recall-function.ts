import { CHANGE_SETTINGS, MOMENT, RESULT, shown } from './change-parts.js';
import { erasureOf } from './tombstone-functions.js';

/**
 * Recalls the notification with this dedupe key; if there is none yet, takes the key with the number 0, so
 * that a late job is dropped. Result: the outcome
 * `missing` (the feed does not exist), `prevented`, `gone`, or `changed` with the new entry.
 *
 * An erased recipient must not get a row with the name again. The row is made and deleted within this
 * transaction, only as the lock under which the key is taken: an append of the same key first creates the
 * row, and so waits.
 */
export function recall(schema: string): string {
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

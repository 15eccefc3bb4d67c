import { CHANGE_SETTINGS, MOMENT } from './change-parts.js';

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

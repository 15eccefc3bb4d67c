import {
  ASSERT_READ_COMMITTED,
  isCancelled,
  PLANNER_SETTINGS,
  WAIT_FOR_THE_DISK,
} from './append-batch-function.js';
import { isMuted } from './muted.js';
import { oldestAt } from './oldest-at.js';
import { erasureOf } from './tombstone-functions.js';

/**
 * The function that appends a single notification without a collapse key: `append_batch` for one item,
 * written with scalars, because there arrays and sets cost several times the append itself. Outcomes and rows
 * are the same, and so are the steps and their order, which are explained there. Here one statement locks and
 * reads the feed: a locked row is returned in its latest version. The dedupe key still needs a later
 * statement of its own.
 *
 * Result: one text, because a call in the select list is planned faster than one in FROM. It has, separated
 * by single spaces, the outcome, the epoch and number if there is an entry, and the JSON of an `appended` one
 * that does not expire.
 */
export function appendOneFunction(schema: string, { cancelled = false, content = false } = {}): string {
  return `
CREATE OR REPLACE FUNCTION ${schema}.append_one(
  tenant text, recipient text, hash bytea, fingerprint bytea, type text, title text, body text, link text, data json,
  version integer, expires_at timestamptz, size integer, mandatory boolean, queued bigint${content ? ', content json, category text' : ''}
) RETURNS text LANGUAGE plpgsql ${PLANNER_SETTINGS}
AS $append$
#variable_conflict use_column
DECLARE
  f record;
  k record;
  erasure timestamptz;
  moment timestamptz;
  seq bigint;
  id uuid;
BEGIN
  ${ASSERT_READ_COMMITTED}
  ${WAIT_FOR_THE_DISK}

  SELECT t.id, t.epoch, t.head, t.muted, t.erased_at INTO f
    FROM ${schema}.feed t WHERE t.tenant = append_one.tenant AND t.recipient = append_one.recipient
     FOR NO KEY UPDATE SKIP LOCKED;
  IF NOT FOUND THEN
    PERFORM FROM ${schema}.feed t WHERE t.tenant = append_one.tenant AND t.recipient = append_one.recipient;
    RETURN CASE WHEN FOUND THEN 'busy' ELSE 'missing' END;
  END IF;

  SELECT d.seq, d.fingerprint INTO k FROM ${schema}.dedupe_key d WHERE d.hash = append_one.hash;
  IF FOUND THEN
    RETURN CASE WHEN k.fingerprint <> append_one.fingerprint THEN 'conflict ' ELSE 'duplicate ' END || f.epoch || ' ' || k.seq;
  END IF;
  ${cancelled ? `IF ${isCancelled(schema, 'append_one.fingerprint', 'queued')} THEN RETURN 'cancelled'; END IF;` : ''}
  erasure := f.erased_at;
  IF f.head = 0 THEN erasure := ${erasureOf(schema, 'append_one')}; END IF;
  IF to_timestamp(queued / 1000.0) <= erasure THEN RETURN 'erased'; END IF;
  IF ${content ? isMuted('type', 'category') : 'type = ANY (f.muted)'} AND NOT mandatory THEN RETURN 'muted'; END IF;

  moment := date_trunc('milliseconds', clock_timestamp());
  seq := f.head + 1;
  id := ${schema}.notification_id((extract(epoch FROM moment) * 1000)::bigint, seq);
  INSERT INTO ${schema}.dedupe_key (hash, feed_id, seq, created_at, fingerprint) VALUES (hash, f.id, seq, moment, fingerprint);
  INSERT INTO ${schema}.entry
    (feed_id, seq, id, type, title, body, link, data, version, created_at, expires_at, bytes${content ? ', content, category' : ''})
  VALUES (f.id, seq, id, type, title, body, link, data, version, moment, expires_at, size${content ? ', content, category' : ''});
  UPDATE ${schema}.feed t
     SET head = seq, kept = t.kept + 1, unread = t.unread + 1, unseen = t.unseen + 1, erased_at = erasure,
         oldest_at = ${oldestAt('t', 'seq')}
   WHERE t.id = f.id;
  RETURN 'appended ' || f.epoch || ' ' || seq || CASE WHEN expires_at IS NULL THEN ' ' ||
    ${schema}.item_json(type, id, f.epoch, seq, title, body, link, data, version, moment, NULL, 1, '{}'
                        ${content ? ', content, category, NULL, NULL' : ''}) ELSE '' END;
END
$append$`;
}

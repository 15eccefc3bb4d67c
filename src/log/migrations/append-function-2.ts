import { oldestAt } from './oldest-at.js';
import { erasureOf } from './tombstone-functions.js';

/**
 * The append function of older code; this code uses `append_batch` and `append_one`. All of them may run
 * concurrently.
 *
 * Parameters: one array per column, all of the same length; item i is `(hashes[i], types[i], ...)`, and its
 * feed is looked up by `(tenants[i], recipients[i])`; `queued` is in milliseconds. Two items of one feed must
 * not have the same collapse key: the second would not see the first. Result: one row per item, in order,
 * with the outcomes of `append_batch` except `conflict`. A key may also be used earlier in the same batch.
 *
 * It differs from `append_batch` in one step: the feeds are locked in a statement of its own, and their heads
 * are read with the dedupe keys, on the new snapshot.
 */
export function appendFunction2(schema: string): string {
  return `
CREATE OR REPLACE FUNCTION ${schema}.append(
  tenants text[], recipients text[], hashes bytea[], types text[], titles text[], bodies text[], links text[], datas json[],
  versions integer[], expiries timestamptz[], collapse_keys text[], sizes integer[], mandatory boolean[], queued bigint[]
) RETURNS TABLE (item bigint, outcome text, feed_epoch text, entry_seq bigint, entry_json text)
LANGUAGE plpgsql
SET enable_seqscan = off
SET enable_hashjoin = off
SET enable_mergejoin = off
SET plan_cache_mode = force_generic_plan
AS $append$
#variable_conflict use_column
DECLARE
  feed_ids bigint[];
  locked bigint[];
  wanted bigint;
  all_locked boolean;
  epochs text[];
  known_seqs bigint[];
  new_seqs bigint[];
  outcomes text[];
  ids uuid[];
  counts integer[];
  replaced uuid[];
  replaced_unseen boolean[];
  moment timestamptz;
  ms bigint;
BEGIN
  IF current_setting('transaction_isolation') <> 'read committed' THEN
    RAISE EXCEPTION 'append needs READ COMMITTED: on an older snapshot it would give out numbers twice'
      USING ERRCODE = 'invalid_transaction_state';
  END IF;
  -- A 202 must survive a crash, whatever the server's default is.
  IF current_setting('synchronous_commit') IN ('off', 'local') THEN
    PERFORM set_config('synchronous_commit', 'on', true);
  END IF;

  SELECT array_agg(f.id ORDER BY i.ord), count(DISTINCT f.id) INTO feed_ids, wanted
    FROM unnest(tenants, recipients) WITH ORDINALITY AS i (tenant, recipient, ord)
    LEFT JOIN ${schema}.feed f ON f.tenant = i.tenant AND f.recipient = i.recipient;

  SELECT coalesce(array_agg(l.id), '{}') INTO locked FROM (
    SELECT f.id FROM ${schema}.feed f WHERE f.id = ANY (feed_ids) ORDER BY f.id FOR NO KEY UPDATE SKIP LOCKED
  ) l;
  -- To look for each feed among those that are locked takes the square of their number.
  all_locked := cardinality(locked) = wanted;

  -- Under the lock, so that times do not run against the numbers; milliseconds, as the wire has them.
  moment := date_trunc('milliseconds', clock_timestamp());
  ms := (extract(epoch FROM moment) * 1000)::bigint;

  SELECT array_agg(n.epoch ORDER BY n.ord), array_agg(n.known_seq ORDER BY n.ord), array_agg(n.outcome ORDER BY n.ord),
         array_agg(n.new_seq ORDER BY n.ord),
         array_agg(CASE WHEN n.new_seq IS NOT NULL THEN ${schema}.notification_id(ms, n.new_seq) END ORDER BY n.ord)
    INTO epochs, known_seqs, outcomes, new_seqs, ids
    FROM (
      SELECT m.*,
             CASE WHEN m.fresh
                  THEN m.head + count(*) FILTER (WHERE m.fresh) OVER (PARTITION BY m.feed_id ORDER BY m.ord)
             END AS new_seq
        FROM (
          SELECT o.*, o.outcome = 'appended'
                        AND row_number() OVER (PARTITION BY o.hash, o.outcome = 'appended' ORDER BY o.ord) = 1 AS fresh
            FROM (
              SELECT i.ord, i.feed_id, i.hash, f.epoch, f.head, k.seq AS known_seq,
                     CASE WHEN i.feed_id IS NULL THEN 'missing'
                          WHEN f.id IS NULL THEN 'busy'
                          WHEN k.hash IS NOT NULL THEN 'duplicate'
                          WHEN to_timestamp(i.queued / 1000.0)
                               <= CASE WHEN f.head = 0 THEN ${erasureOf(schema, 'f')} ELSE f.erased_at END THEN 'erased'
                          WHEN i.type = ANY (f.muted) AND NOT i.mandatory THEN 'muted'
                          ELSE 'appended' END AS outcome
                FROM unnest(feed_ids, hashes, types, mandatory, queued)
                     WITH ORDINALITY AS i (feed_id, hash, type, mandatory, queued, ord)
                LEFT JOIN ${schema}.feed f ON f.id = i.feed_id AND (all_locked OR f.id = ANY (locked))
                LEFT JOIN ${schema}.dedupe_key k ON k.hash = i.hash
            ) o
        ) m
    ) n;

  IF cardinality(array_remove(collapse_keys, NULL)) > 0 THEN
    WITH old AS (
      SELECT DISTINCT ON (i.feed_id, i.collapse_key) i.ord, i.feed_id, e.seq, e.id, e.count, e.seq > f.seen_up_to AS unseen
        FROM unnest(feed_ids, new_seqs, collapse_keys) WITH ORDINALITY AS i (feed_id, new_seq, collapse_key, ord)
        JOIN ${schema}.feed f ON f.id = i.feed_id
        CROSS JOIN LATERAL (
          SELECT e.* FROM ${schema}.entry e
           WHERE e.feed_id = i.feed_id AND e.collapse_key = i.collapse_key AND e.collapse_key IS NOT NULL AND NOT e.hidden
             AND e.seq > f.floor AND (e.expires_at IS NULL OR e.expires_at > moment)
             AND NOT ${schema}.is_read(e.read_at, e.unread_again, e.seq, f.read_up_to)
             AND NOT ${schema}.is_archived(e.archived_at, e.unarchived, e.seq, f.archived_up_to)
           ORDER BY e.seq DESC LIMIT 1
        ) e
       WHERE i.new_seq IS NOT NULL
       ORDER BY i.feed_id, i.collapse_key, i.ord
    ),
    hid AS (
      UPDATE ${schema}.entry e SET hidden = true FROM old WHERE e.feed_id = old.feed_id AND e.seq = old.seq
    )
    SELECT array_agg(old.count + 1 ORDER BY i.ord), array_agg(old.id ORDER BY i.ord), array_agg(old.unseen ORDER BY i.ord)
      INTO counts, replaced, replaced_unseen
      FROM unnest(new_seqs) WITH ORDINALITY AS i (new_seq, ord) LEFT JOIN old ON old.ord = i.ord;
  END IF;

  INSERT INTO ${schema}.dedupe_key (hash, feed_id, seq, created_at)
  SELECT i.hash, i.feed_id, i.seq, moment
    FROM unnest(hashes, feed_ids, new_seqs) AS i (hash, feed_id, seq)
   WHERE i.seq IS NOT NULL;

  INSERT INTO ${schema}.entry
    (feed_id, seq, id, type, title, body, link, data, version, created_at, expires_at, collapse_key, count, replaces, bytes)
  SELECT i.feed_id, i.seq, i.id, i.type, i.title, i.body, i.link, i.data, i.version, moment, i.expires_at,
         i.collapse_key, coalesce(i.count, 1), CASE WHEN i.replaced IS NULL THEN '{}' ELSE ARRAY[i.replaced] END, i.bytes
    FROM unnest(feed_ids, new_seqs, ids, types, titles, bodies, links, datas, versions, expiries, collapse_keys, counts, replaced, sizes)
         AS i (feed_id, seq, id, type, title, body, link, data, version, expires_at, collapse_key, count, replaced, bytes)
   WHERE i.seq IS NOT NULL;

  UPDATE ${schema}.feed f
     SET head = n.head, kept = f.kept + n.added, unread = f.unread + n.added - n.replaced,
         unseen = f.unseen + n.added - n.replaced_unseen, oldest_at = ${oldestAt('f', 'n.head')},
         erased_at = CASE WHEN f.head = 0 THEN ${erasureOf(schema, 'f')} ELSE f.erased_at END
    FROM (
      SELECT i.feed_id, max(i.seq) AS head, count(*)::integer AS added, count(i.replaced)::integer AS replaced,
             (count(*) FILTER (WHERE i.unseen))::integer AS replaced_unseen
        FROM unnest(feed_ids, new_seqs, replaced, replaced_unseen) AS i (feed_id, seq, replaced, unseen)
       WHERE i.seq IS NOT NULL
       GROUP BY i.feed_id
    ) n
   WHERE f.id = n.feed_id;

  RETURN QUERY
  SELECT i.ord,
         -- A key that is twice in this batch.
         CASE WHEN i.outcome = 'appended' AND i.new_seq IS NULL THEN 'duplicate' ELSE i.outcome END,
         i.epoch,
         -- It got its number from its first place.
         coalesce(i.new_seq, i.known_seq, max(i.new_seq) OVER (PARTITION BY i.hash)),
         CASE WHEN i.new_seq IS NOT NULL AND i.expires_at IS NULL THEN
           ${schema}.item_json(i.type, i.id, i.epoch, i.new_seq, i.title, i.body, i.link, i.data, i.version, moment, NULL,
                               coalesce(i.count, 1), CASE WHEN i.replaced IS NULL THEN '{}' ELSE ARRAY[i.replaced] END)
         END
    FROM unnest(hashes, epochs, known_seqs, new_seqs, outcomes, ids, types, titles, bodies, links, datas, versions, expiries, counts,
                replaced)
         WITH ORDINALITY AS i (hash, epoch, known_seq, new_seq, outcome, id, type, title, body, link, data, version, expires_at,
                               count, replaced, ord)
   ORDER BY i.ord;
END
$append$`;
}

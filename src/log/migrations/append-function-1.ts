/** The append function before there was a read state; see `append-function-2.ts` for how it works. */
export function appendFunction1(schema: string): string {
  return `
CREATE OR REPLACE FUNCTION ${schema}.append(
  tenants text[], recipients text[], hashes bytea[], ids uuid[], types text[], titles text[], bodies text[],
  links text[], datas json[], versions integer[], expiries timestamptz[], collapse_keys text[], sizes integer[]
) RETURNS TABLE (item bigint, outcome text, feed_epoch text, entry_seq bigint, entry_json text)
LANGUAGE plpgsql
SET enable_seqscan = off
SET enable_hashjoin = off
SET enable_mergejoin = off
AS $append$
#variable_conflict use_column
DECLARE
  feed_ids bigint[];
  locked bigint[];
  epochs text[];
  known_seqs bigint[];
  new_seqs bigint[];
  moment timestamptz;
BEGIN
  IF current_setting('transaction_isolation') <> 'read committed' THEN
    RAISE EXCEPTION 'append needs READ COMMITTED: on an older snapshot it would give out numbers twice'
      USING ERRCODE = 'invalid_transaction_state';
  END IF;
  -- A 202 must survive a crash, whatever the server's default is.
  IF current_setting('synchronous_commit') IN ('off', 'local') THEN
    PERFORM set_config('synchronous_commit', 'on', true);
  END IF;

  SELECT array_agg(f.id ORDER BY i.ord) INTO feed_ids
    FROM unnest(tenants, recipients) WITH ORDINALITY AS i (tenant, recipient, ord)
    LEFT JOIN ${schema}.feed f ON f.tenant = i.tenant AND f.recipient = i.recipient;

  SELECT coalesce(array_agg(l.id), '{}') INTO locked FROM (
    SELECT f.id FROM ${schema}.feed f WHERE f.id = ANY (feed_ids) ORDER BY f.id FOR NO KEY UPDATE SKIP LOCKED
  ) l;

  -- Under the lock, so that times do not run against the numbers; milliseconds, as the wire has them.
  moment := date_trunc('milliseconds', clock_timestamp());

  SELECT array_agg(n.epoch ORDER BY n.ord), array_agg(n.known_seq ORDER BY n.ord), array_agg(n.new_seq ORDER BY n.ord)
    INTO epochs, known_seqs, new_seqs
    FROM (
      SELECT m.ord, m.epoch, m.known_seq,
             CASE WHEN m.fresh
                  THEN m.head + count(*) FILTER (WHERE m.fresh) OVER (PARTITION BY m.feed_id ORDER BY m.ord)
             END AS new_seq
        FROM (
          SELECT i.ord, i.feed_id, f.epoch, f.head, k.seq AS known_seq,
                 f.id IS NOT NULL AND k.hash IS NULL
                   AND row_number() OVER (PARTITION BY i.hash ORDER BY i.ord) = 1 AS fresh
            FROM unnest(feed_ids, hashes) WITH ORDINALITY AS i (feed_id, hash, ord)
            LEFT JOIN ${schema}.feed f ON f.id = i.feed_id AND f.id = ANY (locked)
            LEFT JOIN ${schema}.dedupe_key k ON k.hash = i.hash
        ) m
    ) n;

  INSERT INTO ${schema}.dedupe_key (hash, feed_id, seq, created_at)
  SELECT i.hash, i.feed_id, i.seq, moment
    FROM unnest(hashes, feed_ids, new_seqs) AS i (hash, feed_id, seq)
   WHERE i.seq IS NOT NULL;

  INSERT INTO ${schema}.entry
    (feed_id, seq, id, type, title, body, link, data, version, created_at, expires_at, collapse_key, bytes)
  SELECT i.feed_id, i.seq, i.id, i.type, i.title, i.body, i.link, i.data, i.version, moment, i.expires_at,
         i.collapse_key, i.bytes
    FROM unnest(feed_ids, new_seqs, ids, types, titles, bodies, links, datas, versions, expiries, collapse_keys, sizes)
         AS i (feed_id, seq, id, type, title, body, link, data, version, expires_at, collapse_key, bytes)
   WHERE i.seq IS NOT NULL;

  UPDATE ${schema}.feed f
     SET head = n.head, kept = f.kept + n.added, unread = f.unread + n.added, unseen = f.unseen + n.added
    FROM (
      SELECT i.feed_id, max(i.seq) AS head, count(*)::integer AS added
        FROM unnest(feed_ids, new_seqs) AS i (feed_id, seq)
       WHERE i.seq IS NOT NULL
       GROUP BY i.feed_id
    ) n
   WHERE f.id = n.feed_id;

  RETURN QUERY
  SELECT i.ord,
         CASE WHEN i.feed_id IS NULL THEN 'missing'
              WHEN i.epoch IS NULL THEN 'busy'
              WHEN i.new_seq IS NOT NULL THEN 'appended'
              ELSE 'duplicate' END,
         i.epoch,
         -- A key that is twice in this batch got its number from its first place.
         coalesce(i.new_seq, i.known_seq, max(i.new_seq) OVER (PARTITION BY i.hash)),
         CASE WHEN i.new_seq IS NOT NULL THEN
           ${schema}.item_json(i.type, i.id, i.epoch, i.new_seq, i.title, i.body, i.link, i.data, i.version, moment, NULL, 1, '{}')
         END
    FROM unnest(feed_ids, hashes, epochs, known_seqs, new_seqs, ids, types, titles, bodies, links, datas, versions)
         WITH ORDINALITY AS i (feed_id, hash, epoch, known_seq, new_seq, id, type, title, body, link, data, version, ord)
   ORDER BY i.ord;
END
$append$`;
}

import { CATEGORY_MARK } from './muted.js';
import { oldestAt } from './oldest-at.js';
import { erasureOf } from './tombstone-functions.js';

/**
 * Makes the planner use indexes: plans inside a function are cached, and one made while the tables were empty
 * would scan them forever. Also makes it plan
 * once per session: by default it plans for each call, as if the length of the arrays mattered, which takes
 * as long as appending a single notification.
 */
export const PLANNER_SETTINGS = `
SET enable_seqscan = off
SET enable_hashjoin = off
SET enable_mergejoin = off
SET plan_cache_mode = force_generic_plan`;

export const ASSERT_READ_COMMITTED = `
  IF current_setting('transaction_isolation') <> 'read committed' THEN
    RAISE EXCEPTION 'append needs READ COMMITTED: on an older snapshot it would give out numbers twice'
      USING ERRCODE = 'invalid_transaction_state';
  END IF;`;

/** A notification reported as delivered must survive a crash, whatever the server's default. */
export const WAIT_FOR_THE_DISK = `
  IF current_setting('synchronous_commit') IN ('off', 'local') THEN
    PERFORM set_config('synchronous_commit', 'on', true);
  END IF;`;

/** Whether the job with this fingerprint was cancelled, in an expression; see cancel-job-function.ts. */
export function isCancelled(schema: string, fingerprint: string, queued: string): string {
  return `EXISTS (SELECT FROM ${schema}.cancelled_job c WHERE c.fingerprint = ${fingerprint} AND ${queued} <= c.queued_up_to)`;
}

/** Whether one of the batch's jobs may be cancelled: without a reference to the item, so that it is looked up once. */
function isAnyCancelled(schema: string): string {
  return `(SELECT EXISTS (SELECT FROM ${schema}.cancelled_job c WHERE c.fingerprint = ANY (fingerprints)))`;
}

/**
 * The function that appends a batch, of any number of jobs, in one round trip.
 *
 * Parameters: the feeds, each once, as `(tenants[n], recipients[n])`; then one array per column, all of the
 * same length: item i is `(feeds[i], hashes[i], ...)`, where `feeds[i]` is the index of its feed; `queued` is
 * in milliseconds. Two items must not have the same hash, nor two of one feed the same collapse key: the
 * second would not see the first. Result: one row per item, in order:
 *
 * - `appended`: committed with this transaction at `seq`, with its JSON, unless it expires;
 * - `duplicate`: the key was used before, at `seq`; 0 if it was recalled before it was used;
 * - `conflict`: as `duplicate`, but the key was used with another fingerprint;
 * - `muted`: the recipient has muted this type; nothing was done, and the key is still free;
 * - `cancelled`: the job was cancelled; nothing was done;
 * - `erased`: the job is older than the recipient's erasure; nothing was done;
 * - `busy`: the feed is locked by another transaction; nothing was done;
 * - `missing`: the feed has no row yet; nothing was done.
 *
 * Numbers have no holes and follow commit order, whoever else writes, because:
 *
 * 1. The feeds' rows are locked in the order of their ids, and read: a locked row is returned in its latest
 * version. Locked feeds are skipped instead of waited for, so that one of them does not delay the rest of the
 * batch; and a transaction that never waits while it holds locks cannot deadlock.
 * 2. Only then the dedupe keys are read, in a new statement and thus (READ COMMITTED) on a new snapshot. In
 * one statement with the lock, the snapshot would be older than the lock.
 * 3. Keys, entries and heads are written and committed together.
 *
 * An item with a collapse key replaces the newest entry with the same key that is visible, unread and not
 * archived: that entry is hidden, and the new one counts for both. Read entries stay: the user has seen them.
 *
 * Tombstones are looked up for a feed's first append only, and then kept in its row: an erasure commits its
 * tombstone before it looks for the row, so that one of the two always sees the other.
 *
 * Cancelled jobs are looked up after the lock, too, which a cancellation holds when it commits.
 *
 * Items are accessed by subscript: plpgsql finds an element of its arrays at once, while `unnest` copies each
 * array into a table in each statement. The query of a loop is the exception: a cursor gets flat copies,
 * where reading the last element passes all others.
 */
export function appendBatchFunction(schema: string, { cancelled = false, content = false } = {}): string {
  return `
CREATE OR REPLACE FUNCTION ${schema}.append_batch(
  tenants text[], recipients text[], feeds integer[], hashes bytea[], fingerprints bytea[], types text[], titles text[], bodies text[],
  links text[], datas json[], versions integer[], expiries timestamptz[], collapse_keys text[], sizes integer[], mandatory boolean[],
  queued bigint[]${content ? ', contents json[], categories text[]' : ''}
) RETURNS TABLE (outcome text, feed_epoch text, entry_seq bigint, entry_json text) LANGUAGE plpgsql ${PLANNER_SETTINGS}
AS $append$
#variable_conflict use_column
DECLARE
  f record;
  feed_count integer := cardinality(tenants);
  item_count integer := cardinality(hashes);
  feed_ids bigint[] := array_fill(NULL::bigint, ARRAY[feed_count]);
  epochs text[] := array_fill(NULL::text, ARRAY[feed_count]);
  heads bigint[] := array_fill(NULL::bigint, ARRAY[feed_count]);
  erasures timestamptz[] := array_fill(NULL::timestamptz, ARRAY[feed_count]);
  locked integer := 0;
  muting_feeds integer[] := '{}';
  muted_types text[] := '{}';
  outcomes text[];
  known_seqs bigint[];
  new_seqs bigint[];
  ids uuid[];
  counts integer[];
  replaced uuid[];
  replaced_unseen boolean[];
  moment timestamptz;
  ms bigint;
BEGIN
  ${ASSERT_READ_COMMITTED}
  ${WAIT_FOR_THE_DISK}

  FOR f IN
    SELECT i.n, t.id, t.epoch, t.head, t.muted, t.erased_at
      FROM unnest(tenants, recipients) WITH ORDINALITY AS i (tenant, recipient, n)
      JOIN ${schema}.feed t ON t.tenant = i.tenant AND t.recipient = i.recipient
     ORDER BY t.id FOR NO KEY UPDATE OF t SKIP LOCKED
  LOOP
    locked := locked + 1;
    feed_ids[f.n] := f.id;
    epochs[f.n] := f.epoch;
    heads[f.n] := f.head;
    IF f.erased_at IS NOT NULL THEN erasures[f.n] := f.erased_at; END IF;
    IF f.muted <> '{}' THEN
      muting_feeds := muting_feeds || array_fill(f.n::integer, ARRAY[cardinality(f.muted)]);
      muted_types := muted_types || f.muted;
    END IF;
  END LOOP;
  IF 0 = ANY (heads) THEN
    SELECT array_agg(CASE WHEN heads[i.n] = 0 THEN ${erasureOf(schema, 'i')} ELSE erasures[i.n] END ORDER BY i.n) INTO erasures
      FROM unnest(tenants, recipients) WITH ORDINALITY AS i (tenant, recipient, n);
  END IF;

  -- Under the lock, so that times do not run against the numbers; milliseconds, as the wire has them.
  moment := date_trunc('milliseconds', clock_timestamp());
  ms := (extract(epoch FROM moment) * 1000)::bigint;

  SELECT array_agg(n.outcome ORDER BY n.i), array_agg(n.known_seq ORDER BY n.i), array_agg(n.new_seq ORDER BY n.i),
         array_agg(CASE WHEN n.new_seq IS NOT NULL THEN ${schema}.notification_id(ms, n.new_seq) END ORDER BY n.i)
    INTO outcomes, known_seqs, new_seqs, ids
    FROM (
      SELECT o.*,
             CASE WHEN o.outcome = 'appended'
                  THEN heads[o.feed] + count(*) FILTER (WHERE o.outcome = 'appended') OVER (PARTITION BY o.feed ORDER BY o.i)
             END AS new_seq
        FROM (
          SELECT i.i, feeds[i.i] AS feed, k.seq AS known_seq,
                 CASE WHEN feed_ids[feeds[i.i]] IS NULL THEN 'busy'
                      WHEN k.fingerprint <> fingerprints[i.i] THEN 'conflict'
                      WHEN k.hash IS NOT NULL THEN 'duplicate'
                      ${cancelled ? `WHEN ${isAnyCancelled(schema)} AND ${isCancelled(schema, 'fingerprints[i.i]', 'queued[i.i]')} THEN 'cancelled'` : ''}
                      WHEN to_timestamp(queued[i.i] / 1000.0) <= erasures[feeds[i.i]] THEN 'erased'
                      WHEN feeds[i.i] = ANY (muting_feeds) AND NOT mandatory[i.i]
                           AND EXISTS (SELECT FROM unnest(muting_feeds, muted_types) AS m (feed, type)
                                        WHERE m.feed = feeds[i.i] AND m.type IN (types[i.i]${content ? `, '${CATEGORY_MARK}' || categories[i.i]` : ''})) THEN 'muted'
                      ELSE 'appended' END AS outcome
            FROM generate_series(1, item_count) AS i (i)
            LEFT JOIN ${schema}.dedupe_key k ON k.hash = hashes[i.i]
        ) o
    ) n;

  IF locked < feed_count THEN
    SELECT array_agg(CASE WHEN feed_ids[feeds[i.i]] IS NULL AND t.id IS NULL THEN 'missing' ELSE outcomes[i.i] END ORDER BY i.i) INTO outcomes
      FROM generate_series(1, item_count) AS i (i)
      LEFT JOIN ${schema}.feed t ON t.tenant = tenants[feeds[i.i]] AND t.recipient = recipients[feeds[i.i]];
  END IF;

  IF cardinality(array_remove(collapse_keys, NULL)) > 0 THEN
    FOR f IN WITH old AS (
      SELECT i.i, e.feed_id, e.seq, e.id, e.count, e.seq > t.seen_up_to AS unseen
        FROM unnest(feeds, new_seqs, collapse_keys) WITH ORDINALITY AS i (feed, new_seq, collapse_key, i)
        JOIN ${schema}.feed t ON t.id = feed_ids[i.feed]
        CROSS JOIN LATERAL (
          SELECT e.* FROM ${schema}.entry e
           WHERE e.feed_id = t.id AND e.collapse_key = i.collapse_key AND e.collapse_key IS NOT NULL AND NOT e.hidden
             AND e.seq > t.floor AND (e.expires_at IS NULL OR e.expires_at > moment)
             AND NOT ${schema}.is_read(e.read_at, e.unread_again, e.seq, t.read_up_to)
             AND NOT ${schema}.is_archived(e.archived_at, e.unarchived, e.seq, t.archived_up_to)
           ORDER BY e.seq DESC LIMIT 1
        ) e
       WHERE i.new_seq IS NOT NULL AND i.collapse_key IS NOT NULL
    ),
    hid AS (
      UPDATE ${schema}.entry e SET hidden = true FROM old WHERE e.feed_id = old.feed_id AND e.seq = old.seq
    )
    SELECT * FROM old
    LOOP
      counts[f.i] := f.count + 1;
      replaced[f.i] := f.id;
      replaced_unseen[f.i] := f.unseen;
    END LOOP;
  END IF;

  INSERT INTO ${schema}.dedupe_key (hash, feed_id, seq, created_at, fingerprint)
  SELECT hashes[i.i], feed_ids[feeds[i.i]], new_seqs[i.i], moment, fingerprints[i.i]
    FROM generate_series(1, item_count) AS i (i) WHERE new_seqs[i.i] IS NOT NULL;

  INSERT INTO ${schema}.entry
    (feed_id, seq, id, type, title, body, link, data, version, created_at, expires_at, collapse_key, count, replaces, bytes
     ${content ? ', content, category' : ''})
  SELECT feed_ids[feeds[i.i]], new_seqs[i.i], ids[i.i], types[i.i], titles[i.i], bodies[i.i], links[i.i], datas[i.i], versions[i.i], moment,
         expiries[i.i], collapse_keys[i.i], coalesce(counts[i.i], 1), array_remove(ARRAY[replaced[i.i]], NULL), sizes[i.i]
         ${content ? ', contents[i.i], categories[i.i]' : ''}
    FROM generate_series(1, item_count) AS i (i) WHERE new_seqs[i.i] IS NOT NULL;

  UPDATE ${schema}.feed t
     SET head = n.head, kept = t.kept + n.added, unread = t.unread + n.added - n.replaced,
         unseen = t.unseen + n.added - n.replaced_unseen, erased_at = erasures[n.feed], oldest_at = ${oldestAt('t', 'n.head')}
    FROM (
      SELECT feeds[i.i] AS feed, max(new_seqs[i.i]) AS head, count(*)::integer AS added, count(replaced[i.i])::integer AS replaced,
             (count(*) FILTER (WHERE replaced_unseen[i.i]))::integer AS replaced_unseen
        FROM generate_series(1, item_count) AS i (i) WHERE new_seqs[i.i] IS NOT NULL
       GROUP BY feeds[i.i]
    ) n
   WHERE t.id = feed_ids[n.feed];

  RETURN QUERY
  SELECT outcomes[i.i], epochs[feeds[i.i]], coalesce(new_seqs[i.i], known_seqs[i.i]),
         CASE WHEN new_seqs[i.i] IS NOT NULL AND expiries[i.i] IS NULL THEN
           ${schema}.item_json(types[i.i], ids[i.i], epochs[feeds[i.i]], new_seqs[i.i], titles[i.i], bodies[i.i], links[i.i], datas[i.i],
                               versions[i.i], moment, NULL, coalesce(counts[i.i], 1), array_remove(ARRAY[replaced[i.i]], NULL)
                               ${content ? ', contents[i.i], categories[i.i], NULL, NULL' : ''})
         END
    FROM generate_series(1, item_count) AS i (i)
   ORDER BY i.i;
END
$append$`;
}

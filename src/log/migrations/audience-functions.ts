import { MOST_DROPPED } from '../../contract/ports/support.js';
import { isMuted } from './muted.js';
import { oldestAt } from './oldest-at.js';
import { ASSERT_READ_COMMITTED, PLANNER_SETTINGS, WAIT_FOR_THE_DISK } from './append-batch-function.js';

/** Bytes of entries after which a call of `take_audiences` stops; the caller calls it again for the rest. */
const MAX_BYTES = 4 * 1024 * 1024;

/** The audience of all recipients of a tenant, see contract/model/audience.ts. */
const EVERYBODY = `'all'`;

/** The recipient in the key of an audience's log, see contract/model/audience.ts. */
const recipientOf = (name: string): string => `chr(1) || ${name}`;

/** Whether this row of `feed` is the log of an audience. */
export const isAudience = (feed: string): string => `starts_with(${feed}.recipient, chr(1))`;

/**
 * The functions that take entries of audiences into the feeds of their members.
 *
 * The row of a feed has two arrays: `audiences`, the ids of the audiences it was seen with, and `taken`, for each
 * the number up to which it has taken. They are in the feed's row because its opening and its lock read that row
 * anyway, and because they must go with it.
 */
export function audienceFunctions(schema: string): string[] {
  return [takenUpTo(schema), pendingAudiences(schema), takeAudiences(schema)];
}

export const AUDIENCE_SIGNATURES = [
  'take_audiences(text[], text[], text[], text[], text[], integer, bigint[], bigint[], text[], text[], text[], text[])',
  'pending_audiences(text[], text, bigint[], bigint[])',
  'taken_up_to(bigint, text, bigint, bigint, timestamptz, timestamptz, bigint[], bigint[])',
];

/**
 * The number up to which a feed has taken an audience. At first sight it has taken everything that is older: of
 * `all`, to which every recipient always belongs, what is older than the feed; of any other, what is there now. A
 * feed that is older than `all` itself has taken nothing of it.
 */
function takenUpTo(schema: string): string {
  return `
CREATE FUNCTION ${schema}.taken_up_to(
  audience bigint, name text, head bigint, floor bigint, audience_since timestamptz, feed_since timestamptz, audiences bigint[],
  taken bigint[]
) RETURNS bigint LANGUAGE sql STABLE
AS $$
  SELECT coalesce(
    taken[array_position(audiences, audience)],
    CASE WHEN name <> ${EVERYBODY} THEN head
         WHEN feed_since <= audience_since THEN 0
         ELSE coalesce((SELECT e.seq FROM ${schema}.entry e WHERE e.feed_id = audience AND e.created_at <= feed_since
                         ORDER BY e.seq DESC LIMIT 1), floor) END)
$$`;
}

/**
 * Whether a feed with these columns has anything to take from these audiences; also true if it must remember that
 * it is seen with one for the first time. Part of the query that opens the feed, on its snapshot, so that an opening
 * with nothing to take costs no round trip more, and one lookup by a unique index for each audience.
 */
function pendingAudiences(schema: string): string {
  return `
CREATE FUNCTION ${schema}.pending_audiences(names text[], tenant text, audiences bigint[], taken bigint[])
RETURNS boolean LANGUAGE plpgsql STABLE SET enable_seqscan = off
AS $pending$
DECLARE
  a record;
  name text;
  known bigint;
BEGIN
  FOREACH name IN ARRAY names LOOP
    SELECT x.id, x.head INTO a FROM ${schema}.feed x
     WHERE x.tenant = pending_audiences.tenant AND x.recipient = ${recipientOf('name')};
    IF NOT FOUND THEN
      -- Nothing was ever announced to everybody, and the first sight of that is the feed's creation.
      CONTINUE WHEN name = ${EVERYBODY};
      RETURN true;
    END IF;
    known := pending_audiences.taken[array_position(pending_audiences.audiences, a.id)];
    IF known IS NULL AND name = ${EVERYBODY} THEN
      -- Also if nothing is newer than the feed: what the retention removes later is counted from here.
      IF a.head > 0 THEN RETURN true; END IF;
    ELSIF known IS NULL OR a.head > known THEN
      RETURN true;
    END IF;
  END LOOP;
  RETURN false;
END
$pending$`;
}

/**
 * Takes what is newer in the audiences of these feeds into them: as ordinary entries with the feeds' own next
 * numbers, in the order of each audience (and of the times, across audiences), in one transaction with the number up
 * to which each feed has taken.
 *
 * Parameters: the feeds, each once, as \`(tenants[n], recipients[n])\`; \`memberships[n]\` are the names of its
 * audiences (the text of an array), \`locales[n]\` its language (null: entries are taken as they were published); the
 * types that cannot be muted; the maximum entries of one audience for one feed; and entries rendered in other
 * languages. Result: rows about the feed \`nth\`:
 *
 * - \`taken\`: a new entry, with its JSON unless it expires; \`removed\`: an entry that reports a recall, or a gap;
 * - \`more\`: not everything was taken: more than one call takes, or not rendered yet in the language of the feed;
 * - \`missing\`: the audience \`type\` has no row yet, so its first sight could not be recorded;
 * - \`busy\`: the feed is locked by another transaction; nothing was done.
 *
 * Each entry is taken once, because \`taken\` is read and written under the feed's lock, and the audience's entries
 * are read by statements after it, on newer snapshots. An audience's row is not locked: its numbers have no holes
 * and follow commit order, so what is read of it up to a number is complete. As an append, it never waits while it
 * holds locks.
 *
 * Passed over are entries that are hidden in the audience (recalled, or replaced by a newer one), expired, or muted.
 * A recall is an entry of the audience, too, and hides what the feed has taken. Numbers that the audience's retention
 * has removed are reported as \`feed.missed\`.
 */
export function takeAudiences(schema: string, { content = false } = {}): string {
  return `
CREATE OR REPLACE FUNCTION ${schema}.take_audiences(
  tenants text[], recipients text[], memberships text[], locales text[], mandatory text[], most integer,
  rendered_of bigint[], rendered_seqs bigint[], rendered_in text[], titles text[], bodies text[], links text[]${content ? ', contents json[]' : ''}
) RETURNS TABLE (outcome text, nth integer, epoch text, seq bigint, type text, entry_json text) LANGUAGE plpgsql ${PLANNER_SETTINGS}
SET enable_bitmapscan = off
AS $take$
#variable_conflict use_column
DECLARE
  f record;
  a record;
  e record;
  old record;
  locked integer[] := '{}';
  left_bytes bigint := ${MAX_BYTES};
  moment timestamptz;
  ms bigint;
  ids bigint[];
  numbers bigint[];
  names text[];
  gaps bigint[];
  place integer;
  waiting integer[];
  heads bigint[];
  stopped integer[];
  recalled bigint[];
  added integer;
  replaced integer;
  replaced_unseen integer;
  variant integer;
  id uuid;
  title text;
  body text;
  link text;
  content json;
  size integer;
  count integer;
  replaces uuid[];
  drops boolean;
BEGIN
  ${ASSERT_READ_COMMITTED}
  ${WAIT_FOR_THE_DISK}

  FOR f IN
    SELECT i.n::integer AS n, t.*
      FROM unnest(tenants, recipients) WITH ORDINALITY AS i (tenant, recipient, n)
      JOIN ${schema}.feed t ON t.tenant = i.tenant AND t.recipient = i.recipient
     ORDER BY t.id FOR NO KEY UPDATE OF t SKIP LOCKED
  LOOP
    locked := locked || f.n;
    nth := f.n;
    epoch := f.epoch;
    ids := coalesce(f.audiences, '{}');
    drops := false;
    gaps := '{}';
    numbers := coalesce(f.taken, '{}');
    names := array_fill(NULL::text, ARRAY[cardinality(numbers)]);
    waiting := '{}';
    heads := '{}';
    FOR a IN
      SELECT m.name, x.id, x.head, x.floor, x.created_at
        FROM unnest(memberships[f.n]::text[]) AS m (name)
        LEFT JOIN ${schema}.feed x ON x.tenant = f.tenant AND x.recipient = ${recipientOf('m.name')}
    LOOP
      IF a.id IS NULL THEN
        -- Nothing was ever announced to everybody, and the first sight of that is the feed's creation.
        CONTINUE WHEN a.name = ${EVERYBODY};
        outcome := 'missing'; type := a.name; seq := NULL; entry_json := NULL; RETURN NEXT;
        CONTINUE;
      END IF;
      place := array_position(ids, a.id);
      IF place IS NULL THEN
        numbers := numbers || ${schema}.taken_up_to(a.id, a.name, a.head, a.floor, a.created_at, f.created_at, ids, numbers);
        ids := ids || a.id;
        place := cardinality(ids);
      END IF;
      names[place] := a.name;
      IF a.head > numbers[place] THEN
        waiting := waiting || place;
        heads := heads || a.head;
        -- Reached at once where nothing is kept.
        IF a.floor = a.head THEN gaps[place] := a.head - numbers[place]; numbers[place] := a.head; END IF;
      END IF;
    END LOOP;
    CONTINUE WHEN waiting = '{}' AND ids = coalesce(f.audiences, '{}');

    -- Under the lock, so that times do not run against the numbers; milliseconds, as the wire has them.
    moment := date_trunc('milliseconds', clock_timestamp());
    ms := (extract(epoch FROM moment) * 1000)::bigint;
    stopped := '{}';
    recalled := '{}';
    added := 0;
    replaced := 0;
    replaced_unseen := 0;
    FOR e IN
      SELECT w.place, numbers[w.place] AS since, x.*, max(x.created_at) OVER (PARTITION BY w.place ORDER BY x.seq) AS at
        FROM unnest(waiting) AS w (place)
        CROSS JOIN LATERAL (
          SELECT * FROM ${schema}.entry y WHERE y.feed_id = ids[w.place] AND y.seq > numbers[w.place] ORDER BY y.seq LIMIT most
        ) x
       ORDER BY at, w.place, x.seq
    LOOP
      CONTINUE WHEN e.place = ANY (stopped);
      variant := NULL;
      IF e.id IS NOT NULL AND NOT e.hidden AND locales[f.n] IS NOT NULL THEN
        SELECT r.n INTO variant FROM unnest(rendered_of, rendered_seqs, rendered_in) WITH ORDINALITY AS r (audience, seq, locale, n)
         WHERE r.audience = e.feed_id AND r.seq = e.seq AND r.locale = locales[f.n];
      END IF;
      IF left_bytes <= 0 OR (variant IS NULL AND locales[f.n] IS NOT NULL AND e.id IS NOT NULL AND NOT e.hidden) THEN
        stopped := stopped || e.place;
        CONTINUE;
      END IF;
      IF e.seq > numbers[e.place] + 1 THEN
        gaps[e.place] := coalesce(gaps[e.place], 0) + e.seq - numbers[e.place] - 1;
      END IF;
      numbers[e.place] := e.seq;

      IF e.id IS NULL THEN
        -- Hidden at the end, with one entry for all of them.
        recalled := recalled || ARRAY(
          SELECT c.seq FROM ${schema}.entry c
           WHERE c.feed_id = f.id AND c.audience_id = e.feed_id AND c.seq > f.floor AND NOT c.hidden
             AND (c.expires_at IS NULL OR c.expires_at > moment)
             AND c.audience_seq = ANY (ARRAY(SELECT ${schema}.place_of(u.id::uuid) FROM json_array_elements_text(e.data -> 'ids') AS u (id)))
          UNION ALL
          SELECT s.place FROM ${schema}.snoozed s
           WHERE s.feed_id = f.id AND s.audience_id = e.feed_id AND (s.expires_at IS NULL OR s.expires_at > moment)
             AND s.audience_seq = ANY (ARRAY(SELECT ${schema}.place_of(u.id::uuid) FROM json_array_elements_text(e.data -> 'ids') AS u (id))));
        CONTINUE;
      END IF;
      CONTINUE WHEN e.hidden;
      IF e.expires_at <= moment OR (${isMuted('e.type', 'e.category')} AND e.type <> ALL (mandatory)) THEN
        INSERT INTO ${schema}.dropped (feed_id, reason, type, job_id, at)
        VALUES (f.id, CASE WHEN e.expires_at <= moment THEN 'expired' ELSE 'muted' END, e.type,
                'audience:' || names[e.place] || ':' || e.seq, moment);
        drops := true;
        CONTINUE;
      END IF;

      title := e.title;
      body := e.body;
      link := e.link;
      content := e.content;
      size := e.bytes;
      IF variant IS NOT NULL THEN
        title := titles[variant];
        body := bodies[variant];
        link := links[variant];
        ${content ? 'content := contents[variant];' : ''}
        size := size + octet_length(title) + coalesce(octet_length(body), 0) + coalesce(octet_length(link), 0)
              + coalesce(octet_length(content::text), 0)
              - octet_length(e.title) - coalesce(octet_length(e.body), 0) - coalesce(octet_length(e.link), 0)
              - coalesce(octet_length(e.content::text), 0);
      END IF;
      left_bytes := left_bytes - size;
      count := e.count;
      replaces := '{}';
      IF e.collapse_key IS NOT NULL THEN
        -- Of those that this one stands for in the audience, only those that the feed has not taken.
        IF count > 1 THEN
          SELECT least(e.count, count(*)) INTO count FROM ${schema}.entry x
           WHERE x.feed_id = e.feed_id AND x.seq > e.since AND x.seq <= e.seq AND x.collapse_key = e.collapse_key;
        END IF;
        SELECT o.* INTO old FROM ${schema}.entry o
         WHERE o.feed_id = f.id AND o.collapse_key = e.collapse_key AND NOT o.hidden AND o.seq <> ALL (recalled)
           AND o.seq > f.floor AND (o.expires_at IS NULL OR o.expires_at > moment)
           AND NOT ${schema}.is_read(o.read_at, o.unread_again, o.seq, f.read_up_to)
           AND NOT ${schema}.is_archived(o.archived_at, o.unarchived, o.seq, f.archived_up_to)
         ORDER BY o.seq DESC LIMIT 1;
        IF FOUND THEN
          UPDATE ${schema}.entry o SET hidden = true WHERE o.feed_id = f.id AND o.seq = old.seq;
          count := count + old.count;
          replaces := ARRAY[old.id];
          replaced := replaced + 1;
          IF old.seq > f.seen_up_to THEN replaced_unseen := replaced_unseen + 1; END IF;
        END IF;
      END IF;

      added := added + 1;
      seq := f.head + added;
      id := ${schema}.notification_id(ms, seq);
      INSERT INTO ${schema}.entry
        (feed_id, seq, id, type, title, body, link, data, version, created_at, expires_at, collapse_key, count, replaces, bytes,
         audience_id, audience_seq, content, category)
      VALUES (f.id, seq, id, e.type, title, body, link, e.data, e.version, moment, e.expires_at, e.collapse_key, count, replaces, size,
              e.feed_id, e.seq, content, e.category);
      outcome := 'taken';
      type := e.type;
      entry_json := CASE WHEN e.expires_at IS NULL THEN
        ${schema}.item_json(e.type, id, f.epoch, seq, title, body, link, e.data, e.version, moment, NULL, count, replaces,
                            content, e.category, NULL, NULL) END;
      RETURN NEXT;
    END LOOP;

    UPDATE ${schema}.feed t
       SET head = t.head + added, kept = t.kept + added, unread = t.unread + added - replaced,
           unseen = t.unseen + added - replaced_unseen, audiences = ids, taken = numbers,
           oldest_at = CASE WHEN added = 0 THEN t.oldest_at ELSE ${oldestAt('t', '(t.head + added)')} END
     WHERE t.id = f.id;
    IF drops THEN
      DELETE FROM ${schema}.dropped d
       WHERE d.feed_id = f.id
         AND d.id <= (SELECT o.id FROM ${schema}.dropped o WHERE o.feed_id = f.id ORDER BY o.id DESC OFFSET ${MOST_DROPPED} LIMIT 1);
    END IF;

    outcome := 'removed';
    FOR place IN 1 .. cardinality(ids) LOOP
      CONTINUE WHEN coalesce(gaps[place], 0) = 0;
      SELECT s.seq, s.type, s.entry_json INTO seq, type, entry_json
        FROM ${schema}.log_state(f.id, 'feed.missed', '"audience":' || to_json(names[place])::text || ',"count":' || gaps[place],
                                 0, 0, moment) s;
      RETURN NEXT;
    END LOOP;
    IF recalled <> '{}' THEN
      FOR seq, type, entry_json IN SELECT h.seq, h.type, h.entry_json FROM ${schema}.hide(f.id, recalled, 'recalled', moment) h LOOP
        RETURN NEXT;
      END LOOP;
    END IF;
    IF EXISTS (SELECT FROM unnest(waiting, heads) AS w (place, head) WHERE numbers[w.place] < w.head) THEN
      outcome := 'more'; seq := NULL; type := NULL; entry_json := NULL;
      RETURN NEXT;
    END IF;
  END LOOP;

  RETURN QUERY
  SELECT 'busy', i.n::integer, NULL::text, NULL::bigint, NULL::text, NULL::text
    FROM unnest(tenants, recipients) WITH ORDINALITY AS i (tenant, recipient, n)
    JOIN ${schema}.feed t ON t.tenant = i.tenant AND t.recipient = i.recipient
   WHERE i.n <> ALL (locked);
END
$take$`;
}

/**
 * Defines once, for pages, replays, counts, retention and changes, what is read, what is archived, and where
 * an entry is.
 *
 * Marking a whole feed must not touch each of its entries under the feed's lock. So the feed's row has a
 * watermark, and an entry has marks of its own only where it differs:
 *
 *     read      = NOT unread_again AND (read_at IS NOT NULL OR seq <= feed.read_up_to)
 *     archived  = NOT unarchived AND (archived_at IS NOT NULL OR seq <= feed.archived_up_to)
 *
 * `unread_again` is only ever true at or below the watermark, likewise `unarchived`, and then the time beside
 * it is null. The counters in the feed's row count notifications that are not hidden, not archived and not
 * read. They include expired ones until the sweep hides them; `due_counts` finds those by a partial index,
 * and readers subtract them.
 */
export function readStateFunctions(schema: string): string[] {
  return [
    `
CREATE FUNCTION ${schema}.is_read(read_at timestamptz, unread_again boolean, seq bigint, read_up_to bigint)
RETURNS boolean LANGUAGE sql IMMUTABLE
AS $$ SELECT NOT unread_again AND (read_at IS NOT NULL OR seq <= read_up_to) $$`,
    `
CREATE FUNCTION ${schema}.is_archived(archived_at timestamptz, unarchived boolean, seq bigint, archived_up_to bigint)
RETURNS boolean LANGUAGE sql IMMUTABLE
AS $$ SELECT NOT unarchived AND (archived_at IS NOT NULL OR seq <= archived_up_to) $$`,
    // When it was first covered: each rise of the watermark records its time.
    `
CREATE FUNCTION ${schema}.read_time(feed bigint, read_at timestamptz, unread_again boolean, seq bigint, read_up_to bigint)
RETURNS timestamptz LANGUAGE sql STABLE
AS $$
  SELECT CASE WHEN unread_again THEN NULL
              WHEN read_at IS NOT NULL THEN read_at
              WHEN seq <= read_up_to THEN
                (SELECT m.at FROM ${schema}.read_mark m WHERE m.feed_id = feed AND m.up_to >= seq ORDER BY m.up_to LIMIT 1)
         END
$$`,
    `
CREATE FUNCTION ${schema}.due_counts(feed bigint, floor bigint, read_up_to bigint, archived_up_to bigint, seen_up_to bigint, moment timestamptz)
RETURNS TABLE (unread integer, unseen integer) LANGUAGE sql STABLE
AS $$
  SELECT count(*)::integer, (count(*) FILTER (WHERE e.seq > seen_up_to))::integer
    FROM ${schema}.entry e
   WHERE e.feed_id = feed AND e.seq > floor AND e.expires_at <= moment AND NOT e.hidden
     AND NOT ${schema}.is_read(e.read_at, e.unread_again, e.seq, read_up_to)
     AND NOT ${schema}.is_archived(e.archived_at, e.unarchived, e.seq, archived_up_to)
$$`,
    // UUID, version 7 (RFC 9562, sections 5.7 and 6.2): 48 bits of milliseconds, 12 random ones, 36 of the place, 26 random ones. The
    // place is in it so that a change of state finds its row by the primary key, and no append pays for an index on ids.
    `
CREATE FUNCTION ${schema}.notification_id(ms bigint, seq bigint)
RETURNS uuid LANGUAGE sql VOLATILE
AS $$
  SELECT (lpad(to_hex(ms), 12, '0') || '7' || lpad(to_hex(floor(random() * 4096)::bigint), 3, '0')
       || to_hex((1::bigint << 63) | ((seq & 68719476735) << 26) | floor(random() * 67108864)::bigint))::uuid
$$`,
    `
CREATE FUNCTION ${schema}.place_of(id uuid)
RETURNS bigint LANGUAGE sql IMMUTABLE
AS $$
  SELECT (('x' || substr(replace(id::text, '-', ''), 17))::bit(64)::bigint >> 26) & 68719476735
$$`,
  ];
}

export const READ_STATE_SIGNATURES = [
  'is_read(timestamptz, boolean, bigint, bigint)',
  'is_archived(timestamptz, boolean, bigint, bigint)',
  'read_time(bigint, timestamptz, boolean, bigint, bigint)',
  'due_counts(bigint, bigint, bigint, bigint, bigint, timestamptz)',
  'notification_id(bigint, bigint)',
  'place_of(uuid)',
];

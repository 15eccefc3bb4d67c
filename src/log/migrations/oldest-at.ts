/** Every so many entries, a feed asks the retention to count what it keeps. */
export const LOOK_EVERY = 32;

/**
 * The new `oldest_at` of a feed that gets entries up to `head` at `moment`.
 *
 * It is indexed, and tells the retention which feeds to look at. So it changes rarely, for an update that
 * changes no indexed column stays on its page (HOT) and touches no index: with the first entry, when the
 * oldest entries are trimmed, and to `-infinity` whenever the head passes a multiple of {@link LOOK_EVERY}.
 * That asks for a look whatever the age, which finds a feed that keeps too many entries.
 */
export function oldestAt(feed: string, head: string): string {
  return `CASE WHEN ${head} / ${LOOK_EVERY} > ${feed}.head / ${LOOK_EVERY} THEN '-infinity' ELSE coalesce(${feed}.oldest_at, moment) END`;
}

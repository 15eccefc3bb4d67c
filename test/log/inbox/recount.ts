import type { FeedKey } from '../../../src/contract/model/feed.js';
import type { LogDatabase } from '../../../src/log/database/database.js';

/** Counts the rows one by one, with the rule written out again: what the counters must always be. */
export async function recount(
  database: LogDatabase,
  { tenant, recipient }: FeedKey,
): Promise<{ unread: number; unseen: number }> {
  const [row] = await database.query<{ unread: number; unseen: number }>(
    `SELECT count(*)::integer AS unread, (count(*) FILTER (WHERE e.seq > f.seen_up_to))::integer AS unseen
       FROM tidings.feed f JOIN tidings.entry e ON e.feed_id = f.id AND e.seq > f.floor
      WHERE f.tenant = $1 AND f.recipient = $2 AND e.id IS NOT NULL AND NOT e.hidden AND coalesce(e.expires_at > now(), true)
        AND (e.unread_again OR (e.read_at IS NULL AND e.seq > f.read_up_to))
        AND (e.unarchived OR (e.archived_at IS NULL AND e.seq > f.archived_up_to))`,
    [tenant, recipient],
  );
  return row!;
}

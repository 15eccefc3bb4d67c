import type { NotificationItem } from '../../contract/model/entry.js';
import type { FeedKey } from '../../contract/model/feed.js';
import type { DeliveredNotification } from '../../contract/model/hooks.js';
import type { Sql } from '../../contract/ports/sql.js';
import type { FeedReader } from '../../contract/ports/read.js';

/** The position of an entry. */
export interface Place {
  readonly feed: FeedKey;
  readonly epoch: string;
  readonly seq: number;
}

/**
 * The current state of the notification at a place; `null` if it is no longer visible, or if the feed's epoch has changed.
 *
 * @throws {LogUnavailableError} if the database is unavailable or too slow.
 */
export async function notificationAt(
  reader: FeedReader,
  { feed, epoch, seq }: Place,
): Promise<DeliveredNotification | null> {
  const found = await reader.find(feed);
  const page = found?.epoch === epoch ? await reader.page(found.feedId, seq - 1) : null;
  const entry = page?.epoch === epoch ? page.entries.find((one) => one.seq === seq) : undefined;
  return entry?.json ? { feed, notification: JSON.parse(entry.json) as NotificationItem } : null;
}

/** Whether the recipient has opened the bell since the notification came; `true` also if the feed is another one now. */
export async function isSeen(sql: Sql, { feed, epoch, seq }: Place): Promise<boolean> {
  const [row] = await sql.query<{ seen: boolean }>(
    `SELECT seen_up_to >= $4::bigint AS seen FROM ${sql.schema}.feed WHERE tenant = $1 AND recipient = $2 AND epoch = $3`,
    [feed.tenant, feed.recipient, epoch, seq],
  );
  return row?.seen ?? true;
}

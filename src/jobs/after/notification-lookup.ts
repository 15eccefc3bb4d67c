import type { NotificationItem } from '../../contract/model/entry.js';
import type { FeedKey } from '../../contract/model/feed.js';
import type { DeliveredNotification } from '../../contract/model/hooks.js';
import type { FeedReader } from '../../contract/ports/read.js';

/** Where an entry is. */
export interface Place {
  readonly feed: FeedKey;
  readonly epoch: string;
  readonly seq: number;
}

/**
 * The notification at a place as it is now; `null` if it is not to be shown any more, or the feed has another history since.
 *
 * @throws {LogUnavailableError} if the database is away or too slow.
 */
export async function notificationAt(
  reader: FeedReader,
  { feed, epoch, seq }: Place,
): Promise<DeliveredNotification | null> {
  const { feedId } = await reader.open(feed);
  const page = await reader.page(feedId, seq - 1);
  const entry = page?.epoch === epoch ? page.entries.find((one) => one.seq === seq) : undefined;
  return entry?.json ? { feed, notification: JSON.parse(entry.json) as NotificationItem } : null;
}

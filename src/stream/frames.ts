import { formatCursor } from '../contract/model/cursor.js';
import type { LogEntry } from '../contract/model/entry.js';
import type { ClosingReason, Frame, ResetReason } from '../contract/ports/stream.js';
import type { FeedState, OpenedFeed } from '../contract/ports/read.js';

/**
 * The first frame has a cursor before the first entry, so that a client that is cut off at once can resume.
 * If a reset follows, its id is the client's own: if the client is cut off before the reset, it reconnects
 * with that id and gets the reset; with the new position it would never learn of the gap.
 */
export function readyFrame(feed: OpenedFeed, seq: number, retryMs: number, resetOf: string | null): Frame {
  const { epoch, head, unread, unseen } = feed;
  const cursor = formatCursor(epoch, seq);
  const data = { type: 'feed.ready', cursor, head: formatCursor(epoch, head), unread, unseen };
  return { type: data.type, id: resetOf ?? cursor, retry: retryMs, data: JSON.stringify(data) };
}

/** Reports that a cursor could not be honoured; the stream continues after `oldest`. */
export function resetFrame(reason: ResetReason, { epoch, floor, head }: FeedState): Frame {
  const oldest = formatCursor(epoch, floor);
  const data = { type: 'feed.reset', reason, oldest, head: formatCursor(epoch, head) };
  return { type: data.type, id: oldest, data: JSON.stringify(data) };
}

/**
 * The last frame. `id` is the cursor, or the client's last event id while the position is unknown: an empty
 * id makes a browser forget its last event id, so that the cursor in the URL applies again.
 */
export function closingFrame(reason: ClosingReason, id: string, retryInMs: number): Frame {
  return {
    type: 'feed.closing',
    id,
    retry: retryInMs,
    data: JSON.stringify({ type: 'feed.closing', reason, retryInMs }),
  };
}

/** The frame of an entry; only an id if it is no longer visible. */
export function entryFrame(epoch: string, entry: LogEntry, eventName: 'type' | 'message'): Frame {
  const id = formatCursor(epoch, entry.seq);
  if (entry.json === null) return { id };
  // State entries keep their name: `as=message` only affects notifications.
  const named = eventName === 'type' || entry.type.startsWith('feed.');
  return named ? { type: entry.type, id, data: entry.json } : { id, data: entry.json };
}

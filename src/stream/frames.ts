import { formatCursor } from '../contract/model/cursor.js';
import type { LogEntry } from '../contract/model/entry.js';
import type { ClosingReason, Frame, ResetReason } from '../contract/ports/stream.js';
import type { FeedState, OpenedFeed } from '../contract/ports/read.js';

/**
 * The first frame: a cursor before the first entry, so that a client that is cut off at once still resumes. If a reset follows, the id is
 * what the client sent: cut off between the two it comes back with that, and is told; with the new place it would never learn of the gap.
 */
export function readyFrame(feed: OpenedFeed, seq: number, retryMs: number, resetOf: string | null): Frame {
  const { epoch, head, unread, unseen } = feed;
  const cursor = formatCursor(epoch, seq);
  const data = { type: 'feed.ready', cursor, head: formatCursor(epoch, head), unread, unseen };
  return { type: data.type, id: resetOf ?? cursor, retry: retryMs, data: JSON.stringify(data) };
}

/** A cursor could not be honoured; the stream goes on after `oldest`. */
export function resetFrame(reason: ResetReason, { epoch, floor, head }: FeedState): Frame {
  const oldest = formatCursor(epoch, floor);
  const data = { type: 'feed.reset', reason, oldest, head: formatCursor(epoch, head) };
  return { type: data.type, id: oldest, data: JSON.stringify(data) };
}

/**
 * The last frame. `id` is the cursor, or what the client sent last while the position was not known: the empty id makes a browser forget
 * its last event id, so that the cursor in the URL counts again.
 */
export function closingFrame(reason: ClosingReason, id: string, retryInMs: number): Frame {
  return {
    type: 'feed.closing',
    id,
    retry: retryInMs,
    data: JSON.stringify({ type: 'feed.closing', reason, retryInMs }),
  };
}

/** An entry; only its id if it is not to be shown any more. */
export function entryFrame(epoch: string, entry: LogEntry, eventName: 'type' | 'message'): Frame {
  const id = formatCursor(epoch, entry.seq);
  if (entry.json === null) return { id };
  // State entries keep their name: `as=message` is for notifications.
  const named = eventName === 'type' || entry.type.startsWith('feed.');
  return named ? { type: entry.type, id, data: entry.json } : { id, data: entry.json };
}

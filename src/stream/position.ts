import type { RequestedPosition } from '../contract/model/cursor.js';
import type { FeedState } from '../contract/ports/read.js';
import type { ResetReason } from '../contract/ports/stream.js';

/** The start of a stream, and why it differs from the requested one. */
export interface StartingPlace {
  readonly seq: number;
  readonly reset: ResetReason | null;
}

/** Why a stream cannot continue after `seq` of `epoch` in a feed with this state; null if it can (G6). */
export function resetReason(feed: FeedState, epoch: string, seq: number): ResetReason | null {
  if (epoch !== feed.epoch) return 'epoch';
  if (seq > feed.head) return 'ahead';
  if (seq < feed.floor) return 'expired';
  return null;
}

/**
 * Finds the start of a stream; if the requested position cannot be honoured, the oldest kept entry, with the
 * reason.
 */
export function startingPlace(feed: FeedState, requested: RequestedPosition): StartingPlace {
  switch (requested.kind) {
    case 'live':
      return { seq: feed.head, reset: null };
    case 'oldest':
      return { seq: feed.floor, reset: null };
    case 'malformed':
      return { seq: feed.floor, reset: 'malformed' };
    case 'after': {
      const reset = resetReason(feed, requested.cursor.epoch, requested.cursor.seq);
      return reset ? { seq: feed.floor, reset } : { seq: requested.cursor.seq, reset: null };
    }
  }
}

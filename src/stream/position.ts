import type { RequestedPosition } from '../contract/model/cursor.js';
import type { FeedState } from '../contract/ports/read.js';
import type { ResetReason } from '../contract/ports/stream.js';

/** Where a stream begins, and why not where the client asked. */
export interface StartingPlace {
  readonly seq: number;
  readonly reset: ResetReason | null;
}

/** What stands against going on after `seq` of `epoch` in a feed that is in this state; null if nothing does (G6). */
export function obstacle(feed: FeedState, epoch: string, seq: number): ResetReason | null {
  if (epoch !== feed.epoch) return 'epoch';
  if (seq > feed.head) return 'ahead';
  if (seq < feed.floor) return 'expired';
  return null;
}

/** Finds the place to begin at; one that cannot be honoured becomes the oldest kept entry, and says so. */
export function startingPlace(feed: FeedState, requested: RequestedPosition): StartingPlace {
  switch (requested.kind) {
    case 'live':
      return { seq: feed.head, reset: null };
    case 'oldest':
      return { seq: feed.floor, reset: null };
    case 'malformed':
      return { seq: feed.floor, reset: 'malformed' };
    case 'after': {
      const reset = obstacle(feed, requested.cursor.epoch, requested.cursor.seq);
      return reset ? { seq: feed.floor, reset } : { seq: requested.cursor.seq, reset: null };
    }
  }
}

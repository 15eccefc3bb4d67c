import type { FeedStatus, RawFrame } from './types.js';

/** A frame with the sequence numbers before and after it, from which a receiver detects that it has missed one. */
export interface RelayedFrame {
  readonly before: number;
  readonly after: number;
  readonly frame: RawFrame;
}

/** A message between the tabs that show the same feed. */
export type Message =
  /** From a follower: asks the leader for its status and for the frames after `seq`. */
  | { readonly kind: 'hello'; readonly seq: number; readonly wake: boolean }
  | { readonly kind: 'frame'; readonly relayed: RelayedFrame }
  | { readonly kind: 'status'; readonly status: FeedStatus }
  /** From the leader: frames after `seq` follow; earlier ones are no longer kept. */
  | { readonly kind: 'begins'; readonly seq: number }
  /** From the leader: the server has reset the feed. */
  | { readonly kind: 'reset'; readonly frame: RawFrame }
  /** From a hidden tab that is about to lead: a visible tab may take over. */
  | { readonly kind: 'vacant' }
  | { readonly kind: 'signed-out' };

/** A message with the visibility of its sender. */
export type SentMessage = Message & { readonly isHidden: boolean };

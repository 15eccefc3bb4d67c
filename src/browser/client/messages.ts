import { placeOf } from './cursor.js';
import { jsonOf } from './parser.js';
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

/** Whether a message has the shape that its kind has. Any script of the page can send to the channel, and so can a tab of another version. */
export function isMessage(value: unknown): value is SentMessage {
  const { kind, seq, relayed, status, frame } = Object(value) as Record<string, unknown>;
  if (kind === 'hello' || kind === 'begins') return isCount(seq);
  if (kind === 'frame') return isRelayed(Object(relayed) as RelayedFrame);
  if (kind === 'status') return isStatus(Object(status) as Record<string, unknown>);
  if (kind === 'reset') return isFrame(frame) && typeof objectOf(frame.data).reason === 'string';
  return kind === 'vacant' || kind === 'signed-out';
}

function isRelayed({ before, after, frame }: RelayedFrame): boolean {
  if (!isCount(before) || !isFrame(frame) || placeOf(frame.id)?.seq !== after) return false;
  // A frame that only moves the cursor has no data.
  if (frame.data === '') return true;
  const { type, id, cursor, replaces, unread, unseen } = objectOf(frame.data);
  if (typeof type !== 'string') return false;
  if (id === undefined) return isCount(unread) && isCount(unseen);
  return typeof id === 'string' && placeOf(String(cursor))?.seq === after && Array.isArray(replaces);
}

/** A tab that has closed or stopped says nothing about the others. */
function isStatus({ state, retryAt }: Record<string, unknown>): boolean {
  return state === 'connecting' || state === 'live' || (state === 'offline' && Number.isFinite(retryAt));
}

function isFrame(value: unknown): value is RawFrame {
  const { event, id, data } = Object(value) as Record<string, unknown>;
  return [event, id, data].every((part) => typeof part === 'string');
}

function isCount(value: unknown): boolean {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

function objectOf(json: string): Record<string, unknown> {
  return Object(jsonOf(json)) as Record<string, unknown>;
}

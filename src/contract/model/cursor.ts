/**
 * A position in a feed: `<epoch>-<seq>` on the wire, the SSE `id`. Opaque, except that numbers compare within
 * one epoch.
 */
export interface Cursor {
  /** The feed's random word; it distinguishes this feed from an erased or restored one. */
  readonly epoch: string;
  /** The number of the last entry seen; 0 is the position before the first. */
  readonly seq: number;
}

/** The requested start of a stream: live from now, the oldest kept entry, a cursor, or malformed. */
export type RequestedPosition =
  | { readonly kind: 'live' }
  | { readonly kind: 'oldest' }
  | { readonly kind: 'after'; readonly cursor: Cursor }
  | { readonly kind: 'malformed' };

const CURSOR = /^([a-z0-9]{1,16})-(0|[1-9][0-9]{0,19})$/;

/** The wire form of a cursor. */
export function formatCursor(epoch: string, seq: number): string {
  return `${epoch}-${seq}`;
}

/**
 * Parses a cursor; `null` if it is malformed. A number beyond 2^53 is not malformed but ahead of every head:
 * it becomes `Infinity`, which compares as such
 * without losing precision.
 */
export function parseCursor(text: string): Cursor | null {
  const match = CURSOR.exec(text);
  if (!match) return null;
  const seq = Number(match[2]);
  return { epoch: match[1]!, seq: Number.isSafeInteger(seq) ? seq : Infinity };
}

/** The position of a client that has seen nothing yet, as an id: for those that must have one. */
export const NOW = 'now';

/**
 * Parses `Last-Event-ID` or `?lastEventId=`. A missing or empty id means live (an EventSource whose last id
 * is empty sends no header), and `now` does as well; `0` means from the oldest kept entry.
 */
export function parseRequestedPosition(text: string | null | undefined): RequestedPosition {
  if (text === undefined || text === null || text === '' || text === NOW) return { kind: 'live' };
  if (text === '0') return { kind: 'oldest' };
  const cursor = parseCursor(text);
  return cursor ? { kind: 'after', cursor } : { kind: 'malformed' };
}

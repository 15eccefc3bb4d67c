/**
 * A place in a feed: `<epoch>-<seq>` on the wire, the SSE `id`. Opaque to everyone but for this:
 * within one epoch the numbers compare.
 */
export interface Cursor {
  /** The random word made with the feed; it tells this feed from an erased or restored one. */
  readonly epoch: string;
  /** The number of the last entry seen; 0 is the place before the first. */
  readonly seq: number;
}

/** Where a client asks to begin: live from now, the oldest kept entry, a cursor, or nonsense. */
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
 * Reads a cursor, or returns `null` if it is malformed. A number beyond 2^53 is no malformed cursor but one
 * ahead of every head: it becomes `Infinity`, so that it compares as such without losing precision.
 */
export function parseCursor(text: string): Cursor | null {
  const match = CURSOR.exec(text);
  if (!match) return null;
  const seq = Number(match[2]);
  return { epoch: match[1]!, seq: Number.isSafeInteger(seq) ? seq : Infinity };
}

/**
 * Reads what a client sent as `Last-Event-ID` or `?lastEventId=`. Nothing or the empty id means live
 * (an EventSource whose last id is empty sends no header at all), `0` the oldest kept entry.
 */
export function parseRequestedPosition(text: string | null | undefined): RequestedPosition {
  if (text === undefined || text === null || text === '') return { kind: 'live' };
  if (text === '0') return { kind: 'oldest' };
  const cursor = parseCursor(text);
  return cursor ? { kind: 'after', cursor } : { kind: 'malformed' };
}

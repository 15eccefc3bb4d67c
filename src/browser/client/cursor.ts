/** A cursor's parts. Within one epoch the numbers compare; another epoch is another feed, or another life of this one. */
export interface Place {
  readonly epoch: string;
  readonly seq: number;
}

/** Reads `<epoch>-<seq>`; `null` for anything else, such as the empty id of a frame that was sent before the place was known. */
export function placeOf(cursor: string): Place | null {
  const match = /^(\w+)-(\d+)$/.exec(cursor);
  return match && { epoch: match[1]!, seq: Number(match[2]) };
}

/** The number of a cursor that the server made; 0 of none. */
export function seqOf(cursor: string): number {
  return Number(cursor.slice(cursor.indexOf('-') + 1));
}

/** The number of a notification's entry, which its id carries: 36 bits after the variant (docs/protocol.md). */
export function numberOf(id: string): number {
  return Math.floor((parseInt(id.slice(19, 30).replace('-', ''), 16) % 2 ** 38) / 4);
}

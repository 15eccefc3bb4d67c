/** The parts of a cursor. Numbers are comparable within one epoch. Another epoch is another feed, or the same one after an erasure or a restore. */
export interface Place {
  readonly epoch: string;
  readonly seq: number;
}

/** Parses `<epoch>-<seq>`. Returns `null` for anything else, such as the empty id of a frame that was sent before the position was known. */
export function placeOf(cursor: string): Place | null {
  const match = /^(\w+)-(\d+)$/.exec(cursor);
  return match && { epoch: match[1]!, seq: Number(match[2]) };
}

/** Returns the number of a valid cursor; 0 for `''`. */
export function seqOf(cursor: string): number {
  return Number(cursor.slice(cursor.indexOf('-') + 1));
}

/** Returns the entry number that a notification's id contains: 36 bits after the variant (docs/protocol.md). */
export function numberOf(id: string): number {
  return Math.floor((parseInt(id.slice(19, 30).replace('-', ''), 16) % 2 ** 38) / 4);
}

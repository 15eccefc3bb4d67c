import { formatCursor, parseCursor } from '../contract/model/cursor.js';
import type { LogEntry } from '../contract/model/entry.js';
import type { Announcement } from '../contract/ports/live.js';

/** The content of a message. The feed is not in it: the channel or the envelope names it. */
export type LiveMessage = Omit<Announcement, 'feed'>;

/** The message that ends a feed's streams. It is no valid place, so older readers ignore it. */
export const DISCONNECT = 'disconnect';

const HEADER_END = '\n';
const MOST_WORDS = 8;
const TRACE = /^00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$/;
const TIME = /^@\d{1,15}$/;
const TYPE = /^[a-z][a-z0-9.-]{0,63}$/;

/**
 * The format on the bus: a header line and, if the entry is included, its JSON as it is stored, so that neither side
 * parses it:
 *
 *     k3v9x2ab-42                        the head moved; read the entry from the log
 *     k3v9x2ab-42 task-completed         an entry that is no longer shown
 *     k3v9x2ab-42 task-completed @1732965000000\n{...}  the entry, and when it was published
 *     k3v9x2ab-42 task-completed 00-4bf92f...-01\n{...}   the same, and its trace (W3C Trace Context)
 *     disconnect                         end the feed's streams, see {@link DISCONNECT}
 *
 * Readers skip further words in the header, so that a later version can add some during a rolling deploy.
 *
 * @param maxEntryBytes An entry with more bytes of JSON is left out.
 */
export function encodeMessage({ epoch, seq, entry }: LiveMessage, maxEntryBytes: number): string {
  const place = formatCursor(epoch, seq);
  if (entry === null) return place;
  if (entry.json === null) return `${place} ${entry.type}`;
  // UTF-8 takes 1 to 3 bytes for each UTF-16 code unit: most entries are decided without counting.
  const { length } = entry.json;
  if (length > maxEntryBytes) return place;
  if (length * 3 > maxEntryBytes && Buffer.byteLength(entry.json) > maxEntryBytes) return place;
  const published = entry.publishedAt === undefined ? '' : ` @${entry.publishedAt}`;
  const trace = entry.traceparent === undefined ? '' : ` ${entry.traceparent}`;
  return `${place} ${entry.type}${published}${trace}${HEADER_END}${entry.json}`;
}

/** Parses a message; `null` if it is malformed: every client that reaches the channel can send there. */
export function decodeMessage(text: string): LiveMessage | typeof DISCONNECT | null {
  if (text === DISCONNECT) return DISCONNECT;
  const headerEnd = text.indexOf(HEADER_END);
  const header = headerEnd === -1 ? text : text.slice(0, headerEnd);
  const [place = '', type, ...more] = header.split(' ', MOST_WORDS);
  const cursor = parseCursor(place);
  if (cursor === null || cursor.seq < 1 || cursor.seq === Infinity) return null;
  const { epoch, seq } = cursor;
  if (type === undefined) return headerEnd === -1 ? { epoch, seq, entry: null } : null;
  if (!TYPE.test(type)) return null;
  if (headerEnd === -1) return { epoch, seq, entry: { seq, type, json: null } };
  const json = text.slice(headerEnd + 1);
  if (!isOneLineObject(json)) return null;
  const published = more.find((word) => TIME.test(word));
  const traceparent = more.find((word) => TRACE.test(word));
  const entry: LogEntry = {
    seq,
    type,
    json,
    ...(published !== undefined && { publishedAt: Number(published.slice(1)) }),
    ...(traceparent !== undefined && { traceparent }),
  };
  return { epoch, seq, entry };
}

/** Not a full check, but a line break would let a forged message inject fields into a client's stream. */
function isOneLineObject(json: string): boolean {
  return json.startsWith('{') && json.endsWith('}') && !json.includes('\n') && !json.includes('\r');
}

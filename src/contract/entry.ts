import { formatCursor } from './cursor.js';

/**
 * An entry as it travels from the log over the bus to the frame: its place, its type and the finished
 * `data:` line. The JSON is made once, where the entry is appended or read, and never parsed again on its way.
 */
export interface LogEntry {
  /** Its place in the feed: 1, 2, 3 ... without holes, in commit order. */
  readonly seq: number;
  /** The type of the notification, or of the state change (`feed.read`, ...); the SSE event name. */
  readonly type: string;
  /** One JSON object without line breaks; `null` if the entry is not to be shown any more. */
  readonly json: string | null;
}

/** A notification as its recipient sees it: the object in a frame's `data` and in a page's `items`. */
export interface NotificationItem<Type extends string = string, Data = unknown> {
  readonly type: Type;
  /** UUID (version 7), the same on every device. */
  readonly id: string;
  readonly cursor: string;
  readonly title: string;
  readonly body: string | null;
  /** http(s), or a path that begins with one `/`. */
  readonly link: string | null;
  readonly data: Data;
  /** The version of the type's declaration that wrote `data`. */
  readonly version: number;
  /** ISO 8601, UTC, milliseconds. */
  readonly createdAt: string;
  readonly readAt: string | null;
  /** How many notifications this one stands for (collapsed ones count). */
  readonly count: number;
  /** The ids of the notifications that this one took over from. */
  readonly replaces: readonly string[];
}

/** The stored parts of a notification, from which {@link encodeItem} makes its JSON. */
export interface ItemParts {
  readonly type: string;
  readonly id: string;
  readonly title: string;
  readonly body: string | null;
  readonly link: string | null;
  /** `data` as JSON text, spliced in as it is. */
  readonly dataJson: string;
  readonly version: number;
  readonly createdAt: Date;
  readonly readAt: Date | null;
  readonly count: number;
  readonly replaces: readonly string[];
}

/** The JSON of a {@link NotificationItem}: the same text for a live and for a replayed entry. */
export function encodeItem(item: ItemParts, epoch: string, seq: number): string {
  // type, id and cursor are of a checked alphabet and need no escaping; title, body and link do.
  return (
    `{"type":"${item.type}","id":"${item.id}","cursor":"${formatCursor(epoch, seq)}"` +
    `,"title":${JSON.stringify(item.title)}` +
    `,"body":${item.body === null ? 'null' : JSON.stringify(item.body)}` +
    `,"link":${item.link === null ? 'null' : JSON.stringify(item.link)}` +
    `,"data":${item.dataJson},"version":${item.version}` +
    `,"createdAt":"${item.createdAt.toISOString()}"` +
    `,"readAt":${item.readAt === null ? 'null' : `"${item.readAt.toISOString()}"`}` +
    `,"count":${item.count},"replaces":${item.replaces.length === 0 ? '[]' : JSON.stringify(item.replaces)}}`
  );
}

/**
 * An entry as it travels from the log over the bus to the frame: its place, its type and the finished
 * `data:` line. Postgres makes the JSON, at the append and at every read, and nothing parses it again on its way.
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

import type { Acted, NotificationContent } from './content.js';

export type { NotificationAction } from './content.js';

/**
 * An entry on its way from the log over the bus to the frame: its position, its type and the final `data:`
 * line. Postgres encodes the JSON, on append and on
 * read, and nothing parses it on the way.
 */
export interface LogEntry {
  /** The position in the feed: 1, 2, 3 ... without holes, in commit order. */
  readonly seq: number;
  /** The type of the notification, or of the state change (`feed.read`, ...); the SSE event name. */
  readonly type: string;
  /** One JSON object without line breaks; `null` if the entry is no longer visible. */
  readonly json: string | null;
  /** When the notification was published, ms; only while it is fresh, for latencies. */
  readonly publishedAt?: number;
  /** The trace of its append (W3C Trace Context), as long. */
  readonly traceparent?: string;
}

/** A notification as its recipient sees it: the object in a frame's `data` and in a page's `items`. */
export interface NotificationItem<Type extends string = string, Data = unknown> extends NotificationContent {
  readonly type: Type;
  /** UUID (version 7), the same on every device. */
  readonly id: string;
  readonly cursor: string;
  readonly title: string;
  readonly body: string | null;
  /** http(s), or a path that begins with one `/`. */
  readonly link: string | null;
  /** The action that was chosen, on whichever device. */
  readonly acted?: Acted;
  /** When it comes back, ISO 8601; only in the list of snoozed notifications. */
  readonly snoozedUntil?: string;
  readonly data: Data;
  /** The type version that `data` was written for. */
  readonly version: number;
  /** ISO 8601, UTC, milliseconds. */
  readonly createdAt: string;
  readonly readAt: string | null;
  /** The number of notifications that this one stands for, including collapsed ones. */
  readonly count: number;
  /** The ids of the notifications that this one replaced. */
  readonly replaces: readonly string[];
}

import type { NotificationItem } from './entry.js';
import type { FeedKey } from './feed.js';
import type { AnyNotificationType } from './notification-type.js';
import type { StateEntry } from './state-entry.js';

/** A notification in a feed. */
export interface DeliveredNotification {
  readonly feed: FeedKey;
  readonly notification: NotificationItem;
}

/** What a recipient has read, as it is in the log. */
export interface ReadNotifications {
  readonly feed: FeedKey;
  readonly change: Extract<StateEntry, { type: 'feed.read' }>;
}

/**
 * What a host wants to hear of. Called after the commit, in the process that made it, once, and not waited for: what they throw is logged, and when
 * the process ends in that moment they are not called. What must not be lost is for an {@link Escalation}.
 */
export interface Hooks {
  /** A notification was appended. In the process that appended it: a worker, or one that sends with `delivery: 'direct'`. */
  readonly onAppended?: (delivered: DeliveredNotification) => void | Promise<void>;
  /** Something was marked as read. In processes with the role `api`, or where `TidingsService` was called. */
  readonly onRead?: (read: ReadNotifications) => void | Promise<void>;
}

/** A notification that nobody has read in time. */
export interface Escalated extends DeliveredNotification {
  /** The same at each call for this notification and this rule: hand it on to what sends the mail, so that it is sent once. */
  readonly idempotencyKey: string;
  /** From 1. */
  readonly attempt: number;
}

/**
 * "If this is still unread after ten minutes, call my handler": to send a mail, or a push. Kept by the queue, so it survives
 * restarts. What was read, removed, recalled or replaced by then, or has expired, is left alone; so is what was delivered before the database
 * was restored.
 *
 * The handler is called at least once: again when it throws (up to 12 times, after 5 s at first and 10 minutes at last; then the job is in the
 * failed set of the queue `<queue>-escalations`), and when its process dies while it runs.
 */
export interface Escalation {
  /** Its name on the queue: keep it over deploys, and for as long as jobs of it wait. 1 to 256 characters. */
  readonly name: string;
  /** Counted from the delivery. */
  readonly afterMs: number;
  /** Of which types. Default: of all. */
  readonly types?: readonly AnyNotificationType[];
  readonly handler: (escalated: Escalated) => void | Promise<void>;
}

import type { NotificationItem } from './entry.js';
import type { FeedKey } from './feed.js';
import type { AnyNotificationType } from './notification-type.js';
import type { StateEntry } from './state-entry.js';

/** A notification in a feed. */
export interface DeliveredNotification {
  readonly feed: FeedKey;
  readonly notification: NotificationItem;
}

/** The notifications that a recipient has marked as read. */
export interface ReadNotifications {
  readonly feed: FeedKey;
  readonly change: Extract<StateEntry, { type: 'feed.read' }>;
}

/** A notification with the action that its recipient has chosen. */
export interface ActedNotification extends DeliveredNotification {
  /** The id of the action. */
  readonly action: string;
  /** ISO 8601, UTC, milliseconds. */
  readonly at: string;
}

/**
 * The data of a job on the queue `actions.queue`: one for each chosen action. Its name is the type of the notification,
 * its id `action-<id of the notification>`. It runs at least once, so its handler must be safe to repeat.
 */
export interface ActionJob {
  readonly to: string;
  readonly tenant: string;
  readonly action: string;
  /** ISO 8601, UTC, milliseconds. */
  readonly at: string;
  readonly notification: NotificationItem;
}

/**
 * The application's hooks. Each is called once after the commit, in the process that committed, and not
 * awaited: its errors are logged, and a process that dies
 * at that moment does not call it. Use an {@link Escalation}, or the queue of actions, for anything that must not be lost.
 */
export interface Hooks {
  /**
   * Called when a notification was appended, in the process that appended it: a worker, or a sender with
   * `delivery: 'direct'`.
   */
  readonly onAppended?: (delivered: DeliveredNotification) => void | Promise<void>;
  /** Called when notifications were marked as read, in processes with the role `api` or that call `TidingsService`. */
  readonly onRead?: (read: ReadNotifications) => void | Promise<void>;
  /** Called when an action was chosen, once for each notification, in the processes that call `onRead`. */
  readonly onAction?: (acted: ActedNotification) => void | Promise<void>;
}

/** A notification that was not read in time. */
export interface Escalated extends DeliveredNotification {
  /**
   * The same at each call for this notification and rule: pass it to the mail or push service, so that it
   * sends once.
   */
  readonly idempotencyKey: string;
  /** From 1. */
  readonly attempt: number;
}

/**
 * "If this is still unread after ten minutes, call my handler", to send a mail. The queue stores
 * it, so it survives restarts. The handler is not called if
 * the notification was read, removed, recalled or replaced, has expired, or was delivered before a restore of
 * the database.
 *
 * The handler is called at least once: again if it throws (up to 12 times, at first after 5 s, at last after
 * 10 minutes; then the job stays in the failed set of the queue `<queue>-escalations`), and if its process
 * dies while it runs.
 */
export interface Escalation {
  /** The name on the queue, 1 to 256 characters. Keep it across deploys while jobs with it are waiting. */
  readonly name: string;
  /** The delay after the delivery. */
  readonly afterMs: number;
  /**
   * What makes it needless: that the notification was read, or that it was at least seen (its recipient opened the bell
   * since). Default `read`.
   */
  readonly unless?: 'read' | 'seen';
  /** The types that it applies to. Default: all. */
  readonly types?: readonly AnyNotificationType[];
  readonly handler: (escalated: Escalated) => void | Promise<void>;
}

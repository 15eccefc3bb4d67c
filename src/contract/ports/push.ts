import type { FeedKey } from '../model/feed.js';
import type { PushSubscription } from '../model/push-subscription.js';

/** A browser that gets Web Push, as its recipient sees it: its endpoint is a secret, and is not shown. */
export interface SubscribedBrowser {
  /** The SHA-256 of the endpoint, base64url. */
  readonly id: string;
  /** The host of the push service. */
  readonly host: string;
  /** ISO 8601, UTC, milliseconds. */
  readonly createdAt: string;
}

/** What a browser needs to subscribe, and the recipient's browsers that have. */
export interface PushState {
  /** The `applicationServerKey`. */
  readonly publicKey: string;
  /** Newest first. */
  readonly subscriptions: readonly SubscribedBrowser[];
}

/**
 * Stores the browsers of recipients that get Web Push.
 *
 * All reject with `NotFoundError` unless the option `push` is set, and with `LogUnavailableError` if the database is
 * unavailable or too slow.
 */
export interface PushSubscriptions {
  state(feed: FeedKey): Promise<PushState>;
  /**
   * Idempotent. A browser belongs to one recipient: it leaves the one that it had. Of more than
   * `push.maxPerRecipient`, those that subscribed longest ago are removed.
   *
   * @param subscription Of any shape: it is checked here.
   * @throws {InvalidRequestError} naming each invalid field.
   */
  add(feed: FeedKey, subscription: PushSubscription): Promise<SubscribedBrowser>;
  /** Idempotent: an id that is not of this recipient changes nothing. */
  remove(feed: FeedKey, id: string): Promise<PushState>;
}

/** A browser to send to. */
export interface PushTarget extends PushSubscription {
  readonly id: string;
  /** Whether the last message to it has failed. */
  readonly failing: boolean;
}

/** The browsers of a recipient, for the delivery. */
export interface PushTargets {
  /** Whether each of these recipients has a browser. */
  exist(feeds: readonly FeedKey[]): Promise<readonly boolean[]>;
  /** At most `push.maxPerRecipient`. */
  of(feed: FeedKey): Promise<readonly PushTarget[]>;
  delivered(target: PushTarget): Promise<void>;
  /** Removes a browser that has failed for a week. */
  failed(target: PushTarget): Promise<void>;
  /** The push service does not know it any more. */
  gone(target: PushTarget): Promise<void>;
}

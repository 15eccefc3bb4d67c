import type { Logger } from '@nestjs/common';
import { describeError } from '../platform/logging/describe-error.js';
import type { FeedKey } from '../contract/model/feed.js';
import type { Announcement } from '../contract/ports/live.js';
import type { Metrics } from '../contract/ports/metrics.js';
import { decodeMessage, DISCONNECT } from './message.js';

/** A listener of a feed. */
export interface Listener {
  readonly announced: (announcement: Announcement) => void;
  readonly disconnected: () => void;
}

/** A new object for each call, so that the same functions can be added twice and removed once. */
export function listenerOf(
  announced: Listener['announced'],
  disconnected: Listener['disconnected'] = () => {},
): Listener {
  return { announced, disconnected };
}

/** A channel and its listeners on this instance: mostly one, so an array. */
export interface Subscription {
  readonly name: string;
  readonly feed: FeedKey;
  readonly listeners: Listener[];
}

/** The channels of this instance, by name. */
export class Subscriptions<S extends Subscription> {
  private readonly byName = new Map<string, S>();
  private warnedAt = -Infinity;

  constructor(
    private readonly logger: Logger,
    private readonly metrics: Metrics,
  ) {}

  get(name: string): S | undefined {
    return this.byName.get(name);
  }

  add(subscription: S): void {
    this.byName.set(subscription.name, subscription);
  }

  /** Removes a listener; `true` if it was the last one of its channel. Safe to repeat. */
  remove(subscription: S, listener: Listener): boolean {
    const index = subscription.listeners.indexOf(listener);
    if (index === -1) return false;
    subscription.listeners.splice(index, 1);
    if (subscription.listeners.length > 0) return false;
    this.byName.delete(subscription.name);
    return true;
  }

  values(): S[] {
    return [...this.byName.values()];
  }

  clear(): void {
    this.byName.clear();
  }

  /** Passes a message to the listeners of its channel. Messages of other channels and malformed ones are ignored. */
  deliver(name: string, text: string): void {
    const subscription = this.byName.get(name);
    if (subscription === undefined) return;
    this.metrics.busMessage('received');
    const message = decodeMessage(text);
    if (message === null) {
      this.warn(text);
      return;
    }
    const announcement = message === DISCONNECT ? null : { feed: subscription.feed, ...message };
    const { listeners } = subscription;
    // Backwards, since a listener may remove itself while it is called.
    for (let index = listeners.length - 1; index >= 0; index--) {
      try {
        if (announcement === null) listeners[index]?.disconnected();
        else listeners[index]?.announced(announcement);
      } catch (error) {
        this.logger.error(`A listener of the live bus failed: ${describeError(error)}`);
      }
    }
  }

  /** Once a minute at most: a flood on the channel must not flood the log, too. */
  private warn(text: string): void {
    if (performance.now() - this.warnedAt < 60_000) return;
    this.warnedAt = performance.now();
    this.logger.warn(`Ignored a malformed message of ${text.length} characters on the channel of a feed`);
  }
}

import type { Logger } from '@nestjs/common';
import { describeError } from '../platform/logging/describe-error.js';
import type { FeedKey } from '../contract/model/feed.js';
import type { Announcement } from '../contract/ports/live.js';
import type { Metrics } from '../contract/ports/metrics.js';
import { decodeMessage, DISCONNECT } from './message.js';

/** Who listens to a feed. */
export interface Listener {
  readonly announced: (announcement: Announcement) => void;
  readonly disconnected: () => void;
}

/** A listener of its own for each call, so that the same functions may be given twice and taken away once. */
export function listenerOf(
  announced: Listener['announced'],
  disconnected: Listener['disconnected'] = () => {},
): Listener {
  return { announced, disconnected };
}

/** One channel of this instance, with its listeners: one in the normal case, so an array. */
export interface Subscription {
  readonly name: string;
  readonly feed: FeedKey;
  readonly listeners: Listener[];
}

/** Who listens to what on this instance. */
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

  /** Takes one listener away; `true` if it was the last one and the channel is gone. Safe to repeat. */
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

  /** Hands a message on. What is not for us, or no message at all, is passed over. */
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
    // Backwards, since a listener may take itself away while it is called.
    for (let index = listeners.length - 1; index >= 0; index--) {
      try {
        if (announcement === null) listeners[index]?.disconnected();
        else listeners[index]?.announced(announcement);
      } catch (error) {
        this.logger.error(`A listener of the live bus failed: ${describeError(error)}`);
      }
    }
  }
  /** Once a minute at most: whoever floods the channel must not flood the log, too. */
  private warn(text: string): void {
    if (performance.now() - this.warnedAt < 60_000) return;
    this.warnedAt = performance.now();
    this.logger.warn(
      `Passed over a message that is not ours on the channel of a feed (${text.length} characters)`,
    );
  }
}

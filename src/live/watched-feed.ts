import type { Logger } from '@nestjs/common';
import { describeError } from '../platform/logging/describe-error.js';
import type { LogEntry } from '../contract/model/entry.js';
import type { FeedKey } from '../contract/model/feed.js';
import type { FeedWatch, LiveBus, Unsubscribe } from '../contract/ports/live.js';
import type { FeedState } from '../contract/ports/read.js';
import type { EventCounter, FeedCache } from './feed-cache.js';
import type { Outage } from '../platform/logging/outage.js';

/**
 * A feed with connections on this instance, and the subscription that they share:
 *
 *     unsubscribed --subscribe()--> pending --acknowledged--> subscribed
 *                                   pending --failed--> unsubscribed, until the next check of heads tries again
 *       any state --last watch closed--> closed
 *
 * A feed can also be watched while the bus is unavailable: the check of heads finds new entries, only later. A connection
 * that began without an acknowledgement may have read the head before it; so when it arrives, the head is read again.
 */
export class WatchedFeed {
  /** Replaced, not changed: who is notified stays the same while one of them leaves. */
  private watches: readonly Watch[] = [];
  private subscription: 'unsubscribed' | 'pending' | 'subscribed' | 'closed' = 'unsubscribed';
  private acknowledged: Promise<void> = Promise.resolve();
  private unsubscribe: Unsubscribe | null = null;
  private joinedUnacknowledged = false;

  constructor(
    readonly feed: FeedKey,
    readonly cache: FeedCache,
    readonly events: EventCounter,
    private readonly bus: Pick<LiveBus, 'subscribe' | 'connected'>,
    private readonly outage: Outage,
    private readonly logger: Logger,
    private readonly on: { abandoned: (feed: FeedKey) => unknown; acknowledgedLate: () => void },
  ) {}

  /** Adds a connection; resolves when the bus has acknowledged, or at once if it is unavailable. Never rejects. */
  async join(onChange: () => void, onDisconnect: () => void = () => {}): Promise<FeedWatch> {
    const watch: Watch = new Watch(this, onChange, onDisconnect, this.events.now);
    this.watches = [...this.watches, watch];
    this.subscribe();
    if (this.bus.connected) await this.acknowledged;
    if (this.subscription !== 'subscribed') this.joinedUnacknowledged = true;
    return watch;
  }

  leave(watch: Watch): void {
    if (!this.watches.includes(watch)) return;
    this.watches = this.watches.filter((other) => other !== watch);
    if (this.watches.length === 0) this.close();
  }

  /** Subscribes, unless that is done or under way. */
  subscribe(): void {
    if (this.subscription !== 'unsubscribed') return;
    this.subscription = 'pending';
    this.acknowledged = this.acknowledge();
  }

  /** Notifies all connections except the one that caused the change. */
  changed(except?: Watch): void {
    this.notify((watch) => {
      if (watch !== except) watch.onChange();
    });
  }

  private notify(call: (watch: Watch) => void): void {
    for (const watch of this.watches) {
      try {
        call(watch);
      } catch (error) {
        this.logger.error(`A connection failed to handle a change of its feed: ${describeError(error)}`);
      }
    }
  }

  close(): void {
    if (this.subscription === 'closed') return;
    this.subscription = 'closed';
    this.unsubscribe?.();
    this.unsubscribe = null;
    this.cache.forget();
    this.on.abandoned(this.feed);
  }

  private async acknowledge(): Promise<void> {
    let unsubscribe: Unsubscribe;
    try {
      unsubscribe = await this.bus.subscribe(
        this.feed,
        (message) => {
          if (this.cache.announced(message)) this.changed();
        },
        () => this.notify((watch) => watch.onDisconnect()),
      );
    } catch (error) {
      if (this.subscription === 'closed') return;
      this.subscription = 'unsubscribed';
      this.outage.begin(error);
      return;
    }
    if (this.subscription === 'closed') {
      unsubscribe();
      return;
    }
    this.subscription = 'subscribed';
    this.unsubscribe = unsubscribe;
    this.outage.end();
    if (!this.joinedUnacknowledged) return;
    this.joinedUnacknowledged = false;
    // One check of heads for all such feeds, unless the first read of this one is still under way.
    if (this.cache.feedId !== null) this.on.acknowledgedLate();
    else if (this.cache.doubt()) this.changed();
  }
}

/** One connection's view of its feed. */
class Watch implements FeedWatch {
  /**
   * @param readSince The last event before the connection's next read of the log begins.
   */
  constructor(
    private readonly watched: WatchedFeed,
    readonly onChange: () => void,
    readonly onDisconnect: () => void,
    private readSince: number,
  ) {}

  next(epoch: string, after: number): readonly LogEntry[] {
    return this.watched.cache.next(epoch, after);
  }

  behind(epoch: string, after: number): boolean {
    return this.watched.cache.behind(epoch, after);
  }

  observe(state: FeedState): void {
    const { cache, events } = this.watched;
    if (cache.read(state, this.readSince)) this.watched.changed(this);
    this.readSince = events.now;
  }

  close(): void {
    this.watched.leave(this);
  }
}

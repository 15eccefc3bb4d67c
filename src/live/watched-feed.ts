import type { Logger } from '@nestjs/common';
import { describeError } from '../platform/logging/describe-error.js';
import type { LogEntry } from '../contract/model/entry.js';
import type { FeedKey } from '../contract/model/feed.js';
import type { FeedWatch, LiveBus, Unsubscribe } from '../contract/ports/live.js';
import type { FeedState } from '../contract/ports/read.js';
import type { EventCounter, FeedCache } from './feed-cache.js';
import type { Outage } from '../platform/logging/outage.js';

/**
 * One feed that has connections on this instance, with the one subscription that they share:
 *
 *     unsubscribed --subscribe()--> pending --acknowledged--> subscribed
 *                                   pending --failed--> unsubscribed, until the next check of heads tries again
 *       any state --last watch closed--> closed
 *
 * A bus that is away does not keep anybody from watching: the check of heads tells of new entries, only later. Whoever
 * began without an acknowledgement may have read the head before it; so when it comes after all, the head is read again.
 */
export class WatchedFeed {
  private readonly watches: Watch[] = [];
  private subscription: 'unsubscribed' | 'pending' | 'subscribed' | 'closed' = 'unsubscribed';
  private acknowledged: Promise<void> = Promise.resolve();
  private unsubscribe: Unsubscribe | null = null;
  private someoneDidNotWait = false;

  constructor(
    readonly feed: FeedKey,
    readonly cache: FeedCache,
    readonly events: EventCounter,
    private readonly bus: Pick<LiveBus, 'subscribe' | 'connected'>,
    private readonly outage: Outage,
    private readonly logger: Logger,
    private readonly on: { abandoned: () => void; acknowledgedLate: () => void },
  ) {}

  /** Joins; resolves when the bus has acknowledged, or at once if it is away. Never rejects. */
  async join(onChange: () => void, onDisconnect: () => void = () => {}): Promise<FeedWatch> {
    const watch: Watch = new Watch(this, onChange, onDisconnect, this.events.now);
    this.watches.push(watch);
    this.subscribe();
    if (this.bus.connected) await this.acknowledged;
    if (this.subscription !== 'subscribed') this.someoneDidNotWait = true;
    return watch;
  }

  leave(watch: Watch): void {
    const index = this.watches.indexOf(watch);
    if (index === -1) return;
    this.watches.splice(index, 1);
    if (this.watches.length === 0) this.close();
  }

  /** Subscribes if that has failed, or was not tried yet. */
  subscribe(): void {
    if (this.subscription !== 'unsubscribed') return;
    this.subscription = 'pending';
    this.acknowledged = this.acknowledge();
  }

  /** Tells all watches, but for the one that caused the change and knows it. */
  changed(except?: Watch): void {
    this.tell((watch) => {
      if (watch !== except) watch.onChange();
    });
  }

  private tell(call: (watch: Watch) => void): void {
    // A copy, since a watch may be closed while it is told; the one of the normal case needs none.
    for (const watch of this.watches.length === 1 ? this.watches : [...this.watches]) {
      try {
        call(watch);
      } catch (error) {
        this.logger.error(`A connection failed to take a change of its feed: ${describeError(error)}`);
      }
    }
  }

  close(): void {
    if (this.subscription === 'closed') return;
    this.subscription = 'closed';
    this.unsubscribe?.();
    this.unsubscribe = null;
    this.cache.forget();
    this.on.abandoned();
  }

  private async acknowledge(): Promise<void> {
    let unsubscribe: Unsubscribe;
    try {
      unsubscribe = await this.bus.subscribe(
        this.feed,
        (message) => {
          if (this.cache.announced(message)) this.changed();
        },
        () => this.tell((watch) => watch.onDisconnect()),
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
    if (!this.someoneDidNotWait) return;
    this.someoneDidNotWait = false;
    // One check of heads for all such feeds, unless the first read of this one is still on its way.
    if (this.cache.feedId !== null) this.on.acknowledgedLate();
    else if (this.cache.doubt()) this.changed();
  }
}

/** One connection's view of its feed. */
class Watch implements FeedWatch {
  /**
   * @param readSince What happened up to here, the connection's next read of the log has seen: it begins later.
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

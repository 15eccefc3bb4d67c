import { Logger } from '@nestjs/common';
import { feedKeyString, type FeedKey } from '../contract/model/feed.js';
import type { FeedWatch, LiveBus, LiveFeeds, Unsubscribe } from '../contract/ports/live.js';
import type { FeedReader } from '../contract/ports/read.js';
import { EventCounter, FeedCache } from './feed-cache.js';
import { HeadCheck } from './head-check.js';
import { jittered } from '../platform/time/jitter.js';
import { Outage } from '../platform/logging/outage.js';
import type { MemoryBudget } from './recent-entries.js';
import { WatchedFeed } from './watched-feed.js';

/** The memory for the recent entries of all feeds; beyond it, entries are read from the log. */
const MEMORY = 64 * 1024 * 1024;

export interface LiveFeedsOptions {
  /** How often the heads of all watched feeds are compared with the log, jittered by a fifth each way. */
  headCheckMs: number;
}

/**
 * The feeds that have connections on this instance: one subscription to the bus each, and one check of all heads:
 *
 *     waiting --headCheckMs, or the bus or a subscription is back--> checking --answered or failed--> waiting
 *                                       checking --the same again--> checking, once more
 *       any state --close()--> closed
 */
export class LiveFeedsHub implements LiveFeeds {
  private readonly logger = new Logger(LiveFeedsHub.name);
  private readonly busOutage = new Outage(this.logger, 'Subscribing to the live bus');
  private readonly feeds = new Map<string, WatchedFeed>();
  private readonly events = new EventCounter();
  private readonly memory: MemoryBudget = { left: MEMORY };
  private readonly heads: HeadCheck;
  private readonly stopListening: Unsubscribe;
  private timer: NodeJS.Timeout | undefined;
  private checking = false;
  private checkAgain = false;
  private closed = false;
  /** What the feeds report. */
  private readonly on = {
    abandoned: (feed: FeedKey): unknown => this.feeds.delete(feedKeyString(feed)),
    acknowledgedLate: (): void => void this.check(),
  };

  constructor(
    private readonly bus: LiveBus,
    reader: Pick<FeedReader, 'heads'>,
    private readonly options: LiveFeedsOptions,
  ) {
    this.heads = new HeadCheck(
      (ids) => reader.heads(ids),
      this.events,
      new Outage(this.logger, 'The head check'),
    );
    this.stopListening = bus.onReconnect(() => void this.check());
    this.checkLater();
  }

  /** How many feeds are watched. */
  get size(): number {
    return this.feeds.size;
  }

  /**
   * See {@link LiveFeeds.watch}. It also resolves while the bus is unavailable: until the bus is back, only the check of
   * heads finds new entries.
   */
  async watch(feed: FeedKey, onChange: () => void, onDisconnect?: () => void): Promise<FeedWatch> {
    if (this.closed) throw new Error('The live feeds are closed');
    const key = feedKeyString(feed);
    let watched = this.feeds.get(key);
    if (watched === undefined) {
      watched = new WatchedFeed(
        feed,
        new FeedCache(this.events, this.memory),
        this.events,
        this.bus,
        this.busOutage,
        this.logger,
        this.on,
      );
      this.feeds.set(key, watched);
    }
    return watched.join(onChange, onDisconnect);
  }

  disconnect(feeds: readonly FeedKey[]): void {
    this.bus.disconnect(feeds);
  }

  /** Ends all subscriptions. The caller closes the bus. */
  close(): void {
    this.closed = true;
    clearTimeout(this.timer);
    this.stopListening();
    for (const feed of [...this.feeds.values()]) feed.close();
  }

  private checkLater(): void {
    // Jittered: instances that started together would otherwise query together forever.
    this.timer = setTimeout(() => void this.check(), jittered(this.options.headCheckMs, 0.2)).unref();
  }

  private async check(): Promise<void> {
    if (this.checking) {
      this.checkAgain = true;
      return;
    }
    clearTimeout(this.timer);
    this.checking = true;
    do {
      this.checkAgain = false;
      for (const feed of this.feeds.values()) {
        feed.cache.age();
        if (this.bus.connected) feed.subscribe();
      }
      await this.heads.run(this.feeds.values());
    } while (this.checkAgain && !this.closed);
    this.checking = false;
    if (!this.closed) this.checkLater();
  }
}

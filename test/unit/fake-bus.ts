import { feedId, type FeedKey } from '../../src/contract/feed.js';
import type { Announcement, LiveBus, Unsubscribe } from '../../src/contract/ports/live.js';

/** A bus in memory that does what the test says and nothing by itself: it is the adversary. */
export class FakeBus implements LiveBus {
  connected = true;
  /** What {@link subscribe} waits for; rejects if the test says so. */
  acknowledgement: () => Promise<void> = () => Promise.resolve();
  subscribed = 0;
  unsubscribed = 0;
  private readonly listeners = new Map<string, Set<(announcement: Announcement) => void>>();
  private readonly reconnected = new Set<() => void>();

  announce(announcements: readonly Announcement[]): void {
    for (const announcement of announcements) {
      for (const listener of this.listeners.get(feedId(announcement.feed)) ?? []) listener(announcement);
    }
  }

  async subscribe(feed: FeedKey, listener: (announcement: Announcement) => void): Promise<Unsubscribe> {
    this.subscribed++;
    await this.acknowledgement();
    const listeners = this.listeners.get(feedId(feed)) ?? new Set();
    this.listeners.set(feedId(feed), listeners.add(listener));
    return () => {
      this.unsubscribed++;
      listeners.delete(listener);
    };
  }

  onReconnect(listener: () => void): Unsubscribe {
    this.reconnected.add(listener);
    return () => this.reconnected.delete(listener);
  }

  reconnect(): void {
    this.connected = true;
    for (const listener of this.reconnected) listener();
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}

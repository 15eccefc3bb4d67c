import { feedKeyString, type FeedKey } from '../../src/contract/model/feed.js';
import type { Announcement, LiveBus, Unsubscribe } from '../../src/contract/ports/live.js';

/** A bus in memory that does what the test says and nothing by itself: it is the adversary. */
export class FakeBus implements LiveBus {
  connected = true;
  /** What {@link subscribe} waits for; rejects if the test says so. */
  acknowledgement: () => Promise<void> = () => Promise.resolve();
  subscribed = 0;
  unsubscribed = 0;
  private readonly listeners = new Map<string, Set<(announcement: Announcement) => void>>();
  private readonly disconnects = new Map<string, Set<() => void>>();
  private readonly reconnected = new Set<() => void>();

  announce(announcements: readonly Announcement[]): void {
    for (const announcement of announcements) {
      for (const listener of this.listeners.get(feedKeyString(announcement.feed)) ?? [])
        listener(announcement);
    }
  }

  disconnect(feeds: readonly FeedKey[]): void {
    for (const feed of feeds) for (const end of this.disconnects.get(feedKeyString(feed)) ?? []) end();
  }

  async subscribe(
    feed: FeedKey,
    listener: (announcement: Announcement) => void,
    disconnected: () => void = () => {},
  ): Promise<Unsubscribe> {
    this.subscribed++;
    await this.acknowledgement();
    const listeners = this.listeners.get(feedKeyString(feed)) ?? new Set();
    this.listeners.set(feedKeyString(feed), listeners.add(listener));
    const disconnects = this.disconnects.get(feedKeyString(feed)) ?? new Set();
    this.disconnects.set(feedKeyString(feed), disconnects.add(disconnected));
    return () => {
      this.unsubscribed++;
      listeners.delete(listener);
      disconnects.delete(disconnected);
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

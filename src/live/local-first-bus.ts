import { Logger } from '@nestjs/common';
import { feedKeyString, type FeedKey } from '../contract/model/feed.js';
import type { Announcement, LiveBus, Unsubscribe } from '../contract/ports/live.js';
import { describeError } from '../platform/logging/describe-error.js';

type Announced = Parameters<LiveBus['subscribe']>[1];

/**
 * Delivers the commits of this process to its own listeners at once, and to the other processes over the bus. The echo that comes back over
 * the bus has no effect: the feed's cache knows the number.
 */
export class LocalFirstBus implements LiveBus {
  private readonly logger = new Logger(LocalFirstBus.name);
  /** By feed; one listener in the normal case, so an array. */
  private readonly listeners = new Map<string, Announced[]>();

  constructor(private readonly bus: LiveBus) {}

  get connected(): boolean {
    return this.bus.connected;
  }

  announce(announcements: readonly Announcement[]): void {
    for (const announcement of announcements) this.announceHere(announcement);
    this.bus.announce(announcements);
  }

  /** Over the bus only: the streams of this process have been ended by their own stage, at once. */
  disconnect(feeds: readonly FeedKey[]): void {
    this.bus.disconnect(feeds);
  }

  async subscribe(feed: FeedKey, announced: Announced, disconnected?: () => void): Promise<Unsubscribe> {
    const key = feedKeyString(feed);
    this.add(key, announced);
    try {
      const unsubscribe = await this.bus.subscribe(feed, announced, disconnected);
      return () => {
        this.remove(key, announced);
        unsubscribe();
      };
    } catch (error) {
      this.remove(key, announced);
      throw error;
    }
  }

  onReconnect(listener: () => void): Unsubscribe {
    return this.bus.onReconnect(listener);
  }

  close(): Promise<void> {
    this.listeners.clear();
    return this.bus.close();
  }

  private announceHere(announcement: Announcement): void {
    const listeners = this.listeners.get(feedKeyString(announcement.feed)) ?? [];
    // Backwards, since a listener may remove itself while it is called.
    for (let index = listeners.length - 1; index >= 0; index--) {
      try {
        listeners[index]?.(announcement);
      } catch (error) {
        this.logger.error(`A listener of the live bus failed: ${describeError(error)}`);
      }
    }
  }

  private add(key: string, listener: Announced): void {
    const listeners = this.listeners.get(key);
    if (listeners) listeners.push(listener);
    else this.listeners.set(key, [listener]);
  }

  private remove(key: string, listener: Announced): void {
    const listeners = this.listeners.get(key) ?? [];
    const index = listeners.indexOf(listener);
    if (index === -1) return;
    listeners.splice(index, 1);
    if (listeners.length === 0) this.listeners.delete(key);
  }
}

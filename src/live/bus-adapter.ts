import type { Logger } from '@nestjs/common';
import type { FeedKey } from '../contract/model/feed.js';
import type { Announcement, Announcer, LiveBus, Unsubscribe } from '../contract/ports/live.js';
import { NotAcknowledgedError } from './acknowledgement.js';
import { Signal } from './signal.js';
import { listenerOf, type Listener } from './subscriptions.js';

/** The part of a bus that does not depend on its server. A closed bus ignores announcements and rejects subscriptions. */
export abstract class BusAdapter implements LiveBus {
  protected readonly reconnected: Signal;
  protected closed = false;

  protected constructor(protected readonly logger: Logger) {
    this.reconnected = new Signal(logger);
  }

  abstract get connected(): boolean;

  protected abstract get sender(): Announcer & Pick<LiveBus, 'disconnect'>;

  announce(announcements: readonly Announcement[]): void {
    if (!this.closed) this.sender.announce(announcements);
  }

  disconnect(feeds: readonly FeedKey[]): void {
    if (!this.closed) this.sender.disconnect(feeds);
  }

  async subscribe(
    feed: FeedKey,
    announced: Listener['announced'],
    disconnected?: Listener['disconnected'],
  ): Promise<Unsubscribe> {
    if (this.closed) throw new NotAcknowledgedError('The live bus is closed');
    return this.join(feed, listenerOf(announced, disconnected));
  }

  onReconnect(listener: () => void): Unsubscribe {
    return this.reconnected.on(listener);
  }

  async close(): Promise<void> {
    if (this.closed) return;
    this.closed = true;
    this.reconnected.clear();
    await this.end();
  }

  /** Resolves when the server has acknowledged that messages of the feed will arrive; otherwise removes the listener and rejects. */
  protected abstract join(feed: FeedKey, listener: Listener): Promise<Unsubscribe>;

  /** Sends waiting messages and closes the connections of this adapter. Called once. */
  protected abstract end(): Promise<void>;
}

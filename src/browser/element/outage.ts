import type { BellSnapshot } from './types.js';

/** A reconnect during a deploy takes less, and is not shown. */
const SHOW_AFTER_MS = 1_500;
const ANNOUNCE_AFTER_MS = 6_000;

/** The reactions to an outage that lasts. */
export interface OutageListener {
  show(): void;
  announce(): void;
  /** The connection is back after an outage that was announced. */
  announceRecovery(): void;
}

/**
 * How long the connection has been down:
 *
 *     none --offline--> pending --1.5 s--> shown --6 s--> announced
 *      ^___________________|_________________|________________|  live, closed or stopped
 *
 * `connecting` changes nothing, because every attempt begins with it.
 */
export class Outage {
  private state: 'none' | 'pending' | 'shown' | 'announced' = 'none';
  private timer: ReturnType<typeof setTimeout> | undefined;

  constructor(private readonly listener: OutageListener) {}

  get isShown(): boolean {
    return this.state === 'shown' || this.state === 'announced';
  }

  follow({ status }: BellSnapshot): void {
    if (status.state === 'offline') {
      if (this.state === 'none') this.begin();
    } else if (status.state !== 'connecting') {
      const wasAnnounced = this.state === 'announced';
      this.stop();
      if (wasAnnounced && status.state === 'live') this.listener.announceRecovery();
    }
  }

  stop(): void {
    clearTimeout(this.timer);
    this.state = 'none';
  }

  private begin(): void {
    this.state = 'pending';
    this.timer = setTimeout(() => {
      this.state = 'shown';
      this.listener.show();
      this.timer = setTimeout(() => {
        this.state = 'announced';
        this.listener.announce();
      }, ANNOUNCE_AFTER_MS);
    }, SHOW_AFTER_MS);
  }
}

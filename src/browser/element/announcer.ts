import type { Appearance } from './appearance.js';
import { h, setText } from './dom.js';

/** Notifications that arrive within this time are announced together. */
const BATCH_MS = 1_000;
/** The least time between an announcement and the next one of arrivals. */
const MIN_INTERVAL_MS = 6_000;
/** The text is removed after this time, so that a screen reader that reads through the page does not find an old one. */
const CLEAR_AFTER_MS = 8_000;

/**
 * Announcements to screen readers, by one polite live region. Results of user actions are announced at once. Arrivals are batched and
 * rate-limited, so that a busy feed does not keep the screen reader talking.
 */
export class Announcer {
  readonly element = h('div', {
    class: 'hidden',
    role: 'status',
    'aria-live': 'polite',
    'aria-atomic': 'true',
  });
  private arrivals = 0;
  private lastTitle = '';
  private lastAnnouncedAt = -Infinity;
  private batchTimer: ReturnType<typeof setTimeout> | undefined;
  private clearTimer: ReturnType<typeof setTimeout> | undefined;

  constructor(private readonly appearance: Appearance) {}

  announce(text: string): void {
    this.lastAnnouncedAt = Date.now();
    setText(this.element, text);
    clearTimeout(this.clearTimer);
    this.clearTimer = setTimeout(() => setText(this.element, ''), CLEAR_AFTER_MS);
  }

  announceArrival(title: string): void {
    this.arrivals++;
    this.lastTitle = title;
    const waitMs = Math.max(BATCH_MS, this.lastAnnouncedAt + MIN_INTERVAL_MS - Date.now());
    this.batchTimer ??= setTimeout(() => {
      const count = this.arrivals;
      const { strings, times } = this.appearance.rowStyle;
      this.discardArrivals();
      this.announce(strings.arrived(times.number(count), this.lastTitle, count === 1));
    }, waitMs);
  }

  /** Drops arrivals that are not announced yet. */
  private discardArrivals(): void {
    clearTimeout(this.batchTimer);
    this.batchTimer = undefined;
    this.arrivals = 0;
  }

  /** Announces nothing more of what it was told, and leaves no text. */
  stop(): void {
    this.discardArrivals();
    clearTimeout(this.clearTimer);
    setText(this.element, '');
  }
}

import { h, setText } from './dom.js';

/** Bursts come as one sentence. */
const GATHER_MS = 1_000;
/** Between two sentences that nobody asked for. */
const QUIET_MS = 6_000;
/** A sentence that stays would be found again by who reads the page through. */
const KEEP_MS = 8_000;

/**
 * The voice of the element: one polite live region. Answers to what the user did are said at once; arrivals are gathered, and said
 * every few seconds at most, so that a busy feed does not talk without end.
 */
export class Announcer {
  readonly element = h('div', {
    class: 'hidden',
    role: 'status',
    'aria-live': 'polite',
    'aria-atomic': 'true',
  });
  private gathered = 0;
  private lastTitle = '';
  private lastSaidAt = -Infinity;
  private timer: ReturnType<typeof setTimeout> | undefined;
  private clearing: ReturnType<typeof setTimeout> | undefined;

  constructor(private readonly sentence: (count: number, lastTitle: string) => string) {}

  say(text: string): void {
    this.lastSaidAt = Date.now();
    setText(this.element, text);
    clearTimeout(this.clearing);
    this.clearing = setTimeout(() => setText(this.element, ''), KEEP_MS);
  }

  arrived(title: string): void {
    this.gathered++;
    this.lastTitle = title;
    const waitMs = Math.max(GATHER_MS, this.lastSaidAt + QUIET_MS - Date.now());
    this.timer ??= setTimeout(() => {
      const count = this.gathered;
      this.reset();
      this.say(this.sentence(count, this.lastTitle));
    }, waitMs);
  }

  /** Forgets what was not said yet. */
  reset(): void {
    clearTimeout(this.timer);
    this.timer = undefined;
    this.gathered = 0;
  }

  stop(): void {
    this.reset();
    clearTimeout(this.clearing);
    setText(this.element, '');
  }
}

import type { FeedSource } from './feed-source.js';
import type { Timers } from './timers.js';
import type { BellSnapshot } from './types.js';

/** Notifications count as seen after the panel has shown them for this time. */
const SEEN_AFTER_MS = 1_000;

/** Marks as seen what the panel shows. */
export class SeenMarker {
  private wasLoaded = false;

  constructor(
    private readonly source: FeedSource,
    private readonly timers: Timers,
    private readonly isShown: () => boolean,
  ) {}

  /** Another feed is shown. */
  reset(): void {
    this.wasLoaded = false;
  }

  /** The first page of an open panel counts as seen, too. */
  follow({ loaded }: BellSnapshot): void {
    if (loaded === this.wasLoaded) return;
    this.wasLoaded = loaded;
    this.markSoon();
  }

  markSoon(): void {
    if (!this.timers.has('seen')) this.timers.set('seen', SEEN_AFTER_MS, this.mark);
  }

  /** A failure is not retried: the next opening of the panel marks them. */
  readonly mark = (): void => {
    const { active, snapshot } = this.source;
    if (!this.isShown() || document.visibilityState !== 'visible' || snapshot.unseen === 0) return;
    active?.markSeen().catch(() => {});
  };
}

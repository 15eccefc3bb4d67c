import type { BellSnapshot } from './types.js';

/** A shorter break is none to a reader, who is still there. */
const BREAK_MS = 10_000;
/** What comes within this time after a break has waited for its end. */
const CATCH_UP_MS = 2_500;

/**
 * Whether arrivals are caught up after a break: the connection was lost, or the computer slept.
 *
 *     live --not live, or no tick, for 10 s--> away --live--> catching up --2.5 s--> live
 *
 * Compares times instead of following events: nothing tells a page that its computer has slept.
 */
export class CatchUp {
  private liveAt = 0;
  private until = 0;

  /** To be called regularly, and before what has arrived is looked at. */
  follow({ status }: BellSnapshot): void {
    if (status.state !== 'live') return;
    const now = Date.now();
    if (this.liveAt > 0 && now - this.liveAt > BREAK_MS) this.until = now + CATCH_UP_MS;
    this.liveAt = now;
  }

  get isUnderWay(): boolean {
    return Date.now() < this.until;
  }

  /** Another feed is shown. */
  reset(): void {
    this.liveAt = this.until = 0;
  }
}

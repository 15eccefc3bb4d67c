import type { Ledger } from './ledger.js';
import { now } from './timeline.js';

interface Mark {
  readonly fault: string;
  readonly upTo: number;
  readonly at: number;
}

/** How long after the end of each fault everything that was accepted before that end had reached its recipients. */
export class Recovery {
  /** The longest one, ms. */
  longest = { fault: '', ms: 0 };
  private open: Mark[] = [];
  private readonly timer: NodeJS.Timeout;

  constructor(
    private readonly ledger: Ledger,
    private readonly scenario: string,
  ) {
    this.timer = setInterval(() => this.look(), 100);
  }

  /** The fault is over. */
  mark(fault: string): void {
    this.open.push({ fault, upTo: this.ledger.notifications.length, at: now() });
  }

  stop(): void {
    this.look();
    clearInterval(this.timer);
  }

  private look(): void {
    if (this.open.length === 0) return;
    // Once for all of them: in a long outage there are hundreds, and this process is also the network.
    const settled = this.ledger.settledUpTo(this.scenario);
    this.open = this.open.filter((mark) => {
      if (mark.upTo > settled) return true;
      const ms = now() - mark.at;
      if (ms > this.longest.ms) this.longest = { fault: mark.fault, ms };
      return false;
    });
  }
}

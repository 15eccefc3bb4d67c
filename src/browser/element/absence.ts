import type { BellSnapshot } from './types.js';

/** A deploy's reconnect is no news. */
const SHOWN_AFTER_MS = 1_500;
const SAID_AFTER_MS = 6_000;

/** What is done about a connection that is away for long. */
export interface AbsenceOwner {
  shown(): void;
  said(): void;
  backAfterSaid(): void;
}

/**
 * How long the connection has been away:
 *
 *     here --offline--> noticed --1.5 s--> shown --6 s--> said
 *       ^__________________|___________________|______________|  live, closed or stopped
 *
 * `connecting` changes nothing: it is how each attempt begins.
 */
export class Absence {
  private state: 'here' | 'noticed' | 'shown' | 'said' = 'here';
  private timer: ReturnType<typeof setTimeout> | undefined;

  constructor(private readonly owner: AbsenceOwner) {}

  get isShown(): boolean {
    return this.state === 'shown' || this.state === 'said';
  }

  follow({ status }: BellSnapshot): void {
    if (status.state === 'offline') {
      if (this.state === 'here') this.begin();
    } else if (status.state !== 'connecting') {
      const wasSaid = this.state === 'said';
      this.stop();
      if (wasSaid && status.state === 'live') this.owner.backAfterSaid();
    }
  }

  stop(): void {
    clearTimeout(this.timer);
    this.state = 'here';
  }

  private begin(): void {
    this.state = 'noticed';
    this.timer = setTimeout(() => {
      this.state = 'shown';
      this.owner.shown();
      this.timer = setTimeout(() => {
        this.state = 'said';
        this.owner.said();
      }, SAID_AFTER_MS);
    }, SHOWN_AFTER_MS);
  }
}

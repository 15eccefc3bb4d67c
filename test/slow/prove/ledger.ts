import { now, type Happening } from './timeline.js';

/**
 * What is known of a notification: `accepted` if the queue said that it has the job, `unknown` if it said nothing that can be relied on (an
 * error, a timeout, a lost answer). `rolled back`: it was written in a transaction that did not commit, and must not be there.
 */
export type Outcome = 'pending' | 'accepted' | 'unknown' | 'rolled back';

/** One notification for each of its recipients, sent once or several times under the same key. */
export interface Notification {
  /** Its `taskId`. */
  readonly index: number;
  readonly scenario: string;
  readonly to: ReadonlySet<string>;
  readonly submittedAt: number;
  /** Every attempt to send it and what came of it. */
  readonly attempts: Happening[];
  outcome: Outcome;
  acceptedAt: number | null;
  /**
   * Why it may be missing though it was accepted: who else than Tidings has lost it; by recipient, since a broadcast may be several jobs, of
   * which some are lost.
   */
  readonly excuses: Map<string, string>;
  /** Recipients that no client has received it for yet. */
  readonly missing: Set<string>;
}

/** The account of every notification that was sent. */
export class Ledger {
  readonly notifications: Notification[] = [];
  /** Everything before it has arrived or need not. */
  private firstOpen = 0;

  open(scenario: string, to: readonly string[], how: string): Notification {
    const notification: Notification = {
      index: this.notifications.length,
      scenario,
      to: new Set(to),
      submittedAt: now(),
      attempts: [],
      outcome: 'pending',
      acceptedAt: null,
      excuses: new Map(),
      missing: new Set(to),
    };
    this.notifications.push(notification);
    this.note(notification, how);
    return notification;
  }

  note(notification: Notification, what: string): void {
    notification.attempts.push({ at: now(), what });
  }

  accepted(notification: Notification, how: string): void {
    this.note(notification, how);
    notification.acceptedAt ??= now();
    notification.outcome = 'accepted';
  }

  unknown(notification: Notification, why: unknown): void {
    this.note(notification, `unknown: ${why instanceof Error ? why.message : String(why)}`);
    if (notification.outcome === 'pending') notification.outcome = 'unknown';
  }

  rolledBack(notification: Notification): void {
    this.note(notification, 'rolled back');
    notification.outcome = 'rolled back';
  }

  received(index: number, recipient: string): void {
    this.notifications[index]?.missing.delete(recipient);
  }

  /** Somebody else may have lost these. */
  excuse(why: string, covers: (notification: Notification, recipient: string) => boolean): void {
    for (const notification of this.notifications) {
      const { to, excuses } = notification;
      for (const recipient of to)
        if (!excuses.has(recipient) && covers(notification, recipient)) excuses.set(recipient, why);
    }
  }

  /** The retention went past a client: what this recipient's clients have not got until now, they may never get. */
  trimmed(recipient: string): void {
    for (const { missing } of this.notifications) missing.delete(recipient);
  }

  /** How many accepted ones of a scenario have recipients who have not got them. */
  outstanding(scenario: string): number {
    let count = 0;
    for (let index = this.firstOpenOne(); index < this.notifications.length; index++) {
      if (isOutstanding(this.notifications[index]!, scenario)) count += 1;
    }
    return count;
  }

  /** How many notifications there were before the first outstanding one. */
  settledUpTo(scenario: string): number {
    const end = this.notifications.length;
    for (let index = this.firstOpenOne(); index < end; index++) {
      if (isOutstanding(this.notifications[index]!, scenario)) return index;
    }
    return end;
  }

  of(scenario: string): Notification[] {
    return this.notifications.filter((one) => one.scenario === scenario);
  }

  private firstOpenOne(): number {
    while (this.firstOpen < this.notifications.length && isDone(this.notifications[this.firstOpen]!))
      this.firstOpen += 1;
    return this.firstOpen;
  }
}

function isDone({ missing, excuses }: Notification): boolean {
  for (const recipient of missing) if (!excuses.has(recipient)) return false;
  return true;
}

function isOutstanding(one: Notification, scenario: string): boolean {
  return one.outcome === 'accepted' && one.scenario === scenario && !isDone(one);
}

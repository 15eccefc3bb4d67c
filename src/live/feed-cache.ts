import type { LogEntry } from '../contract/model/entry.js';
import type { FeedHead } from '../contract/ports/read.js';
import type { LiveMessage } from './message.js';
import { RecentEntries, type MemoryBudget } from './recent-entries.js';

/** Numbers the events of an instance, so that their order can be compared. */
export class EventCounter {
  private count = 0;

  /** The number of the newest event. */
  get now(): number {
    return this.count;
  }

  next(): number {
    return ++this.count;
  }
}

/**
 * The state of one feed as this instance knows it: epoch, head and recent entries. A read of the log is correct, but may be
 * outdated when it arrives; an announcement is quick, but may be wrong or obsolete. The order of events decides:
 *
 * - An announcement with a higher number counts at once (it is sent after the commit).
 * - A read of the log replaces everything that was known *before that read began*, up or down.
 * - An announcement that arrived during a read is newer than the read's snapshot and stays; the higher number counts.
 * - If numbers cannot decide (another epoch, a deleted feed), there is a *doubt*: every connection counts as behind until a
 *   read that began after it.
 *
 * So no new entry is forgotten, and a wrong announcement costs each connection at most two reads: one that may already be
 * under way, and the next one.
 */
export class FeedCache {
  /** The feed's id in Postgres; `null` before the first read of the log. */
  feedId: string | null = null;
  private epoch: string | null = null;
  private epochSince = 0;
  private head = 0;
  private headSince = 0;
  /** The event that caused the doubt; 0 if there is none. */
  private doubtSince = 0;
  private recent: RecentEntries | null = null;

  constructor(
    private readonly events: EventCounter,
    private readonly budget: MemoryBudget,
  ) {}

  next(epoch: string, after: number): readonly LogEntry[] {
    return this.recent !== null && epoch === this.epoch ? this.recent.following(after) : [];
  }

  behind(epoch: string, after: number): boolean {
    return this.doubtSince !== 0 || (this.epoch !== null && (epoch !== this.epoch || after !== this.head));
  }

  /** Takes a message of the bus. `true` if a connection may be behind now that was not before. */
  announced({ epoch, seq, entry }: LiveMessage): boolean {
    const now = this.events.next();
    if (this.epoch === null) this.begin(epoch, 0, now);
    if (epoch !== this.epoch) return this.doubt();
    if (entry !== null) (this.recent ??= new RecentEntries(this.budget)).add(entry);
    if (seq <= this.head) return false;
    this.head = seq;
    this.headSince = now;
    return true;
  }

  /**
   * Takes the result of a read of the log that began after the event `since`. `true` if the state changed, so that a
   * connection may be behind now that was not before.
   */
  read({ feedId, epoch, head }: FeedHead, since: number): boolean {
    this.feedId = feedId;
    const now = this.events.next();
    if (this.doubtSince <= since) this.doubtSince = 0;
    if (epoch !== this.epoch) {
      // Two reads crossed, or an announcement arrived during this one: only a new read shows which epoch is the older one.
      if (this.epoch !== null && this.epochSince > since) return this.doubt();
      this.begin(epoch, head, now);
      return true;
    }
    if (head === this.head || (head < this.head && this.headSince > since)) return false;
    // The head went down: the database was restored, and the entries after it no longer exist.
    if (head < this.head) this.forget();
    this.head = head;
    this.headSince = now;
    return true;
  }

  /** Records an event that only a read of the log can resolve. `true` if there was no doubt before. */
  doubt(): boolean {
    const certainBefore = this.doubtSince === 0;
    this.doubtSince = this.events.next();
    return certainBefore;
  }

  /** Forgets the recent entries if none arrived since the last call. */
  age(): void {
    if (this.recent?.age()) this.forget();
  }

  forget(): void {
    this.recent?.clear();
    this.recent = null;
  }

  private begin(epoch: string, head: number, now: number): void {
    this.forget();
    this.epoch = epoch;
    this.epochSince = now;
    this.head = head;
    this.headSince = now;
  }
}

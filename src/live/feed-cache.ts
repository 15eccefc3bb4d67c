import type { LogEntry } from '../contract/model/entry.js';
import type { FeedHead } from '../contract/ports/read.js';
import type { LiveMessage } from './message.js';
import { RecentEntries, type MemoryBudget } from './recent-entries.js';

/** Counts what happens on an instance, so that "before" and "after" can be told. */
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
 * What an instance knows of one feed: its epoch, its head and its recent entries. The log tells the truth, but what it told
 * may be old by the time it arrives; the bus is quick, but may tell what is not so (any more). Who is to be believed
 * follows from when things happened:
 *
 * - An announcement with a higher number is believed at once (it is sent after the commit).
 * - A read of the log overrules everything that was known *before that read began*, up or down.
 * - What became known while the read was on its way is newer than the read's snapshot and stays; the higher number counts.
 * - What numbers cannot decide (another epoch, a feed that is gone) makes a *doubt*: everybody is behind until a read that
 *   began after it.
 *
 * So nothing new is forgotten, and a false rumour costs each connection at most two reads: one that may have been on
 * its way already, and one that was not.
 */
export class FeedCache {
  /** The feed's id in Postgres; `null` until the log was read. */
  feedId: string | null = null;
  private epoch: string | null = null;
  private epochSince = 0;
  private head = 0;
  private headSince = 0;
  /** When the doubt arose; 0 if there is none. */
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

  /** The bus told this. `true` if somebody may be behind now who was not before. */
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
   * The log told this, in a read that began after the event `since`. `true` if what is known changed, so that somebody
   * may be behind now who was not before.
   */
  read({ feedId, epoch, head }: FeedHead, since: number): boolean {
    this.feedId = feedId;
    const now = this.events.next();
    if (this.doubtSince <= since) this.doubtSince = 0;
    if (epoch !== this.epoch) {
      // Two reads that crossed, or a rumour during this one: which of the epochs is the older one, only a new read can say.
      if (this.epoch !== null && this.epochSince > since) return this.doubt();
      this.begin(epoch, head, now);
      return true;
    }
    if (head === this.head || (head < this.head && this.headSince > since)) return false;
    // A head that went down: the database was restored, and what came after it does not exist any more.
    if (head < this.head) this.forget();
    this.head = head;
    this.headSince = now;
    return true;
  }

  /** Something happened that only a read of the log can tell. `true` if it was not known yet. */
  doubt(): boolean {
    const certainBefore = this.doubtSince === 0;
    this.doubtSince = this.events.next();
    return certainBefore;
  }

  /** Forgets the recent entries if none came since the last call. */
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

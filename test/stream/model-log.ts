import type { LogEntry } from '../../src/contract/model/entry.js';
import type { FeedKey } from '../../src/contract/model/feed.js';
import { formatCursor } from '../../src/contract/model/cursor.js';
import type { Announcement } from '../../src/contract/ports/live.js';
import type { FeedHead, FeedReader, FeedState, LogPage, OpenedFeed } from '../../src/contract/ports/read.js';

export const FEED: FeedKey = { tenant: 't', recipient: 'r' };
/** Entries of a page of the model: few, so that short histories have many pages. */
export const PAGE_ENTRIES = 3;

/** Reads without the adversary's doing after which somebody must be going round in circles. */
const MOST_PROMPT_READS = 5_000;

/** A read that was asked for: the adversary says when it looks at the log, and whether and when its answer arrives. */
interface PendingRead {
  look(): void;
  answer(): void;
  fail(): void;
}

/** What an entry says follows from its place, so that a wrong one shows. Some are changes of state. */
export function shownEntry(epoch: string, seq: number): LogEntry & { json: string } {
  const cursor = formatCursor(epoch, seq);
  return { seq, type: seq % 4 === 0 ? 'feed.read' : 'note', json: `{"cursor":"${cursor}"}` };
}

/**
 * The truth: the log of one feed, with everything that can happen to one, and the port to it. Reads hang until the adversary lets
 * them go on, or are answered at once when it has given up ({@link prompt}).
 */
export class ModelLog implements FeedReader {
  state: FeedState = { feedId: '1', epoch: 'e1', head: 0, floor: 0 };
  /** Every state there ever was, the newest last. */
  readonly history: FeedState[] = [this.state];
  readonly pending: PendingRead[] = [];
  prompt = false;
  private promptReads = 0;
  private hidden = new Set<number>();
  private readonly everHidden = new Set<string>();
  private made = 1;

  /** Whether it was read again and again although it stood still. */
  get isRestless(): boolean {
    return this.promptReads >= MOST_PROMPT_READS;
  }

  append(isHidden: boolean): Announcement {
    const { epoch, head } = this.state;
    const seq = head + 1;
    this.become({ head: seq });
    if (isHidden) this.hide(seq);
    return { feed: FEED, epoch, seq, entry: this.entry(epoch, seq, this.hidden) };
  }

  /** Recalled, expired or deleted: from now on it only moves the cursor. */
  hide(seq: number): void {
    if (seq < 1 || seq > this.state.head) return;
    this.hidden.add(seq);
    this.everHidden.add(formatCursor(this.state.epoch, seq));
  }

  wasHidden(epoch: string, seq: number): boolean {
    return this.everHidden.has(formatCursor(epoch, seq));
  }

  trim(count: number): void {
    this.become({ floor: Math.min(this.state.floor + count, this.state.head) });
  }

  /** A restored copy of the database: with a new epoch if that was noticed, else only with a smaller head. */
  restore(lost: number, noticed: boolean): void {
    const head = Math.max(this.state.head - lost, 0);
    this.hidden = new Set([...this.hidden].filter((seq) => seq <= head));
    this.become({ head, floor: Math.min(this.state.floor, head) });
    if (noticed) this.rotate();
  }

  rotate(): void {
    this.become({ epoch: `e${++this.made}` });
    for (const seq of this.hidden) this.hide(seq);
  }

  /** Erased, and made anew by whoever opens it next. */
  erase(): void {
    this.made += 1;
    this.hidden = new Set();
    this.become({ feedId: String(this.made), epoch: `e${this.made}`, head: 0, floor: 0 });
  }

  open(): Promise<OpenedFeed> {
    return this.read(() => ({ ...this.state, unread: 0, unseen: 0, pending: false }));
  }

  find(): Promise<FeedState> {
    return this.read(() => this.state);
  }

  page(feedId: string, after: number): Promise<LogPage | null> {
    return this.read(() => {
      if (feedId !== this.state.feedId) return null;
      const { epoch, head, floor } = this.state;
      const first = Math.max(after, floor) + 1;
      const count = Math.min(PAGE_ENTRIES, Math.max(head - first + 1, 0));
      const entries = Array.from({ length: count }, (_, index) =>
        this.entry(epoch, first + index, this.hidden),
      );
      return { ...this.state, entries };
    });
  }

  heads(feedIds: readonly string[]): Promise<FeedHead[]> {
    return this.read(() => (feedIds.includes(this.state.feedId) ? [this.state] : []));
  }

  private become(change: Partial<FeedState>): void {
    this.state = { ...this.state, ...change };
    this.history.push(this.state);
  }

  private entry(epoch: string, seq: number, hidden: ReadonlySet<number>): LogEntry {
    const entry = shownEntry(epoch, seq);
    return hidden.has(seq) ? { ...entry, json: null } : entry;
  }

  private read<T>(look: () => T): Promise<T> {
    // Who reads for ever in one turn would never let the test fail.
    if (this.prompt && !this.isRestless) {
      this.promptReads += 1;
      return Promise.resolve(look());
    }
    return new Promise((resolve, reject) => {
      let seen: { value: T } | null = null;
      const settle = (how: () => void): void => {
        this.pending.splice(this.pending.indexOf(read), 1);
        how();
      };
      const read: PendingRead = {
        look: () => (seen ??= { value: look() }),
        answer: () => {
          read.look();
          settle(() => resolve(seen!.value));
        },
        fail: () => settle(() => reject(new Error('the log is away'))),
      };
      this.pending.push(read);
    });
  }
}

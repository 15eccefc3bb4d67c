import type { LogEntry } from '../contract/model/entry.js';

const MAX_ENTRIES = 64;
/** At most a page of the log (256 KiB) in UTF-8, where a UTF-16 code unit takes up to 3 bytes: a connection holds at once what it gets at once (G7). */
const MAX_CHARACTERS = 80 * 1024;
const NONE: readonly LogEntry[] = [];

/** The memory left for the recent entries of all feeds of an instance, in UTF-16 code units. */
export interface MemoryBudget {
  left: number;
}

/**
 * The entries of one feed and one epoch that arrived recently over the bus, by number, so that their order of arrival does
 * not matter. Created with the first entry: tens of thousands of watched feeds have none.
 */
export class RecentEntries {
  private readonly bySeq = new Map<number, LogEntry>();
  private characters = 0;
  private fresh = true;

  constructor(private readonly budget: MemoryBudget) {}

  add(entry: LogEntry): void {
    this.fresh = true;
    const size = sizeOf(entry);
    if (this.bySeq.has(entry.seq) || size > this.budget.left) return;
    this.bySeq.set(entry.seq, entry);
    this.take(size);
    // A Map keeps the order of insertion: the first entry is the oldest one.
    for (const oldest of this.bySeq.values()) {
      if (this.bySeq.size <= MAX_ENTRIES && this.characters <= MAX_CHARACTERS) break;
      this.bySeq.delete(oldest.seq);
      this.take(-sizeOf(oldest));
    }
  }

  /** The entries that directly follow `after`; none if there is a hole. */
  following(after: number): readonly LogEntry[] {
    let entry = this.bySeq.get(after + 1);
    if (entry === undefined) return NONE;
    const entries: LogEntry[] = [];
    for (; entry !== undefined; entry = this.bySeq.get(entry.seq + 1)) entries.push(entry);
    return entries;
  }

  /** `true` if no entry arrived since the last call: a connection that has not read these yet is slow, and reads the log. */
  age(): boolean {
    const stale = !this.fresh;
    this.fresh = false;
    return stale;
  }

  clear(): void {
    this.bySeq.clear();
    this.take(-this.characters);
  }

  private take(characters: number): void {
    this.characters += characters;
    this.budget.left -= characters;
  }
}

/** An entry takes about 100 bytes besides its JSON. */
function sizeOf(entry: LogEntry): number {
  return 100 + (entry.json?.length ?? 0);
}

import type { LogDatabase } from '../database/database.js';
import type { Statement } from '../database/statement.js';
import type { TypedAnnouncement } from '../inbox/change-row.js';
import { Sweep } from './sweep.js';

const ENTRIES_PER_LOOK = 1_000;
const ENTRIES_PER_FEED = 1_000;

/** How long before the last sweep something may be due that it did not find: it was committed later, or clocks were set. */
const COMMITS_MS = 3_600_000;

interface DueRow {
  feed_id: string;
  tenant: string;
  recipient: string;
  epoch: string;
  seq: string;
  type: string;
  entry_json: string | null;
}

/** The statements of a {@link DueSweep}. */
export interface DueStatements {
  /** Parameters: time, maximum rows, the feeds to skip. Result: the ids of feeds with something that is due since then. */
  readonly find: Statement;
  /** Parameters: feed ids, maximum entries of each. Result: the new entries of the feeds that were not locked elsewhere. */
  readonly run: Statement;
}

/** Upkeep of what is due at a time of its own, which appends entries to the feeds. */
export class DueSweep extends Sweep {
  /**
   * Where the next look begins. Until the table is vacuumed, the index still has what was done at its low
   * end, and a look would pass all of it each time.
   */
  private from = new Date(0);

  protected constructor(
    name: string,
    lock: number,
    database: LogDatabase,
    everyMs: number,
    private readonly statements: DueStatements,
    /** Called after each commit. */
    private readonly announce: (announcements: readonly TypedAnnouncement[]) => void,
  ) {
    super(name, database, lock, everyMs);
  }

  /** Does everything that is due, except in feeds locked elsewhere. Resolves to the number of new entries. */
  async sweep(): Promise<number> {
    const locked: string[] = [];
    const batches = this.batches(async (query, now) => {
      const { find, run } = this.statements;
      const found = await query<{ id: string }>(find, [this.from, ENTRIES_PER_LOOK, locked]);
      if (found.length === 0) {
        if (locked.length === 0) this.from = new Date(now.getTime() - COMMITS_MS);
        return null;
      }
      const ids = found.map(({ id }) => id);
      const rows = await query<DueRow>(run, [ids, ENTRIES_PER_FEED]);
      const done = new Set(rows.map((row) => row.feed_id));
      locked.push(...ids.filter((id) => !done.has(id)));
      return rows;
    });
    let changed = 0;
    for await (const rows of batches) {
      this.announce(rows.map(toAnnouncement));
      changed += rows.length;
    }
    return changed;
  }
}

function toAnnouncement({
  tenant,
  recipient,
  epoch,
  type,
  entry_json: json,
  ...row
}: DueRow): TypedAnnouncement {
  const seq = Number(row.seq);
  // Without its JSON it is read from the log: what expires must not be served from memory.
  return { feed: { tenant, recipient }, epoch, seq, type, entry: json === null ? null : { seq, type, json } };
}

import type { Announcement, Announcer } from '../../contract/ports/live.js';
import type { LogDatabase } from '../database/database.js';
import type { Statement } from '../database/statement.js';
import { Sweep } from './sweep.js';

const ENTRIES_PER_LOOK = 1_000;
const ENTRIES_PER_FEED = 1_000;

/** How long before the last sweep something may have expired that it did not find: it was committed later, or clocks were set. */
const COMMITS_MS = 3_600_000;

/**
 * Parameters: time, maximum entries, the feeds to skip. Result: feeds with entries that have expired since
 * then and are not hidden yet.
 */
export const FIND_EXPIRED: Statement = (schema) => `
  SELECT DISTINCT d.feed_id AS id FROM (
    SELECT feed_id FROM ${schema}.entry
     WHERE expires_at >= $1 AND expires_at <= now() AND NOT hidden AND feed_id <> ALL ($3::bigint[])
     ORDER BY expires_at LIMIT $2
  ) d`;

/** Parameters: feed ids, maximum entries of each. Result: one row per feed that was not locked elsewhere. */
const EXPIRE: Statement = (schema) => `SELECT * FROM ${schema}.expire($1::bigint[], $2)`;

interface ExpiredRow {
  feed_id: string;
  tenant: string;
  recipient: string;
  epoch: string;
  seq: string;
  type: string;
  entry_json: string;
}

/**
 * Hides expired notifications and appends a `feed.removed` to each feed, so that open pages follow. Lists, counts and
 * streams ignore an expired entry at once, swept or not.
 */
export class ExpirySweep extends Sweep {
  /**
   * Where the next look begins. Until the table is vacuumed, the index still has what was hidden at its low
   * end, and a look would pass all of it each time.
   */
  private from = new Date(0);

  constructor(
    database: LogDatabase,
    private readonly announcer: Announcer,
    everyMs: number,
  ) {
    super('The sweep of expired notifications', database, 2, everyMs);
  }

  /** Hides everything that is due, except in feeds locked elsewhere. Resolves to the number of changed feeds. */
  async sweep(): Promise<number> {
    const locked: string[] = [];
    const batches = this.batches(async (query, now) => {
      const found = await query<{ id: string }>(FIND_EXPIRED, [this.from, ENTRIES_PER_LOOK, locked]);
      if (found.length === 0) {
        if (locked.length === 0) this.from = new Date(now.getTime() - COMMITS_MS);
        return null;
      }
      const ids = found.map(({ id }) => id);
      const rows = await query<ExpiredRow>(EXPIRE, [ids, ENTRIES_PER_FEED]);
      const done = new Set(rows.map((row) => row.feed_id));
      locked.push(...ids.filter((id) => !done.has(id)));
      return rows;
    });
    let changed = 0;
    for await (const rows of batches) {
      this.announcer.announce(rows.map(toAnnouncement));
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
}: ExpiredRow): Announcement {
  const seq = Number(row.seq);
  return { feed: { tenant, recipient }, epoch, seq, entry: { seq, type, json } };
}

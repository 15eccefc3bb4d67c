import type { Announcement, Announcer } from '../../contract/ports/live.js';
import type { LogDatabase } from '../database/database.js';
import type { Statement } from '../database/statement.js';
import { Sweep } from './sweep.js';

const ENTRIES_PER_LOOK = 1_000;
const ENTRIES_PER_FEED = 1_000;

/** Parameters: maximum entries, the feeds to skip. Result: feeds with expired entries that are not hidden yet. */
const FIND_DUE: Statement = (schema) => `
  SELECT DISTINCT d.feed_id AS id FROM (
    SELECT feed_id FROM ${schema}.entry
     WHERE expires_at <= now() AND NOT hidden AND feed_id <> ALL ($2::bigint[]) ORDER BY expires_at LIMIT $1
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
  constructor(
    private readonly database: LogDatabase,
    private readonly announcer: Announcer,
    everyMs: number,
  ) {
    super('The sweep of expired notifications', everyMs);
  }

  /** Hides everything that is due, except in feeds locked elsewhere. Resolves to the number of changed feeds. */
  async sweep(): Promise<number> {
    let changed = 0;
    const skipped: string[] = [];
    while (!this.stopped) {
      const found = await this.database.query<{ id: string }>(FIND_DUE, [ENTRIES_PER_LOOK, skipped]);
      if (found.length === 0) break;
      const ids = found.map(({ id }) => id);
      const rows = await this.database.query<ExpiredRow & Record<string, unknown>>(EXPIRE, [
        ids,
        ENTRIES_PER_FEED,
      ]);
      this.announcer.announce(rows.map(toAnnouncement));
      changed += rows.length;
      const done = new Set(rows.map((row) => row.feed_id));
      skipped.push(...ids.filter((id) => !done.has(id)));
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

import type { Announcer } from '../../contract/ports/live.js';
import type { LogDatabase } from '../database/database.js';
import type { Statement } from '../database/statement.js';
import { DueSweep } from './due-sweep.js';

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

/**
 * Hides expired notifications and appends a `feed.removed` to each feed, so that open pages follow. Lists, counts and
 * streams ignore an expired entry at once, swept or not.
 */
export class ExpirySweep extends DueSweep {
  constructor(database: LogDatabase, announcer: Announcer, everyMs: number) {
    super(
      'The sweep of expired notifications',
      2,
      database,
      everyMs,
      { find: FIND_EXPIRED, run: EXPIRE },
      (news) => announcer.announce(news),
    );
  }
}

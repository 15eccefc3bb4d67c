import type { TakenNotification } from '../../contract/ports/audience.js';
import type { Announcement } from '../../contract/ports/live.js';
import type { LogDatabase } from '../database/database.js';
import type { Statement } from '../database/statement.js';
import { returnedAmong } from '../inbox/change-row.js';
import { DueSweep } from './due-sweep.js';

/** Parameters: time, maximum rows, the feeds to skip. Result: feeds with snoozed notifications that are due since then. */
export const FIND_SNOOZED: Statement = (schema) => `
  SELECT DISTINCT d.feed_id AS id FROM (
    SELECT feed_id FROM ${schema}.snoozed
     WHERE due_at >= $1 AND due_at <= now() AND feed_id <> ALL ($3::bigint[])
     ORDER BY due_at LIMIT $2
  ) d`;

/** Parameters: feed ids, maximum entries of each. Result: one row for each new entry. */
const WAKE: Statement = (schema) => `SELECT * FROM ${schema}.wake_snoozed($1::bigint[], $2)`;

/** Brings snoozed notifications back at their time, whether somebody is connected or not. */
export class SnoozeSweep extends DueSweep {
  /** @param onReturned called after each commit; must not throw. */
  constructor(
    database: LogDatabase,
    everyMs: number,
    onReturned: (announcements: readonly Announcement[], returned: readonly TakenNotification[]) => void,
  ) {
    super(
      'The sweep of snoozed notifications',
      4,
      database,
      everyMs,
      { find: FIND_SNOOZED, run: WAKE },
      (news) => onReturned(news, returnedAmong(news)),
    );
  }
}

import type { LogDatabase } from '../database/database.js';
import type { Statement } from '../database/statement.js';
import { Sweep } from './sweep.js';

const TICKETS_PER_BATCH = 1_000;

/** Parameters: maximum tickets. Result: a row for each one deleted. */
const DELETE_EXPIRED: Statement = (schema) => `
  DELETE FROM ${schema}.ticket WHERE hash IN (
    SELECT hash FROM ${schema}.ticket WHERE usable_until <= now() ORDER BY usable_until LIMIT $1 FOR UPDATE SKIP LOCKED)
  RETURNING 1`;

/** Deletes tickets that nobody has used in time: they name recipients. */
export class TicketSweep extends Sweep {
  constructor(database: LogDatabase, everyMs: number) {
    super('The sweep of tickets', database, 3, everyMs);
  }

  async sweep(): Promise<number> {
    const batches = this.batches(async (query) => {
      const { length } = await query(DELETE_EXPIRED, [TICKETS_PER_BATCH]);
      return length > 0 ? length : null;
    });
    let deleted = 0;
    for await (const count of batches) deleted += count;
    return deleted;
  }
}

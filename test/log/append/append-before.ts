import { hashDedupeKey } from '../../../src/contract/model/dedupe-key.js';
import type { NewNotification } from '../../../src/contract/ports/append.js';
import { frameBytes } from '../../../src/log/append/append-batch.js';
import type { LogDatabase } from '../../../src/log/database/database.js';

/** A row of the function `append`. */
export interface RowBefore {
  outcome: string;
  epoch: string;
  seq: string;
  json: string | null;
}

/** Appends as code of before `append_one` and `append_batch` does, which may run at the same time. */
export function appendBefore(database: LogDatabase, items: readonly NewNotification[]): Promise<RowBefore[]> {
  return database.query<RowBefore & Record<string, unknown>>(
    (schema) => `
      SELECT outcome, feed_epoch AS epoch, entry_seq AS seq, entry_json AS json
        FROM ${schema}.append($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)`,
    [
      items.map((item) => item.feed.tenant),
      items.map((item) => item.feed.recipient),
      items.map(hashDedupeKey),
      items.map((item) => item.type),
      items.map((item) => item.title),
      items.map((item) => item.body),
      items.map((item) => item.link),
      items.map((item) => item.dataJson),
      items.map((item) => item.version),
      items.map((item) => item.expiresAt),
      items.map((item) => item.collapseKey),
      items.map(frameBytes),
      items.map((item) => item.mandatory),
      items.map((item) => item.queuedAt.getTime()),
    ],
  );
}

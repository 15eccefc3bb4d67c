import { createHash } from 'node:crypto';
import type { AppendResult, NewNotification } from '../contract/ports/append.js';
import { SCHEMA, type LogDatabase } from './database.js';

/** What the function `append` says of one notification. */
export type ItemOutcome = AppendResult | 'busy' | 'missing';

interface AppendRow {
  outcome: 'appended' | 'duplicate' | 'busy' | 'missing';
  feed_epoch: string | null;
  entry_seq: string | null;
  entry_json: string | null;
}

/** What a frame has besides title, body, link and data, in bytes: ids, times and the names of the members. */
const FRAME_OVERHEAD_BYTES = 320;

/** Parameters: one array a column, see migrations/append-function.ts. Result: one {@link AppendRow} an item, in order. */
const APPEND = `
  SELECT outcome, feed_epoch, entry_seq, entry_json
    FROM ${SCHEMA}.append($1::text[], $2::text[], $3::bytea[], $4::uuid[], $5::text[], $6::text[], $7::text[], $8::text[],
                          $9::json[], $10::integer[], $11::timestamptz[], $12::text[], $13::integer[])`;

/** Parameters: tenants, recipients, each pair once and sorted. Makes the rows that are not there yet. */
const MAKE_FEEDS = `
  INSERT INTO ${SCHEMA}.feed (tenant, recipient) SELECT * FROM unnest($1::text[], $2::text[]) ON CONFLICT DO NOTHING`;

/** About how many bytes the frame of this notification has. */
export function frameBytes(item: NewNotification): number {
  return (
    FRAME_OVERHEAD_BYTES +
    Buffer.byteLength(item.title) +
    (item.body === null ? 0 : Buffer.byteLength(item.body)) +
    (item.link === null ? 0 : Buffer.byteLength(item.link)) +
    Buffer.byteLength(item.dataJson)
  );
}

/** What is stored of a dedupe key: of fixed length, and without saying whose it was. NUL cannot be part of a name. */
export function hashDedupeKey(item: Pick<NewNotification, 'feed' | 'dedupeKey'>): Buffer {
  return createHash('sha256')
    .update(`${item.feed.tenant}\u0000${item.feed.recipient}\u0000${item.dedupeKey}`)
    .digest()
    .subarray(0, 16);
}

/** Appends a batch in one transaction and one round trip. */
export async function appendBatch(
  database: LogDatabase,
  items: readonly NewNotification[],
): Promise<ItemOutcome[]> {
  const hashes = items.map(hashDedupeKey);
  const rows = await database.query<AppendRow & Record<string, unknown>>(APPEND, [
    items.map((item) => item.feed.tenant),
    items.map((item) => item.feed.recipient),
    hashes,
    items.map((item) => item.id),
    items.map((item) => item.type),
    items.map((item) => item.title),
    items.map((item) => item.body),
    items.map((item) => item.link),
    items.map((item) => item.dataJson),
    items.map((item) => item.version),
    items.map((item) => item.expiresAt),
    items.map((item) => item.collapseKey),
    items.map(frameBytes),
  ]);
  const last = rows.findLastIndex((row) => row.outcome === 'appended');
  if (last >= 0) database.committed(hashes[last]!);
  return rows.map((row, index) => outcomeOf(items[index]!, row));
}

/** Makes the feeds' rows, in a transaction of its own: a row that is not committed yet holds up whoever inserts it too. */
export async function makeFeeds(
  database: LogDatabase,
  feeds: readonly NewNotification['feed'][],
): Promise<void> {
  const unique = new Map(feeds.map((feed) => [`${feed.tenant}\u0000${feed.recipient}`, feed]));
  const sorted = [...unique.keys()].sort().map((key) => unique.get(key)!);
  await database.query(MAKE_FEEDS, [sorted.map((feed) => feed.tenant), sorted.map((feed) => feed.recipient)]);
}

function outcomeOf(item: NewNotification, row: AppendRow): ItemOutcome {
  if (row.outcome === 'busy' || row.outcome === 'missing') return row.outcome;
  const epoch = row.feed_epoch!;
  const seq = Number(row.entry_seq);
  const entry = row.entry_json === null ? null : { seq, type: item.type, json: row.entry_json };
  return { outcome: row.outcome, feed: item.feed, epoch, seq, entry };
}

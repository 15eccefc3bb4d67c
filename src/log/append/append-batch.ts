import { hashDedupeKey } from '../../contract/model/dedupe-key.js';
import { feedKeyString, type FeedKey } from '../../contract/model/feed.js';
import type { AppendResult, NewNotification } from '../../contract/ports/append.js';
import type { LogDatabase } from '../database/database.js';
import type { Statement } from '../database/statement.js';
import { erasureOf } from '../migrations/tombstone-functions.js';

/** The outcome of one notification, as reported by the append functions. */
export type ItemOutcome = AppendResult | 'busy' | 'missing';

interface AppendRow {
  outcome: 'appended' | 'duplicate' | 'conflict' | 'muted' | 'cancelled' | 'erased' | 'busy' | 'missing';
  feed_epoch: string | null;
  entry_seq: string | null;
  entry_json: string | null;
}

/** The bytes of a frame beyond title, body, link, content and data: ids, times and member names. */
const FRAME_OVERHEAD_BYTES = 320;

/** Parameters and result: see migrations/append-one-function.ts. */
const APPEND_ONE: Statement = (schema) =>
  `SELECT ${schema}.append_one($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16) AS result`;

const ONE_RESULT = /^(\w+)(?: (\w+) (\d+)(?: (.+))?)?$/s;

/**
 * Parameters: the feeds, then one array per column, see migrations/append-batch-function.ts. Result: one
 * {@link AppendRow} per item, in order.
 */
const APPEND_BATCH: Statement = (schema) => `
  SELECT outcome, feed_epoch, entry_seq, entry_json
    FROM ${schema}.append_batch($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18)`;

/**
 * Creates the missing feed rows, except for recipients erased after the given time: a row would reveal whom
 * we have erased. Parameters: tenants and
 * recipients, each pair once and sorted; times in milliseconds, or null. Result: the positions of these
 * exceptions in the parameters.
 */
const MAKE_FEEDS: Statement = (schema) => `
  WITH wanted AS (
    SELECT i.*, to_timestamp(i.queued / 1000.0) <= ${erasureOf(schema, 'i')} AS late
      FROM unnest($1::text[], $2::text[], $3::bigint[]) WITH ORDINALITY AS i (tenant, recipient, queued, ord)
  ),
  made AS (
    INSERT INTO ${schema}.feed (tenant, recipient)
    SELECT tenant, recipient FROM wanted WHERE late IS NOT TRUE ORDER BY ord ON CONFLICT DO NOTHING
  )
  SELECT ord FROM wanted WHERE late`;

/** The approximate size of this notification's frame. */
export function frameBytes(item: NewNotification): number {
  return (
    FRAME_OVERHEAD_BYTES +
    Buffer.byteLength(item.title) +
    (item.body === null ? 0 : Buffer.byteLength(item.body)) +
    (item.link === null ? 0 : Buffer.byteLength(item.link)) +
    (item.contentJson === null ? 0 : Buffer.byteLength(item.contentJson)) +
    Buffer.byteLength(item.dataJson)
  );
}

/**
 * Appends a batch in one transaction and one round trip. The batch must not contain a dedupe key twice, nor a
 * collapse key twice in one feed.
 */
export async function appendBatch(
  database: LogDatabase,
  items: readonly NewNotification[],
): Promise<ItemOutcome[]> {
  const [first] = items;
  return items.length === 1 && first!.collapseKey === null
    ? [await appendOne(database, first!)]
    : appendMany(database, items);
}

/** Appends one notification without a collapse key, for much less of Postgres' CPU than a batch of one. */
export async function appendOne(database: LogDatabase, item: NewNotification): Promise<ItemOutcome> {
  const hash = hashDedupeKey(item);
  const [row] = await database.query<{ result: string }>(APPEND_ONE, [
    item.feed.tenant,
    item.feed.recipient,
    hash,
    item.fingerprint ?? null,
    item.type,
    item.title,
    item.body,
    item.link,
    item.dataJson,
    item.version,
    item.expiresAt,
    frameBytes(item),
    item.mandatory,
    item.queuedAt.getTime(),
    item.contentJson,
    item.category,
  ]);
  // The JSON comes last and may contain spaces.
  const [, outcome, epoch = null, seq = null, json = null] = ONE_RESULT.exec(row!.result)!;
  if (outcome === 'appended') database.committed(hash);
  return outcomeOf(item, {
    outcome: outcome as AppendRow['outcome'],
    feed_epoch: epoch,
    entry_seq: seq,
    entry_json: json,
  });
}

/** Appends a batch of any size. */
export async function appendMany(
  database: LogDatabase,
  items: readonly NewNotification[],
): Promise<ItemOutcome[]> {
  const hashes = items.map(hashDedupeKey);
  const places = new Map<string, number>();
  const feeds: FeedKey[] = [];
  const feedOf = items.map(({ feed }) => {
    const key = feedKeyString(feed);
    let place = places.get(key);
    if (place === undefined) places.set(key, (place = feeds.push(feed)));
    return place;
  });
  const rows = await database.query<AppendRow & Record<string, unknown>>(APPEND_BATCH, [
    feeds.map((feed) => feed.tenant),
    feeds.map((feed) => feed.recipient),
    feedOf,
    hashes,
    items.map((item) => item.fingerprint ?? null),
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
    items.map((item) => item.contentJson),
    items.map((item) => item.category),
  ]);
  const last = rows.findLastIndex((row) => row.outcome === 'appended');
  if (last >= 0) database.committed(hashes[last]!);
  return rows.map((row, index) => outcomeOf(items[index]!, row));
}

/**
 * Creates feed rows in a transaction of its own: an uncommitted row blocks everyone else who inserts it.
 *
 * @param wanted The feeds, each with the time of its job, if there is one.
 * @returns The keys (see `feedKeyString`) of the feeds that were not created, because their recipients were
 * erased after all of those times.
 */
export async function makeFeeds(
  database: LogDatabase,
  wanted: readonly { readonly feed: FeedKey; readonly queuedAt?: Date }[],
): Promise<Set<string>> {
  const latest = new Map<string, { feed: FeedKey; queued: number | null }>();
  for (const { feed, queuedAt } of wanted) {
    const queued = Math.max(queuedAt?.getTime() ?? 0, latest.get(feedKeyString(feed))?.queued ?? 0) || null;
    latest.set(feedKeyString(feed), { feed, queued });
  }
  // The same order in every process, otherwise concurrent inserts could deadlock.
  const keys = [...latest.keys()].sort();
  const rows = keys.map((key) => latest.get(key)!);
  const refused = await database.query<{ ord: string }>(MAKE_FEEDS, [
    rows.map(({ feed }) => feed.tenant),
    rows.map(({ feed }) => feed.recipient),
    rows.map(({ queued }) => queued),
  ]);
  return new Set(refused.map(({ ord }) => keys[Number(ord) - 1]!));
}

function outcomeOf({ feed, type, publishedAt, traceparent }: NewNotification, row: AppendRow): ItemOutcome {
  const { outcome } = row;
  if (outcome === 'busy' || outcome === 'missing') return outcome;
  if (outcome === 'muted' || outcome === 'cancelled' || outcome === 'erased') return { outcome, feed };
  const seq = Number(row.entry_seq);
  if (seq === 0) return { outcome: 'recalled', feed };
  const epoch = row.feed_epoch!;
  if (outcome === 'conflict') return { outcome: 'duplicate', feed, epoch, seq, entry: null, conflict: true };
  const entry =
    row.entry_json === null ? null : { seq, type, json: row.entry_json, publishedAt, traceparent };
  return { outcome, feed, epoch, seq, entry };
}

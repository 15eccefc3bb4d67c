import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { hashDedupeKey } from '../../../src/contract/model/dedupe-key.js';
import { feedKeyString, type FeedKey } from '../../../src/contract/model/feed.js';
import type { NewNotification } from '../../../src/contract/ports/append.js';
import { appendMany, appendOne, makeFeeds, type ItemOutcome } from '../../../src/log/append/append-batch.js';
import type { LogDatabase } from '../../../src/log/database/database.js';
import { createTestDatabase, type TestDatabase } from '../../support/postgres.js';
import { propertyOptions } from '../../support/property.js';
import { notification, openLog, type Log } from '../open-log.js';
import { appendBefore } from './append-before.js';

const RECIPIENTS = ['ada', 'grace'];
const [BODY_A, BODY_B] = [Buffer.alloc(16, 'a'), Buffer.alloc(16, 'b')];
/** Two jobs of before the erasure that a step may be, and jobs of after it. */
const [EARLY, ERASED, LATE] = ['2026-01-01', '2026-02-01', '2026-03-01'].map((day) => new Date(day));

type Item = Pick<
  NewNotification,
  | 'dedupeKey'
  | 'type'
  | 'title'
  | 'body'
  | 'link'
  | 'contentJson'
  | 'category'
  | 'mandatory'
  | 'expiresAt'
  | 'collapseKey'
  | 'queuedAt'
> & { readonly fingerprint: Buffer | null; readonly recipient: string };
type Step =
  | { readonly do: 'append'; readonly items: readonly Item[] }
  | { readonly do: 'mute' | 'read' | 'erase' | 'recall'; readonly recipient: string; readonly key: string };

const text = fc.string({ unit: 'grapheme', maxLength: 8 }).filter((value) => !value.includes('\0'));
const recipient = fc.constantFrom(...RECIPIENTS);
const key = fc.constantFrom('k:1', 'k:2', 'k:3', 'k:4', 'k:5', 'k:6');
const item = (collapses: boolean): fc.Arbitrary<Item> =>
  fc.record({
    recipient,
    dedupeKey: key,
    type: fc.constantFrom('task-completed', 'new-order'),
    title: text,
    body: fc.option(text),
    link: fc.option(fc.constantFrom('/a', '/b?c="d"')),
    contentJson: fc.option(
      fc.constantFrom('{"image":"/a.png"}', '{"actions":[{"id":"a","label":"{"}],"severity":"low"}'),
    ),
    category: fc.option(fc.constantFrom('orders', 'billing')),
    mandatory: fc.boolean(),
    expiresAt: fc.constantFrom(null, null, null, new Date('2099-01-01')),
    collapseKey: collapses ? fc.constantFrom(null, null, 'c:1', 'c:2') : fc.constant(null),
    queuedAt: fc.constantFrom(EARLY!, LATE!),
    fingerprint: fc.constantFrom(null, BODY_A, BODY_B),
  });
/** Code of before `append_one` knows neither content nor categories. */
const plain = (step: Step): Step =>
  step.do === 'append'
    ? { do: 'append', items: step.items.map((item) => ({ ...item, contentJson: null, category: null })) }
    : step;
const steps = (collapses: boolean): fc.Arbitrary<Step[]> =>
  fc.array(
    fc.oneof(
      {
        weight: 4,
        arbitrary: fc.record({
          do: fc.constant('append' as const),
          items: fc.array(item(collapses), { minLength: 1, maxLength: 5 }),
        }),
      },
      {
        weight: 2,
        arbitrary: fc.record({
          do: fc.constantFrom('mute' as const, 'read' as const, 'erase' as const, 'recall' as const),
          recipient,
          key,
        }),
      },
    ),
    { minLength: 5, maxLength: 8 },
  );

/** A way to append: some notifications, in order, none of whose keys is among them twice. */
type Way = (database: LogDatabase, items: readonly NewNotification[]) => Promise<ItemOutcome[]>;

const oneByOne =
  (append: (database: LogDatabase, item: NewNotification) => Promise<ItemOutcome>): Way =>
  async (database, items) => {
    const outcomes: ItemOutcome[] = [];
    for (const item of items) outcomes.push(await append(database, item));
    return outcomes;
  };
const inOneBatch: Way = appendMany;
const inBatchesOfOne = oneByOne(async (database, item) => (await appendMany(database, [item]))[0]!);
const single = oneByOne(appendOne);

/** As code of before `append_one` and `append_batch` does it, on the same tables. */
const asBefore = oneByOne(async (database, item): Promise<ItemOutcome> => {
  const [row] = await appendBefore(database, [item]);
  const { outcome, epoch, seq, json } = row!;
  if (outcome === 'missing' || outcome === 'busy') return outcome;
  if (outcome === 'muted' || outcome === 'erased') return { outcome, feed: item.feed };
  if (seq === '0') return { outcome: 'recalled', feed: item.feed };
  const entry = json === null ? null : { seq: Number(seq), type: item.type, json };
  return { outcome: outcome as 'appended', feed: item.feed, epoch, seq: Number(seq), entry };
});

describe('a notification by itself and in a batch', () => {
  let test: TestDatabase;
  let log: Log;
  let worlds = 0;

  beforeAll(async () => {
    test = await createTestDatabase();
    log = await openLog(test.url);
  });

  afterAll(async () => {
    await log.close();
    await test.drop();
  });

  /** Feeds are made as the group commit makes them. */
  async function append(way: Way, items: readonly NewNotification[]): Promise<ItemOutcome[]> {
    const outcomes = await way(log.database, items);
    const missing = items.filter((_, index) => outcomes[index] === 'missing');
    if (missing.length === 0) return outcomes;
    const erased = await makeFeeds(log.database, missing);
    const wanted = missing.filter(({ feed }) => !erased.has(feedKeyString(feed)));
    const again = wanted.length > 0 ? await way(log.database, wanted) : [];
    return outcomes.map((outcome, index): ItemOutcome => {
      const { feed } = items[index]!;
      if (outcome !== 'missing') return outcome;
      return erased.has(feedKeyString(feed)) ? { outcome: 'erased', feed } : again.shift()!;
    });
  }

  async function change({ do: what, key }: Exclude<Step, { do: 'append' }>, feed: FeedKey): Promise<void> {
    const { pool } = log.database;
    const own = [feed.tenant, feed.recipient];
    const where = 'WHERE tenant = $1 AND recipient = $2';
    if (what === 'mute') {
      await pool.query(
        `UPDATE tidings.feed SET muted = CASE muted WHEN '{}' THEN '{new-order,#billing}'::text[] ELSE '{}' END ${where}`,
        own,
      );
    } else if (what === 'read') {
      await pool.query(
        `SELECT tidings.change_up_to($1, $2, 'read', epoch, head) FROM tidings.feed ${where}`,
        own,
      );
    } else if (what === 'recall') {
      await pool.query('SELECT * FROM tidings.recall($1, $2, $3)', [
        ...own,
        hashDedupeKey({ feed, dedupeKey: key }),
      ]);
    } else {
      await pool.query(
        `INSERT INTO tidings.tombstone VALUES (tidings.tombstone_hash($1, $2), $3) ON CONFLICT DO NOTHING`,
        [...own, ERASED],
      );
      await pool.query(
        `DELETE FROM tidings.entry WHERE feed_id = (SELECT id FROM tidings.feed ${where})`,
        own,
      );
      await pool.query(`DELETE FROM tidings.feed ${where}`, own);
    }
  }

  /** Everything that differs by itself (epochs, ids, times, the numbers of rows) is replaced by its place. */
  async function run(way: Way, sequence: readonly Step[], withFingerprints: boolean) {
    const tenant = `world-${(worlds += 1)}`;
    const outcomes: unknown[] = [];
    const hashes = new Map<string, string>();
    const place = (id: string): number => parseInt(id.replaceAll('-', '').slice(17), 16);
    await makeFeeds(
      log.database,
      RECIPIENTS.map((recipient) => ({ feed: { tenant, recipient } })),
    );
    for (const step of sequence) {
      if (step.do !== 'append') {
        await change(step, { tenant, recipient: step.recipient });
        continue;
      }
      for (const batch of apart(step.items)) {
        const items = batch.map(({ recipient, fingerprint, ...parts }) =>
          notification(recipient, {
            ...parts,
            feed: { tenant, recipient },
            dataJson: JSON.stringify({ of: parts.title }),
            ...(withFingerprints ? { fingerprint } : {}),
          }),
        );
        for (const item of items)
          hashes.set(hashDedupeKey(item).toString('hex'), `${item.feed.recipient} ${item.dedupeKey}`);
        for (const outcome of await append(way, items)) {
          if (typeof outcome === 'string') throw new Error(`unexpected: ${outcome}`);
          if (!('seq' in outcome)) {
            outcomes.push([outcome.outcome, outcome.feed.recipient]);
            continue;
          }
          const { seq, entry, epoch, conflict } = outcome;
          const item = entry === null ? null : (JSON.parse(entry.json!) as Record<string, unknown>);
          if (item) {
            expect(item['cursor']).toBe(`${epoch}-${seq}`);
            expect(place(item['id'] as string) >>> 0).toBeGreaterThan(0);
            item['cursor'] = item['id'] = item['createdAt'] = null;
            item['replaces'] = (item['replaces'] as string[]).length;
          }
          outcomes.push([outcome.outcome, outcome.feed.recipient, seq, conflict, entry?.type, item]);
        }
      }
    }
    const rows = async (sql: string): Promise<unknown[]> =>
      (await log.database.pool.query(sql, [tenant])).rows as unknown[];
    const keys = (
      await log.database.pool.query<{ hash: string }>(
        `SELECT encode(hash, 'hex') AS hash, seq, fingerprint FROM tidings.dedupe_key WHERE encode(hash, 'hex') = ANY ($1)`,
        [[...hashes.keys()]],
      )
    ).rows;
    return {
      outcomes,
      feeds: await rows(`SELECT recipient, head, floor, kept, unread, unseen, read_up_to, muted, erased_at
                           FROM tidings.feed WHERE tenant = $1 ORDER BY recipient`),
      entries:
        await rows(`SELECT f.recipient, e.seq, e.id IS NULL AS state, tidings.place_of(e.id) AS place, e.type, e.title, e.body, e.link,
                                  e.content::text AS content, e.category,
                                  CASE WHEN e.id IS NULL THEN NULL ELSE e.data::text END AS data, e.version, e.expires_at, e.collapse_key, e.count,
                                  array(SELECT tidings.place_of(r) FROM unnest(e.replaces) r) AS replaces, e.hidden,
                                  CASE WHEN e.id IS NULL THEN NULL ELSE e.bytes END AS bytes, e.read_at
                             FROM tidings.entry e JOIN tidings.feed f ON f.id = e.feed_id
                            WHERE f.tenant = $1 ORDER BY f.recipient, e.seq`),
      keys: keys
        .map(({ hash, ...key }) => ({ of: hashes.get(hash), ...key }))
        .sort((a, b) => a.of!.localeCompare(b.of!)),
    };
  }

  it('has the same outcome, JSON, rows and counts, whatever came before', async () => {
    await fc.assert(
      fc.asyncProperty(steps(false), async (sequence) => {
        const alone = await run(single, sequence, true);
        expect(await run(inBatchesOfOne, sequence, true)).toEqual(alone);
        expect(await run(inOneBatch, sequence, true)).toEqual(alone);
      }),
      propertyOptions(15),
    );
  }, 120_000);

  it('has the outcome of the append function of older code, which may run at the same time', async () => {
    await fc.assert(
      fc.asyncProperty(steps(false), steps(true), async (alone, collapsing) => {
        const [ones, many] = [alone.map(plain), collapsing.map(plain)];
        expect(await run(single, ones, false)).toEqual(await run(asBefore, ones, false));
        expect(await run(inOneBatch, many, false)).toEqual(await run(asBefore, many, false));
      }),
      propertyOptions(15),
    );
  }, 120_000);

  it.each([
    ['by itself', single],
    ['in a batch', inOneBatch],
  ])('reports a key that was used with another body, %s', async (_, way) => {
    const feed = { tenant: `world-${(worlds += 1)}`, recipient: 'ada' };
    const sent = (fingerprint: Buffer | null | undefined, dedupeKey = 'k:1') =>
      notification('ada', { feed, dedupeKey, ...(fingerprint === undefined ? {} : { fingerprint }) });
    const conflicts: unknown[] = [];
    for (const item of [
      sent(BODY_A),
      sent(BODY_A),
      sent(BODY_B),
      sent(null),
      sent(undefined),
      sent(null, 'k:2'),
      sent(BODY_B, 'k:2'),
    ])
      conflicts.push((await append(way, [item])).map((result) => result));
    expect(conflicts.flat()).toMatchObject([
      { outcome: 'appended' },
      { outcome: 'duplicate', seq: 1 },
      { outcome: 'duplicate', seq: 1, entry: null, conflict: true },
      { outcome: 'duplicate', seq: 1 },
      { outcome: 'duplicate', seq: 1 },
      { outcome: 'appended', seq: 2 },
      { outcome: 'duplicate', seq: 2 },
    ]);
    expect(conflicts.flat().filter((result) => 'conflict' in (result as object))).toHaveLength(1);
  });
});

/** In batches that no dedupe key is in twice, nor a collapse key of one feed. */
function apart(items: readonly Item[]): Item[][] {
  const batches: Item[][] = [];
  let taken = new Set<string>();
  for (const item of items) {
    const keys = [`${item.recipient} ${item.dedupeKey}`];
    if (item.collapseKey !== null) keys.push(`${item.recipient} ${item.collapseKey}`);
    if (batches.length === 0 || keys.some((key) => taken.has(key))) {
      batches.push([]);
      taken = new Set();
    }
    for (const key of keys) taken.add(key);
    batches.at(-1)!.push(item);
  }
  return batches;
}

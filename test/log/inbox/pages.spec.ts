import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { parseCursor } from '../../../src/contract/model/cursor.js';
import type { PageRequest } from '../../../src/contract/ports/inbox.js';
import { PAGE_SCANS } from '../../../src/log/inbox/page.js';
import { PAGE_BYTES } from '../../../src/log/inbox/read-page.js';
import { Retention } from '../../../src/log/upkeep/retention.js';
import { notification } from '../open-log.js';
import { eventually } from '../../support/eventually.js';
import { createMigratedDatabase, type TestDatabase } from '../../support/postgres.js';
import { openInbox, request, seqsOf, type OpenInbox } from './open-inbox.js';

const feed = (recipient: string) => ({ tenant: '', recipient });
const many = (count: number, recipient: string) =>
  Array.from({ length: count }, () => notification(recipient));

describe('the pages of a feed', () => {
  let test: TestDatabase;
  let open: OpenInbox;

  beforeAll(async () => {
    test = await createMigratedDatabase();
    // The retention trims the thousands of entries of all these tests in one statement.
    open = await openInbox(test.url, { queryTimeoutMs: 100_000 });
  });

  afterAll(async () => {
    await open.close();
    await test.drop();
  });

  /** All pages, by `next`; fails if they do not end. */
  async function walk(recipient: string, parts: Partial<PageRequest>): Promise<number[][]> {
    const pages: number[][] = [];
    for (let before: PageRequest['before'] = null; pages.length < 1_000;) {
      const page = await open.inbox.page(feed(recipient), request({ ...parts, before }));
      pages.push(seqsOf(page.items));
      if (page.next === null) return pages;
      before = parseCursor(page.next);
    }
    throw new Error('The pages do not end.');
  }

  it('have a cursor with an epoch also for a new feed', async () => {
    const [page, again] = await Promise.all([
      open.inbox.page(feed('new'), request()),
      open.inbox.page(feed('new'), request()),
    ]);
    const { epoch } = await open.log.reader.open(feed('new'));
    expect(page).toEqual({ items: [], next: null, unread: 0, unseen: 0, cursor: `${epoch}-0` });
    expect(again).toEqual(page);
    const counted = await open.inbox.count(feed('counted first'));
    expect(counted).toEqual({
      unread: 0,
      unseen: 0,
      cursor: expect.stringMatching(/^[a-z0-9]{10}-0$/) as unknown,
    });
    expect((await open.inbox.page(feed('counted first'), request())).cursor).toBe(counted.cursor);
  });

  it('list the newest first, each item with the text that the log has for the stream', async () => {
    await open.log.append([
      notification('ada', { title: 'quotes " and \\, a line\nbreak, ünïcödé 🔔', body: 'b', link: '/x' }),
      notification('ada', { dataJson: '{"a":[1,2.50,"\\u0041"],"a":2}' }),
      notification('ada', { type: 'new-order', version: 3 }),
    ]);
    const { feedId, epoch } = await open.log.reader.open(feed('ada'));
    const logged = (await open.log.reader.page(feedId, 0))!.entries.map(({ json }) => json!);
    expect(await open.inbox.page(feed('ada'), request())).toEqual({
      items: logged.toReversed(),
      next: null,
      unread: 3,
      unseen: 3,
      cursor: `${epoch}-3`,
    });
  });

  it('end exactly with the last item, also when it fills its page', async () => {
    await open.log.append(many(6, 'six'));
    expect(await walk('six', { limit: 3 })).toEqual([
      [6, 5, 4],
      [3, 2, 1],
    ]);
    expect(await walk('six', { limit: 4 })).toEqual([
      [6, 5, 4, 3],
      [2, 1],
    ]);
    expect(await walk('six', { limit: 100 })).toEqual([[6, 5, 4, 3, 2, 1]]);
  });

  it('continue where they stopped, whatever is appended meanwhile', async () => {
    await open.log.append(many(4, 'growing'));
    const first = await open.inbox.page(feed('growing'), request({ limit: 2 }));
    await open.log.append(many(5, 'growing'));
    const second = await open.inbox.page(
      feed('growing'),
      request({ limit: 2, before: parseCursor(first.next!) }),
    );
    expect([seqsOf(first.items), seqsOf(second.items)]).toEqual([
      [4, 3],
      [2, 1],
    ]);
    // Counts and cursor are of this page's moment, not of the first one's.
    expect(second).toMatchObject({ next: null, unread: 9, cursor: first.cursor.replace(/-4$/, '-9') });
  });

  it('contain every entry that fits the filter once and in order, and read a bounded number for each page', async () => {
    const entries = await mixedFeed(open, 'mixed');
    const visible = entries.filter(({ shown }) => shown);
    const requests = [undefined, true, false].flatMap((unread) =>
      [false, true].flatMap((archived) =>
        [undefined, 'rare', 'none'].map((type) => ({ unread: unread ?? null, archived, type: type ?? null })),
      ),
    );
    for (const filter of requests) {
      const expected = visible
        .filter(({ read }) => filter.unread === null || read !== filter.unread)
        .filter(({ archived }) => archived === filter.archived)
        .filter(({ type }) => filter.type === null || type === filter.type)
        .map(({ seq }) => seq)
        .toReversed();
      for (const limit of [20 + Math.floor(Math.random() * 80), 100]) {
        const pages = await walk('mixed', { ...filter, limit });
        expect(pages.flat()).toEqual(expected);
        expect(pages.every((page) => page.length <= limit)).toBe(true);
        const most = Math.ceil(expected.length / limit) + Math.ceil(entries.length / PAGE_SCANS.first);
        expect(pages.length).toBeLessThanOrEqual(most);
      }
    }
    expect(await walk('mixed', { type: 'none' })).toEqual([[]]);
  });

  it('are never empty while there is something to list, however many changes of state or hidden entries lie in between', async () => {
    await open.log.append(many(30, 'churned'));
    const { feedId, epoch } = await open.log.reader.open(feed('churned'));
    await open.log.database.query(
      `INSERT INTO tidings.entry (feed_id, seq, id, type, data, created_at, hidden, bytes)
       SELECT $1, s, CASE WHEN s % 2 = 0 THEN gen_random_uuid() END, 'feed.read', '{}', now(), s % 2 = 0, 100
         FROM generate_series(31, 20030) s`,
      [feedId],
    );
    await open.log.database.query(`UPDATE tidings.feed SET head = 20030, kept = 10030 WHERE id = $1`, [
      feedId,
    ]);
    const first = await open.inbox.page(feed('churned'), request());
    expect(seqsOf(first.items)).toEqual(Array.from({ length: 25 }, (_, index) => 30 - index));
    expect(first).toMatchObject({ unread: 30, cursor: `${epoch}-20030`, next: `${epoch}-6` });
    expect(await walk('churned', { limit: 20 })).toHaveLength(2);
    expect(await walk('churned', { unread: false })).toEqual([[]]);
  });

  it('have the counts and the cursor of the first look, when another one is needed', async () => {
    await open.log.append([...many(1, 'overtaken'), ...many(1_500, 'overtaken')]);
    const { epoch } = await open.log.reader.open(feed('overtaken'));
    await open.changes.change(feed('overtaken'), 'archive', { upTo: `${epoch}-1501` });
    await open.changes.change(feed('overtaken'), 'unarchive', {
      ids: [await idAt(open, 'overtaken', 1)],
    });
    const query = open.log.database.query.bind(open.log.database);
    let looks = 0;
    open.log.database.query = async <Row extends object>(text: string, values?: unknown[]) => {
      const rows = await query<Row & Record<string, unknown>>(text, values);
      if (!open.log.database.text(text).includes('low')) return rows;
      looks += 1;
      if (looks === 1) await open.log.append(many(1, 'overtaken'));
      return rows;
    };
    const page = await open.inbox.page(feed('overtaken'), request());
    open.log.database.query = query;
    expect(looks).toBe(2);
    expect(seqsOf(page.items)).toEqual([1]);
    expect(page).toMatchObject({ next: null, unread: 1, cursor: `${epoch}-1503` });
  });

  it('contain the entry right where the page before stopped reading', async () => {
    const head = PAGE_SCANS.first + 500;
    const rare = [501, 500];
    await open.log.append(
      Array.from({ length: head }, (_, index) =>
        notification('edge', { type: rare.includes(index + 1) ? 'rare' : 'usual' }),
      ),
    );
    expect(await walk('edge', { type: 'rare' })).toEqual([[501], [500]]);
  });

  it('count, in the same snapshot, what they list and the bell shows', async () => {
    const entries = await mixedFeed(open, 'counted', 300);
    const unread = entries.filter(({ shown, read, archived }) => shown && !read && !archived).length;
    const { cursor } = await open.inbox.page(feed('counted'), request({ limit: 1 }));
    expect(await open.inbox.count(feed('counted'))).toEqual({ unread, unseen: unread, cursor });
    expect(await open.inbox.page(feed('counted'), request())).toMatchObject({
      unread,
      unseen: unread,
      cursor,
    });
    expect(await open.log.reader.open(feed('counted'))).toMatchObject({ unread, unseen: unread });
  });

  it('neither list nor count what has expired, from that instant on, though nobody writes', async () => {
    await open.log.append([
      notification('expiring'),
      notification('expiring', { expiresAt: new Date(Date.now() + 400) }),
      notification('expiring', { expiresAt: new Date(Date.now() - 1_000) }),
    ]);
    const seen = new Set<string>();
    await eventually(async () => {
      const page = await open.inbox.page(feed('expiring'), request());
      const seqs = seqsOf(page.items);
      // List and counts are of one moment, also of the one in which it expires.
      expect([page.unread, page.unseen]).toEqual([seqs.length, seqs.length]);
      seen.add(JSON.stringify([seqs, page.cursor.split('-')[1]]));
      return seqs.length === 1;
    });
    expect([...seen]).toEqual(['[[2,1],"3"]', '[[1],"3"]']);
    expect(await open.inbox.count(feed('expiring'))).toMatchObject({ unread: 1, unseen: 1 });
  });

  it('are cut at a number of bytes, but never below one item', async () => {
    const big = JSON.stringify('x'.repeat(64 * 1024 - 2));
    await open.log.append(Array.from({ length: 9 }, () => notification('big', { dataJson: big })));
    expect(await walk('big', { limit: 100 })).toEqual([[9, 8, 7], [6, 5, 4], [3, 2, 1]]); // prettier-ignore
    const { items } = await open.inbox.page(feed('big'), request());
    expect(Buffer.byteLength(items.join())).toBeLessThanOrEqual(PAGE_BYTES);

    const huge = 'y'.repeat(PAGE_BYTES);
    await open.log.append([1, 2].map(() => notification('huge', { body: huge })));
    expect(await walk('huge', {})).toEqual([[2], [1]]);
  });

  it('reject a position that the history of the feed does not have', async () => {
    await open.log.append([...many(3, 'here'), ...many(3, 'elsewhere')]);
    const { epoch } = await open.log.reader.open(feed('here'));
    const foreign = await open.log.reader.open(feed('elsewhere'));
    const before = (cursorEpoch: string, seq: number) =>
      open.inbox.page(feed('here'), request({ before: { epoch: cursorEpoch, seq } }));
    const refused = (problem: string) => ({
      code: 'invalid-request',
      fields: [{ field: 'before', problem }],
    });

    const otherEpoch = refused(
      'is from an earlier history of this feed or from another feed: start again with the first page',
    );
    await expect(before(foreign.epoch, 2)).rejects.toMatchObject(otherEpoch);
    await expect(before('nowhere', Infinity)).rejects.toMatchObject(otherEpoch);
    const ahead = refused('is ahead of the feed: use the "next" of a page');
    await expect(before(epoch, 4)).rejects.toMatchObject(ahead);
    await expect(before(epoch, Infinity)).rejects.toMatchObject(ahead);
    expect(seqsOf((await before(epoch, 3)).items)).toEqual([2, 1]);
    expect(await before(epoch, 0)).toMatchObject({ items: [], next: null });
  });

  it('end where the retention has trimmed, also between two of them', async () => {
    await open.log.append(many(10, 'trimmed'));
    const first = await open.inbox.page(feed('trimmed'), request({ limit: 2 }));
    const retention = { days: null, maxEntries: 5, sweepMs: 60_000, dedupeKeyDays: 90 };
    await new Retention(open.log.database, retention).sweep();
    const place = parseCursor(first.next!)!;
    const next = await open.inbox.page(feed('trimmed'), request({ before: place }));
    expect(seqsOf(next.items)).toEqual([8, 7, 6]);
    expect(next.next).toBeNull();
    const gone = await open.inbox.page(feed('trimmed'), request({ before: { ...place, seq: 4 } }));
    expect(gone).toMatchObject({ items: [], next: null, unread: 5 });
  }, 120_000);

  it('belong to one tenant and one recipient', async () => {
    await open.log.append([
      notification('eve', { feed: { tenant: 'a', recipient: 'eve' }, title: 'of a' }),
      notification('eve', { feed: { tenant: 'b', recipient: 'eve' }, title: 'of b' }),
    ]);
    const titles = async (tenant: string, recipient = 'eve') => {
      const { items } = await open.inbox.page({ tenant, recipient }, request());
      return items.map((item) => (JSON.parse(item) as { title: string }).title);
    };
    expect(await titles('a')).toEqual(['of a']);
    expect(await titles('b')).toEqual(['of b']);
    expect(await titles('')).toEqual([]);
    expect(await titles('a', 'eve ')).toEqual([]);
  });
});

describe('pages during an outage', () => {
  let test: TestDatabase;
  let open: OpenInbox;

  beforeAll(async () => {
    test = await createMigratedDatabase();
    open = await openInbox(test.url, { queryTimeoutMs: 1_500 });
  });

  afterAll(async () => {
    await open.close();
    await test.drop();
  });

  it('are rejected as an outage while the database hangs', async () => {
    await open.log.append(many(2, 'held'));
    const client = await open.log.database.pool.connect();
    await client.query('BEGIN; LOCK TABLE tidings.feed IN ACCESS EXCLUSIVE MODE');
    const outcomes = await Promise.allSettled([
      open.inbox.page(feed('held'), request()),
      open.inbox.count(feed('held')),
    ]);
    const refused = { status: 'rejected', reason: { code: 'log-unavailable' } };
    expect(outcomes).toMatchObject([refused, refused]);
    await client.query('ROLLBACK');
    client.release();
    expect(await open.inbox.page(feed('held'), request())).toMatchObject({ unread: 2 });
  });

  it('leave connections to the appends, however many are requested at once', async () => {
    await open.log.append(many(30, 'storm'));
    const query = open.log.database.query.bind(open.log.database);
    let [running, most] = [0, 0];
    open.log.database.query = async <Row extends object>(text: string, values?: unknown[]) => {
      most = Math.max(most, (running += 1));
      return query<Row & Record<string, unknown>>(text, values).finally(() => (running -= 1));
    };
    const pages = await Promise.all(
      Array.from({ length: 50 }, () => open.inbox.page(feed('storm'), request())),
    );
    open.log.database.query = query;
    expect(most).toBe(4);
    expect(new Set(pages.map(({ items }) => items.length))).toEqual(new Set([25]));
  });
});

async function idAt({ log }: OpenInbox, recipient: string, seq: number): Promise<string> {
  const { feedId } = await log.reader.open(feed(recipient));
  const page = await log.reader.page(feedId, seq - 1);
  return (JSON.parse(page!.entries[0]!.json!) as { id: string }).id;
}

interface MixedEntry {
  readonly seq: number;
  readonly type: string;
  readonly read: boolean;
  readonly archived: boolean;
  /** Whether it may be seen at all: no change of state, not hidden, not expired. */
  readonly shown: boolean;
}

/** A feed with entries of every kind at random, with the counters that the log would have. */
async function mixedFeed({ log }: OpenInbox, recipient: string, size = 2_600): Promise<MixedEntry[]> {
  const { feedId } = await log.reader.open(feed(recipient));
  const { rows } = await log.database.pool.query<MixedEntry>(
    `WITH made AS (
       INSERT INTO tidings.entry (feed_id, seq, id, type, title, data, created_at, bytes, hidden, expires_at, read_at, archived_at)
       SELECT $1, s, CASE WHEN random() < 0.9 THEN gen_random_uuid() END, CASE WHEN random() < 0.03 THEN 'rare' ELSE 'usual' END,
              't', '{}', now(), 400, random() < 0.1,
              CASE WHEN random() < 0.2 THEN now() + CASE WHEN random() < 0.5 THEN 1 ELSE -1 END * interval '1 hour' END,
              CASE WHEN random() < 0.4 THEN now() END, CASE WHEN random() < 0.1 THEN now() END
         FROM generate_series(1, $2::integer) s
       RETURNING *)
     SELECT seq::integer, type, read_at IS NOT NULL AS read, archived_at IS NOT NULL AS archived,
            id IS NOT NULL AND NOT hidden AND coalesce(expires_at > now(), true) AS shown
       FROM made ORDER BY seq`,
    [feedId, size],
  );
  // A change of state does not expire and is not unread.
  await log.database.pool.query(
    `UPDATE tidings.entry SET expires_at = NULL, read_at = NULL WHERE feed_id = $1 AND id IS NULL`,
    [feedId],
  );
  await log.database.pool.query(
    `UPDATE tidings.feed SET head = $2, oldest_at = now(), kept = c.kept, unread = c.unread, unseen = c.unread
       FROM (SELECT count(*) AS kept, count(*) FILTER (WHERE NOT hidden AND read_at IS NULL AND archived_at IS NULL) AS unread
               FROM tidings.entry WHERE feed_id = $1 AND id IS NOT NULL) c
      WHERE id = $1`,
    [feedId, size],
  );
  return rows;
}

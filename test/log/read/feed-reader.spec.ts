import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { PAGE_BYTES } from '../../../src/log/read/feed-reader.js';
import type { Statement } from '../../../src/log/database/statement.js';
import { createMigratedDatabase, type TestDatabase } from '../../support/postgres.js';
import { ExplainingSession, rowsOf, type PlanNode } from '../inbox/explained.js';
import { notification, openLog, type Log } from '../open-log.js';

describe('reading the log', () => {
  let test: TestDatabase;
  let log: Log;

  beforeAll(async () => {
    test = await createMigratedDatabase();
    log = await openLog(test.url);
  });

  afterAll(async () => {
    await log.close();
    await test.drop();
  });

  const feed = (recipient: string) => ({ tenant: '', recipient });

  it('creates the row of a new feed once, with an epoch', async () => {
    const [one, two] = await Promise.all([log.reader.open(feed('new')), log.reader.open(feed('new'))]);
    expect(one).toEqual({
      feedId: one.feedId,
      epoch: one.epoch,
      head: 0,
      floor: 0,
      unread: 0,
      unseen: 0,
      pending: false,
    });
    expect(one.epoch).toMatch(/^[a-z0-9]{10}$/);
    expect(two).toEqual(one);
    expect(await log.reader.page(one.feedId, 0)).toEqual({
      feedId: one.feedId,
      epoch: one.epoch,
      head: 0,
      floor: 0,
      entries: [],
    });
  });

  it('reports a feed that does not exist as gone', async () => {
    expect(await log.reader.page('999999999', 0)).toBeNull();
    expect(await log.reader.heads(['999999999'])).toEqual([]);
  });

  it('reads the pages of many feeds in one query', async () => {
    const names = Array.from({ length: 40 }, (_, i) => `many-${i}`);
    await log.append(names.map((name) => notification(name, { title: name })));
    const opened = await Promise.all(names.map((name) => log.reader.open(feed(name))));
    log.pageReads.length = 0;
    const pages = await Promise.all(opened.map(({ feedId }) => log.reader.page(feedId, 0)));
    expect(log.pageReads).toEqual([40]);
    expect(pages.map((page) => (JSON.parse(page!.entries[0]!.json!) as { title: string }).title)).toEqual(
      names,
    );
  });

  it('bounds a page by bytes, but never below one entry', async () => {
    const big = JSON.stringify('x'.repeat(64 * 1024 - 2));
    await log.append(Array.from({ length: 9 }, () => notification('big', { dataJson: big })));
    const { feedId, head } = await log.reader.open(feed('big'));
    let seq = 0;
    while (seq < head) {
      const { entries } = (await log.reader.page(feedId, seq))!;
      expect(entries.length).toBeGreaterThan(0);
      const bytes = entries.reduce((sum, { json }) => sum + Buffer.byteLength(json!), 0);
      expect(bytes).toBeLessThanOrEqual(PAGE_BYTES);
      expect(entries[0]!.seq).toBe(seq + 1);
      seq = entries.at(-1)!.seq;
    }
    await log.append([notification('huge', { body: 'y'.repeat(PAGE_BYTES), dataJson: big })]);
    const huge = await log.reader.open(feed('huge'));
    expect((await log.reader.page(huge.feedId, 0))!.entries).toHaveLength(1);
  });

  it('skips hidden and expired entries without reading their content or counting them', async () => {
    await log.append([
      notification('mixed'),
      notification('mixed', { expiresAt: new Date(Date.now() - 1_000) }),
      notification('mixed', { expiresAt: new Date(Date.now() + 60_000) }),
    ]);
    const opened = await log.reader.open(feed('mixed'));
    expect(opened).toMatchObject({ head: 3, unread: 2, unseen: 2 });
    const page = await log.reader.page(opened.feedId, 0);
    expect(page!.entries.map(({ seq, json }) => [seq, json !== null])).toEqual([
      [1, true],
      [2, false],
      [3, true],
    ]);
  });

  it('finds pages, feeds and expired entries by index alone in a full log', async () => {
    // Plans inside functions are kept: that of a log that is as good as empty has to do for a full one.
    const session = await ExplainingSession.open(test.adminUrl);
    await session.run(`SELECT * FROM tidings.open_feeds(ARRAY[''], ARRAY['x'], ARRAY['{}'])`);
    await session.run('SELECT * FROM tidings.read_pages(ARRAY[1], ARRAY[0], 200, 1000)');
    await log.database.pool.query(`
      INSERT INTO tidings.feed (tenant, recipient, head, kept, oldest_at)
      SELECT '', 'bulk-' || n, 5000, 5000, now() FROM generate_series(1, 20) n
       UNION ALL SELECT '', 'empty-' || n, 0, 0, NULL FROM generate_series(1, 3000) n`);
    await log.database.pool.query(`
      INSERT INTO tidings.entry (feed_id, seq, id, type, title, data, created_at, bytes)
      SELECT id, s, gen_random_uuid(), 'x', 't', '{}', now(), 400
        FROM tidings.feed, generate_series(1, 5000) s WHERE recipient LIKE 'bulk-%'`);
    const query = log.database.query.bind(log.database);
    const plans: (readonly PlanNode[])[] = [];
    log.database.query = async <Row extends Record<string, unknown>>(
      statement: string | Statement,
      values: unknown[] = [],
    ) => {
      plans.push((await session.run(log.database.text(statement), values)).nodes);
      return query<Row>(statement, values);
    };
    const { feedId } = await log.reader.open(feed('bulk-7'));
    const page = await log.reader.page(feedId, 20);
    await log.reader.heads([feedId]);
    log.database.query = query;
    await session.close();
    expect(page!.entries).toHaveLength(200);
    expect(plans).toHaveLength(3);
    for (const nodes of plans) {
      expect(nodes.map((node) => node['Node Type'])).not.toContain('Seq Scan');
      expect(nodes.some((node) => node['Index Name'] !== undefined)).toBe(true);
    }
    // In order from the index: nothing of the feed is read beyond the page.
    const scans = plans[1]!.filter((node) => node['Relation Name'] === 'entry' && node['Actual Loops'] > 0);
    expect(scans.map(rowsOf)).toEqual([200]);
  });
});

import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { PageRequest } from '../../../src/contract/ports/inbox.js';
import { PAGE_SCANS } from '../../../src/log/inbox/page.js';
import type { Statement } from '../../../src/log/database/statement.js';
import { createMigratedDatabase, type TestDatabase } from '../../support/postgres.js';
import { ExplainingSession, rowsOf, type PlanNode } from './explained.js';
import { openInbox, request, type OpenInbox } from './open-inbox.js';

const ENTRIES = 100_000;
const feed = { tenant: '', recipient: 'bulk' };

describe('reading a feed with 100,000 entries', () => {
  let test: TestDatabase;
  let open: OpenInbox;
  let session: ExplainingSession;
  /** For each statement the nodes of its plan, and of the plans inside the functions that it calls. */
  let plans: (readonly PlanNode[])[];

  beforeAll(async () => {
    test = await createMigratedDatabase();
    open = await openInbox(test.url, { queryTimeoutMs: 100_000 });
    const { database } = open.log;
    await database.pool.query(
      `INSERT INTO tidings.feed (tenant, recipient, head, kept, oldest_at)
       SELECT '', 'bulk', ${ENTRIES}, ${ENTRIES}, now() UNION ALL SELECT '', 'other-' || n, n % 20, 0, now() FROM generate_series(1, 3000) n`,
    );
    // All read, none archived, all of one type: a filter for anything else fits nothing. A few have expired.
    await database.pool.query(
      `INSERT INTO tidings.entry (feed_id, seq, id, type, title, data, created_at, read_at, expires_at, bytes)
       SELECT f.id, s, gen_random_uuid(), 'x', 't', '{}', now(), now(), CASE WHEN s % 1000 = 0 THEN now() END, 400
         FROM tidings.feed f, generate_series(1, f.head) s ORDER BY random()`,
    );
    await database.pool.query('VACUUM ANALYZE tidings.entry, tidings.feed');

    session = await ExplainingSession.open(test.adminUrl);
    const query = database.query.bind(database);
    database.query = async <Row extends object>(statement: string | Statement, values: unknown[] = []) => {
      plans.push((await session.run(database.text(statement), values)).nodes);
      return query<Row & Record<string, unknown>>(statement, values);
    };
  }, 120_000);
  beforeEach(() => {
    plans = [];
  });

  afterAll(async () => {
    await session.close();
    await open.close();
    await test.drop();
  });

  /** The nodes of a statement that ran, the first; fails if it read a table without an index. */
  function nodes(all = plans[0]!): readonly PlanNode[] {
    expect(all.map((node) => node['Node Type'])).not.toContain('Seq Scan');
    return all;
  }

  it.each<[string, Partial<PageRequest>]>([
    ['the first page', {}],
    ['a page in the middle', { before: { epoch: '', seq: 50_000 } }],
    ['the last page', { before: { epoch: '', seq: 20 } }],
  ])('reads few rows beyond those of the page, in the order of the primary key: %s', async (_what, parts) => {
    await page(parts);
    const all = nodes();
    const scan = all.find((node) => node['Index Name'] === 'entry_pkey')!;
    expect(scan).toMatchObject({ 'Node Type': 'Index Scan', 'Scan Direction': 'Backward' });
    expect(rowsOf(scan)).toBeLessThanOrEqual(25 + 2);
    // The one sort is of the page.
    const sorts = all.filter((node) => node['Node Type'] === 'Sort');
    expect(sorts.map((node) => node['Actual Rows']).every((rows) => rows <= 26)).toBe(true);
  });

  it.each<[string, Partial<PageRequest>]>([
    ['unread', { unread: true }],
    ['archived', { archived: true }],
    ['of a type', { type: 'rare' }],
    ['all at once', { unread: true, archived: true, type: 'rare', limit: 100 }],
  ])('reads a bounded number of rows at a time for a filter that nothing fits (%s)', async (_what, parts) => {
    const { items, next } = await page(parts);
    expect(items).toEqual([]);
    expect(next).toBeNull();
    const looked = plans.map((plan) =>
      nodes(plan)
        .filter((node) => node['Relation Name'] === 'entry' && node['Index Name'] !== 'entry_expiring')
        .reduce((sum, node) => sum + rowsOf(node), 0),
    );
    expect(looked[0]).toBe(PAGE_SCANS.first);
    expect(Math.max(...looked)).toBeLessThanOrEqual(PAGE_SCANS.each);
    expect(looked.length).toBeLessThanOrEqual(10);
  });

  it('counts from the row of the feed and the expired entries, by index', async () => {
    await open.inbox.count(feed);
    const all = nodes();
    const scans = all.filter((node) => node['Relation Name'] === 'entry');
    expect(scans.reduce((sum, node) => sum + rowsOf(node), 0)).toBeLessThanOrEqual(ENTRIES / 1_000);
    expect(all.map((node) => node['Index Name'])).toContain('feed_tenant_recipient');
  });

  async function page({ before, ...parts }: Partial<PageRequest>) {
    if (!before) return open.inbox.page(feed, request(parts));
    const { epoch } = await open.log.reader.open(feed);
    plans.length = 0;
    return open.inbox.page(feed, request({ ...parts, before: { ...before, epoch } }));
  }
});

import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { createMigratedDatabase, type TestDatabase } from '../../support/postgres.js';
import { ExplainingSession, rowsOf, type Explained } from './explained.js';
import { openInbox, type OpenInbox } from './open-inbox.js';
import { recount } from './recount.js';

const ENTRIES = 100_000;
const feed = { tenant: '', recipient: 'bulk' };

describe('a change of state in a feed with 100,000 entries', () => {
  let test: TestDatabase;
  let open: OpenInbox;
  let session: ExplainingSession;
  let epoch: string;
  let feedId: string;
  let head = ENTRIES;

  beforeAll(async () => {
    test = await createMigratedDatabase();
    open = await openInbox(test.url, { queryTimeoutMs: 100_000 });
    session = await ExplainingSession.open(test.adminUrl);
    // Plans inside functions are kept from the sixth call on: here those of a database that is as good as empty.
    await open.log.reader.open({ tenant: '', recipient: 'small' });
    for (let call = 0; call < 8; call += 1) {
      for (const change of ['read', 'seen', 'archive'])
        await session.run(`SELECT * FROM tidings.change_up_to('', 'small', $1, 'x', 0)`, [change]);
      await session.run(`SELECT * FROM tidings.change_by_ids('', 'small', 'read', ARRAY[gen_random_uuid()])`);
    }
    const { database } = open.log;
    await database.pool.query(
      `INSERT INTO tidings.feed (tenant, recipient, head, kept, unread, unseen, oldest_at)
       SELECT '', 'bulk', ${ENTRIES}, ${ENTRIES}, ${ENTRIES}, ${ENTRIES}, now()
        UNION ALL SELECT '', 'other-' || n, 0, 0, 0, 0, NULL FROM generate_series(1, 3000) n`,
    );
    await database.pool.query(
      `INSERT INTO tidings.entry (feed_id, seq, id, type, title, data, created_at, collapse_key, bytes)
       SELECT f.id, s, tidings.notification_id(1, s), 'x', 't', '{}', now(), CASE WHEN s % 50 = 0 THEN 'c' END, 400
         FROM tidings.feed f, generate_series(1, f.head) s ORDER BY random()`,
    );
    ({ epoch, feedId } = await open.log.reader.open(feed));
  }, 120_000);

  afterAll(async () => {
    await session.close();
    await open.close();
    await test.drop();
  });

  /** Fails if a table was read whole, or anything of the feed sorted; returns how many of its entries were looked at. */
  function looked({ nodes }: Explained): number {
    expect(nodes.length).toBeGreaterThan(3);
    expect(nodes.map((node) => node['Node Type'])).not.toContain('Seq Scan');
    const sorts = nodes.filter((node) => node['Node Type'].includes('Sort'));
    expect(sorts.every((node) => node['Actual Rows'] <= 10)).toBe(true);
    const scans = nodes.filter(
      (node) => node['Relation Name'] === 'entry' && node['Index Name'] !== undefined,
    );
    return scans.reduce((sum, node) => sum + rowsOf(node), 0);
  }

  async function upTo(change: string, seq: number, outcome = 'changed'): Promise<Explained> {
    const explained = await session.run(`SELECT * FROM tidings.change_up_to('', 'bulk', $1, $2, $3)`, [
      change,
      epoch,
      seq,
    ]);
    expect(explained.rows[0]!.outcome).toBe(outcome);
    if (outcome === 'changed') head += 1;
    return explained;
  }

  async function byIds(change: string, ...seqs: number[]): Promise<Explained> {
    const [row] = await open.log.database.query<{ ids: string[] }>(
      `SELECT array_agg(id) AS ids FROM tidings.entry WHERE feed_id = $1 AND seq = ANY ($2)`,
      [feedId, seqs],
    );
    const explained = await session.run(`SELECT * FROM tidings.change_by_ids('', 'bulk', $1, $2::uuid[])`, [
      change,
      row!.ids,
    ]);
    expect(explained.rows[0]!.outcome).toBe('changed');
    head += 1;
    return explained;
  }

  const countsAreRight = async () =>
    expect(await open.inbox.count(feed)).toMatchObject(await recount(open.log.database, feed));

  it('reads a handful of entries to mark all as seen, read or archived, and holds the lock for milliseconds', async () => {
    const durations: number[] = [];
    for (const change of ['seen', 'read', 'archive']) {
      const explained = await upTo(change, head);
      expect(looked(explained)).toBeLessThanOrEqual(5);
      durations.push(explained.durationMs);
      // Nothing changes any more: found out as quickly.
      expect(looked(await upTo(change, head - 1, 'same'))).toBeLessThanOrEqual(5);
      await countsAreRight();
    }
    // The fastest, as the machine may be busy with other work. Updating the rows would take each of them seconds.
    expect(Math.min(...durations)).toBeLessThan(100);
  });

  it('reads the named entries, and the exceptions below a position, by index', async () => {
    expect(looked(await byIds('unarchive', 10, 50_000, 90_000))).toBeLessThanOrEqual(12);
    expect(looked(await byIds('unread', 10, 50_000, 90_000))).toBeLessThanOrEqual(12);
    await countsAreRight();
    expect(looked(await upTo('read', 60_000))).toBeLessThanOrEqual(6);
    expect(looked(await upTo('archive', 20_000))).toBeLessThanOrEqual(6);
    expect(looked(await byIds('remove', 50_000, 90_000))).toBeLessThanOrEqual(12);
    await countsAreRight();
  });

  it('hides what is recalled, or has expired, by index', async () => {
    await open.log.database.query(
      `UPDATE tidings.entry SET expires_at = now() WHERE seq IN (500, 600) AND feed_id = (SELECT id FROM tidings.feed WHERE recipient = 'bulk')`,
    );
    await open.log.database.query(
      `INSERT INTO tidings.dedupe_key SELECT '\\x01', id, 700, now() FROM tidings.feed WHERE recipient = 'bulk'`,
    );
    const expired = await session.run(`SELECT * FROM tidings.expire(ARRAY[$1::bigint], 1000)`, [feedId]);
    expect(expired.rows).toHaveLength(1);
    expect(looked(expired)).toBeLessThanOrEqual(6);
    const recalled = await session.run(`SELECT * FROM tidings.recall('', 'bulk', '\\x01')`);
    expect(recalled.rows[0]!.outcome).toBe('changed');
    expect(looked(recalled)).toBeLessThanOrEqual(4);
    head += 2;
    await countsAreRight();
  });

  it('counts the smaller side of a position in the middle, in the order of the primary key', async () => {
    await open.log.database.query(
      `UPDATE tidings.feed SET read_up_to = 0, archived_up_to = 0, unread = n.unread, unseen = 0
         FROM (SELECT count(*) AS unread FROM tidings.entry e JOIN tidings.feed f ON f.id = e.feed_id
                WHERE f.recipient = 'bulk' AND e.id IS NOT NULL AND NOT e.hidden AND e.read_at IS NULL AND e.archived_at IS NULL) n
        WHERE recipient = 'bulk'`,
    );
    const low = await upTo('read', 1_000);
    expect(looked(low)).toBeLessThanOrEqual(1_010);
    const high = await upTo('read', ENTRIES - 1_000);
    expect(looked(high)).toBeLessThanOrEqual(1_030);
    await countsAreRight();
  });
});

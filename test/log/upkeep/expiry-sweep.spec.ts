import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { randomUUID } from 'node:crypto';
import { formatCursor } from '../../../src/contract/model/cursor.js';
import type { Announcement } from '../../../src/contract/ports/live.js';
import { ExpirySweep } from '../../../src/log/upkeep/expiry-sweep.js';
import { eventually } from '../../support/eventually.js';
import { createMigratedDatabase, type TestDatabase } from '../../support/postgres.js';
import { openInbox, request, type OpenInbox } from '../inbox/open-inbox.js';
import { recount } from '../inbox/recount.js';
import { notification } from '../open-log.js';
import { plansOf } from './plans-of.js';

describe('the expiry sweep', () => {
  let test: TestDatabase;
  let open: OpenInbox;
  let sweep: ExpirySweep;
  let announced: Announcement[];
  let recipient: string;

  beforeAll(async () => {
    test = await createMigratedDatabase();
    open = await openInbox(test.url);
  });
  beforeEach(() => {
    recipient = randomUUID();
    announced = [];
    sweep = new ExpirySweep(open.log.database, { announce: (news) => void announced.push(...news) }, 20);
  });

  afterAll(async () => {
    await open.close();
    await test.drop();
  });

  const feed = () => ({ tenant: 'acme', recipient });
  const append = (count: number, expiresInMs: number | null) =>
    open.log.append(
      Array.from({ length: count }, () =>
        notification('', {
          feed: feed(),
          expiresAt: expiresInMs === null ? null : new Date(Date.now() + expiresInMs),
        }),
      ),
    );
  const makeDue = (...seqs: number[]) =>
    open.log.database.query(
      `UPDATE tidings.entry e SET expires_at = now() FROM tidings.feed f
        WHERE f.id = e.feed_id AND f.recipient = $1 AND e.seq = ANY ($2)`,
      [recipient, seqs],
    );
  const idAt = async (seq: number) =>
    (
      await open.log.database.query<{ id: string }>(
        `SELECT e.id FROM tidings.entry e JOIN tidings.feed f ON f.id = e.feed_id WHERE f.recipient = $1 AND e.seq = $2`,
        [recipient, seq],
      )
    )[0]!.id;

  it('appends and announces one entry for each feed with what has expired and the counts after it', async () => {
    await append(2, 60_000);
    await append(2, null);
    await makeDue(1, 2);
    const before = await open.inbox.count(feed());
    expect(before).toMatchObject({ unread: 2, unseen: 2 });
    expect(await sweep.sweep()).toBe(1);
    const ids = [await idAt(1), await idAt(2)];
    expect(announced).toMatchObject([{ feed: feed(), seq: 5, entry: { seq: 5, type: 'feed.removed' } }]);
    const entry = { type: 'feed.removed', reason: 'expired', ids, unread: 2, unseen: 2 };
    expect(JSON.parse(announced[0]!.entry!.json!)).toEqual(entry);
    const { feedId, epoch } = await open.log.reader.open(feed());
    const page = await open.log.reader.page(feedId, 0);
    expect(page!.entries.map(({ json }) => json !== null)).toEqual([false, false, true, true, true]);
    expect(JSON.parse(page!.entries[4]!.json!)).toEqual(entry);
    expect(announced[0]!.epoch).toBe(epoch);
    // The counts had left them out before: it is only the pages that follow.
    expect(await open.inbox.count(feed())).toEqual({ ...before, cursor: `${epoch}-5` });
    expect(await sweep.sweep()).toBe(0);
    expect(announced).toHaveLength(1);
  });

  it('leaves what expires later, and counts correctly whether what expired was read, archived or seen', async () => {
    await append(6, 60_000);
    const { epoch } = await open.log.reader.open(feed());
    await open.changes.change(feed(), 'seen', { upTo: formatCursor(epoch, 3) });
    await open.changes.change(feed(), 'read', { ids: [await idAt(2)] });
    await open.changes.change(feed(), 'archive', { ids: [await idAt(4)] });
    await makeDue(1, 2, 4, 5);
    const counts = { unread: 2, unseen: 1 };
    expect(await open.inbox.count(feed())).toMatchObject(counts);
    expect(await sweep.sweep()).toBe(1);
    expect(JSON.parse(announced[0]!.entry!.json!)).toMatchObject(counts);
    expect(await open.inbox.count(feed())).toMatchObject(counts);
    expect(await recount(open.log.database, feed())).toEqual(counts);
  });

  it('splits a feed with more than one batch into several entries', async () => {
    for (let n = 0; n < 3; n += 1) await append(500, 60_000);
    await makeDue(...Array.from({ length: 1_500 }, (_, index) => index + 1));
    expect(await sweep.sweep()).toBe(2);
    const sizes = announced.map(({ entry }) => (JSON.parse(entry!.json!) as { ids: string[] }).ids.length);
    expect(sizes).toEqual([1_000, 500]);
    expect(await open.inbox.page(feed(), request())).toMatchObject({ items: [], unread: 0, unseen: 0 });
  }, 30_000);

  it('skips a feed that is locked elsewhere, and finds it the next time', async () => {
    const held = recipient;
    await append(1, 60_000);
    await makeDue(1);
    recipient = randomUUID();
    await append(1, 60_000);
    await makeDue(1);
    const client = await open.log.database.pool.connect();
    await client.query('BEGIN');
    await client.query('SELECT FROM tidings.feed WHERE recipient = $1 FOR UPDATE', [held]);
    expect(await sweep.sweep()).toBe(1);
    expect(announced).toMatchObject([{ feed: feed() }]);
    await client.query('ROLLBACK');
    client.release();
    expect(await sweep.sweep()).toBe(1);
  });

  it('appends one entry when two processes sweep at once', async () => {
    await append(3, 60_000);
    await makeDue(1, 2, 3);
    const other = new ExpirySweep(
      open.log.database,
      { announce: (news) => void announced.push(...news) },
      20,
    );
    const changed = await Promise.all([sweep.sweep(), other.sweep(), sweep.sweep(), other.sweep()]);
    expect(changed.reduce((sum, each) => sum + each, 0)).toBe(1);
    expect(announced).toHaveLength(1);
  });

  it('runs by itself, again and again, until it is stopped', async () => {
    sweep.start();
    await append(1, 60_000);
    await makeDue(1);
    await eventually(() => announced.length === 1);
    await append(1, 60_000);
    await makeDue(3);
    await eventually(() => announced.length === 2);
    await sweep.stop();
    await append(1, 60_000);
    await makeDue(5);
    await expect(eventually(() => announced.length === 3, { timeoutMs: 100 })).rejects.toThrow();
    expect(await new ExpirySweep(open.log.database, { announce: () => {} }, 1_000).sweep()).toBe(1);
  });

  it('finds what is due by index alone', async () => {
    await open.log.database.query(`
      WITH f AS (INSERT INTO tidings.feed (tenant, recipient, head, kept, oldest_at) VALUES ('', 'bulk', 20000, 20000, now()) RETURNING id)
      INSERT INTO tidings.entry (feed_id, seq, id, type, title, data, created_at, expires_at, bytes)
      SELECT id, s, gen_random_uuid(), 'x', 't', '{}', now(), CASE WHEN s % 10 = 0 THEN now() + interval '1 hour' END, 400
        FROM f, generate_series(1, 20000) s`);
    await open.log.database.query('ANALYZE');
    const plans = await plansOf(open.log.database, () => sweep.sweep());
    expect(plans).toHaveLength(2);
    expect(plans[1]).toContain('entry_due');
    expect(plans[1]).not.toContain('Seq Scan');
  });
});

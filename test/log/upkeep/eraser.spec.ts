import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { randomUUID } from 'node:crypto';
import { formatCursor } from '../../../src/contract/model/cursor.js';
import type { FeedKey } from '../../../src/contract/model/feed.js';
import { PostgresDropLog } from '../../../src/log/append/drop-log.js';
import { notificationAt } from '../../../src/jobs/after/notification-lookup.js';
import { PostgresInboxChanges } from '../../../src/log/inbox/postgres-inbox-changes.js';
import { PostgresLogEraser } from '../../../src/log/upkeep/eraser.js';
import { ExpirySweep } from '../../../src/log/upkeep/expiry-sweep.js';
import { createMigratedDatabase, type TestDatabase } from '../../support/postgres.js';
import { openInbox, request, type OpenInbox } from '../inbox/open-inbox.js';
import { recount } from '../inbox/recount.js';
import { notification } from '../open-log.js';

describe('the erasure of a recipient in the log', () => {
  let test: TestDatabase;
  let open: OpenInbox;
  let eraser: PostgresLogEraser;
  let tenant: string;
  let ada: string;

  beforeAll(async () => {
    test = await createMigratedDatabase();
    open = await openInbox(test.url);
    eraser = new PostgresLogEraser(open.log.database);
  });
  beforeEach(() => {
    tenant = `tenant-${randomUUID()}`;
    ada = `ada-${randomUUID()}`;
  });

  afterAll(async () => {
    await open.close();
    await test.drop();
  });

  const feed = (recipient: string): FeedKey => ({ tenant, recipient });
  const sql = (text: string, values: unknown[] = []) =>
    open.log.database.query<Record<string, unknown>>(text, values);
  const append = async (recipient: string, parts: Parameters<typeof notification>[1] = {}) =>
    (await open.log.appender.append([notification(recipient, { feed: feed(recipient), ...parts })]))[0]!;
  /** Every row of ours, as text, in which one of these words is found. */
  async function tracesOf(...words: string[]): Promise<string[]> {
    const tables = await sql(
      `SELECT table_name AS name FROM information_schema.tables WHERE table_schema = 'tidings'`,
    );
    const rows = await Promise.all(
      tables.map(({ name }) =>
        sql(`SELECT '${String(name)}: ' || t::text AS row FROM tidings.${String(name)} t`),
      ),
    );
    return rows
      .flat()
      .map(({ row }) => String(row))
      .filter((row) => words.some((word) => row.includes(word)));
  }

  it('leaves nothing of a recipient but a hash', async () => {
    await open.log.append(
      Array.from({ length: 6_000 }, () => notification('', { feed: feed(ada), title: `for ${ada} only` })),
    );
    await append(ada, {
      collapseKey: `a key of ${ada}`,
      dedupeKey: `k:of ${ada}`,
      expiresAt: new Date(Date.now() + 60_000),
    });
    await open.preferences.put(feed(ada), { muted: ['note'] });
    const { feedId, epoch } = await open.log.reader.open(feed(ada));
    await open.changes.change(feed(ada), 'read', { upTo: formatCursor(epoch, 3_000) });
    await new PostgresDropLog(open.log.database).record([
      { feed: feed(ada), reason: 'muted', type: 'note', jobId: `a job of ${ada}` },
    ]);
    await append('grace');
    expect((await tracesOf(ada)).length).toBeGreaterThan(6_000);

    const before = Date.now();
    const { at, ...report } = await eraser.eraseRecipient(feed(ada));
    expect(report).toMatchObject({ feeds: 1, entries: 6_002 });
    expect(at.getTime()).toBeGreaterThanOrEqual(before - 1_000);
    expect(await tracesOf(ada)).toEqual([]);
    for (const table of [
      'feed WHERE id',
      'entry WHERE feed_id',
      'read_mark WHERE feed_id',
      'dropped WHERE feed_id',
    ])
      expect(await sql(`SELECT FROM tidings.${table} = $1`, [feedId])).toEqual([]);
    expect(await open.log.reader.page(feedId, 0)).toBeNull();
    // And nobody else is touched.
    expect(await open.log.reader.open(feed('grace'))).toMatchObject({ head: 1, unread: 1 });
  }, 60_000);

  it('is not undone by a recall, which still keeps out a job that comes later', async () => {
    await append(ada, { dedupeKey: 'k:sent' });
    const { at } = await eraser.eraseRecipient(feed(ada));
    expect(await open.recaller.recall([feed(ada), feed('grace')], 'to come', null)).toEqual([
      'prevented',
      'prevented',
    ]);
    expect(await open.recaller.recall([feed(ada)], 'to come', null)).toEqual(['prevented']);
    expect(await open.recaller.recall([feed(ada)], 'sent', null)).toEqual(['gone']);
    expect(await tracesOf(ada)).toEqual([]);
    // The recipient has come back.
    const queuedAt = new Date(at.getTime() + 1);
    expect(await append(ada, { dedupeKey: 'k:to come', queuedAt })).toMatchObject({ outcome: 'recalled' });
    expect(await append(ada, { queuedAt })).toMatchObject({ outcome: 'appended', seq: 1 });

    await eraser.eraseTenant(tenant);
    expect(await open.recaller.recall([feed('never seen'), feed('grace')], 'news', null)).toEqual([
      'prevented',
      'prevented',
    ]);
    expect(await tracesOf(tenant, 'never seen')).toEqual([]);
  });

  it('is not undone by a recall at the moment of an append, of which one wins', async () => {
    for (let round = 0; round < 20; round += 1) {
      const recipient = `${ada}-${round}`;
      const { at } = await eraser.eraseRecipient(feed(recipient));
      const [[outcome], result] = await Promise.all([
        open.recaller.recall([feed(recipient)], 'race', null),
        append(recipient, { dedupeKey: 'k:race', queuedAt: new Date(at.getTime() + 1) }),
      ]);
      expect([outcome, result.outcome]).toEqual(
        outcome === 'recalled' ? ['recalled', 'appended'] : ['prevented', 'recalled'],
      );
    }
  });

  it('is not undone by a look at what was delivered before', async () => {
    const { epoch, seq } = (await append(ada)) as { epoch: string; seq: number };
    const place = { feed: feed(ada), epoch, seq };
    expect(await notificationAt(open.log.reader, place)).not.toBeNull();
    await eraser.eraseRecipient(feed(ada));
    expect(await notificationAt(open.log.reader, place)).toBeNull();
    expect(await tracesOf(ada)).toEqual([]);
  });

  it('gives a returning recipient a new feed with a new epoch', async () => {
    await append(ada);
    await open.preferences.put(feed(ada), { muted: ['note'] });
    const before = await open.log.reader.open(feed(ada));
    await eraser.eraseRecipient(feed(ada));
    const after = await open.log.reader.open(feed(ada));
    expect(after).toMatchObject({ head: 0, floor: 0, unread: 0, unseen: 0 });
    expect(after.epoch).not.toBe(before.epoch);
    expect(after.feedId).not.toBe(before.feedId);
    expect(await open.preferences.get(feed(ada))).toEqual({ muted: [], mutedCategories: [] });
  });

  it('drops older jobs for ever without a row that names the recipient, and accepts later ones', async () => {
    await append(ada);
    const { at } = await eraser.eraseRecipient(feed(ada));
    const [old, young] = [new Date(at.getTime() - 1), new Date(at.getTime() + 1)];
    expect(await append(ada, { queuedAt: old })).toEqual({ outcome: 'erased', feed: feed(ada) });
    expect(await append(ada, { queuedAt: at })).toMatchObject({ outcome: 'erased' });
    expect(await tracesOf(ada)).toEqual([]);
    // Opened, and still nothing in it: also then the old ones stay out.
    await open.log.reader.open(feed(ada));
    expect(await append(ada, { queuedAt: old })).toMatchObject({ outcome: 'erased' });
    expect(await append(ada, { queuedAt: young })).toMatchObject({ outcome: 'appended', seq: 1 });
    expect(await append(ada, { queuedAt: old })).toMatchObject({ outcome: 'erased' });
    expect(await open.log.reader.open(feed(ada))).toMatchObject({ head: 1, unread: 1 });
  });

  it('appends the later job of a batch, and drops the older one beside it', async () => {
    const { at } = await eraser.eraseRecipient(feed(ada));
    const at2 = (ms: number) => notification('', { feed: feed(ada), queuedAt: new Date(at.getTime() + ms) });
    const results = await open.log.appender.append([
      at2(-5),
      at2(5),
      notification('', { feed: feed('grace') }),
    ]);
    expect(results.map(({ outcome }) => outcome)).toEqual(['erased', 'appended', 'appended']);
  });

  it('is idempotent, also for an unknown recipient', async () => {
    await append(ada);
    expect(await eraser.eraseRecipient(feed(ada))).toMatchObject({ feeds: 1, entries: 1 });
    expect(await eraser.eraseRecipient(feed(ada))).toMatchObject({ feeds: 0, entries: 0 });
    expect(await eraser.eraseRecipient(feed('never there'))).toMatchObject({ feeds: 0, entries: 0 });
    expect(await append('never there', { queuedAt: new Date(0) })).toMatchObject({ outcome: 'erased' });
    expect(await append('never there')).toMatchObject({ outcome: 'appended' });
  });

  it('resumes where it broke off: removes a feed that is already empty, with a new epoch meanwhile', async () => {
    await append(ada);
    const before = await open.log.reader.open(feed(ada));
    const query = open.log.database.query.bind(open.log.database);
    open.log.database.query = (text, values) =>
      open.log.database.text(text).includes('DELETE FROM "tidings".entry')
        ? Promise.reject(new Error('cut'))
        : query(text, values);
    await expect(eraser.eraseRecipient(feed(ada))).rejects.toThrow('cut');
    open.log.database.query = query;
    const between = await open.log.reader.open(feed(ada));
    expect(between).toMatchObject({ head: 1, floor: 1, unread: 0, unseen: 0 });
    expect(between.epoch).not.toBe(before.epoch);
    expect((await open.log.reader.page(between.feedId, 0))!.entries).toEqual([]);
    expect(await append(ada, { queuedAt: new Date(0) })).toMatchObject({ outcome: 'erased' });
    expect(await eraser.eraseRecipient(feed(ada))).toMatchObject({ feeds: 1, entries: 1 });
    expect(await tracesOf(ada)).toEqual([]);
  });

  /** An erasure that has emptied the feed, and broke off before it deleted anything. */
  async function eraseHalf(recipient: string): Promise<string> {
    const query = open.log.database.query.bind(open.log.database);
    open.log.database.query = (text, values) =>
      open.log.database.text(text).includes('DELETE FROM "tidings".entry')
        ? Promise.reject(new Error('cut'))
        : query(text, values);
    await expect(eraser.eraseRecipient(feed(recipient))).rejects.toThrow('cut');
    open.log.database.query = query;
    return (await open.log.reader.open(feed(recipient))).epoch;
  }
  const idOfFirst = async (recipient: string): Promise<string> => {
    const [item] = (await open.inbox.page(feed(recipient), request(), [])).items;
    return (JSON.parse(item!) as { id: string }).id;
  };

  it('refuses actions once its tombstone is committed, until the recipient has a new feed', async () => {
    const contentJson = '{"actions":[{"id":"accept","label":"Accept"}]}';
    await append(ada, { contentJson });
    const id = await idOfFirst(ada);
    const staging = new PostgresInboxChanges(
      open.log.database,
      { announce: () => {} },
      { stages: true, acted: () => {}, returned: () => {} },
    );
    const transaction = open.log.database.transaction.bind(open.log.database);
    open.log.database.transaction = () => Promise.reject(new Error('cut'));
    await expect(eraser.eraseRecipient(feed(ada))).rejects.toThrow('cut');
    open.log.database.transaction = transaction;
    await expect(staging.act(feed(ada), id, 'accept')).rejects.toMatchObject({ code: 'not-found' });
    expect(await sql('SELECT FROM tidings.action_outbox WHERE id = $1', [id])).toEqual([]);

    const { at, emptiedAt } = await eraser.eraseRecipient(feed(ada));
    expect(emptiedAt.getTime()).toBeGreaterThanOrEqual(at.getTime());
    await append(ada, { contentJson, queuedAt: new Date(at.getTime() + 1) });
    const answer = await staging.act(feed(ada), await idOfFirst(ada), 'accept');
    expect(answer).toMatchObject({ action: 'accept' });
  });

  it('is not disturbed by an expiry while entries are still there, which nobody is told of', async () => {
    await append(ada, { expiresAt: new Date(Date.now() + 60_000) });
    await eraseHalf(ada);
    await sql(
      `UPDATE tidings.entry SET expires_at = now() WHERE feed_id IN (SELECT id FROM tidings.feed WHERE recipient = $1)`,
      [ada],
    );
    const announced: unknown[] = [];
    await new ExpirySweep(open.log.database, { announce: (news) => announced.push(...news) }, 1_000).sweep();
    expect(announced).toEqual([]);
    expect(await open.log.reader.open(feed(ada))).toMatchObject({ head: 1, floor: 1, unread: 0, unseen: 0 });
  });

  it.each(['read', 'archive'] as const)(
    'is not disturbed by a change of all to "%s" while entries are still there that were changed back',
    async (change) => {
      await append(ada);
      const id = await idOfFirst(ada);
      const { epoch: former } = await open.log.reader.open(feed(ada));
      await open.changes.change(feed(ada), change, { upTo: formatCursor(former, 1) });
      await open.changes.change(feed(ada), change === 'read' ? 'unread' : 'unarchive', { ids: [id] });
      const epoch = await eraseHalf(ada);
      const { head } = await open.log.reader.open(feed(ada));
      open.announced.splice(0);
      await open.changes.change(feed(ada), change, { upTo: formatCursor(epoch, head) });
      expect(open.announced).toEqual([]);
      expect(await open.log.reader.open(feed(ada))).toMatchObject({ head, unread: 0, unseen: 0 });

      // The recipient has come back: only the new ones count.
      for (let i = 0; i < 3; i += 1) await append(ada, { queuedAt: new Date(Date.now() + 60_000) });
      await open.changes.change(feed(ada), change, { upTo: formatCursor(epoch, head + 1) });
      expect(await open.log.reader.open(feed(ada))).toMatchObject({ head: head + 4, unread: 2 });
      expect(await open.inbox.count(feed(ada), [])).toMatchObject(
        await recount(open.log.database, feed(ada)),
      );
    },
  );

  it('loses nothing of a recipient who returns while it still deletes', async () => {
    await append(ada, { title: `from before ${ada}` });
    const query = open.log.database.query.bind(open.log.database);
    open.log.database.query = async (text, values) => {
      if (open.log.database.text(text).includes('DELETE FROM "tidings".feed'))
        await append(ada, { title: 'from after', queuedAt: new Date(Date.now() + 60_000) });
      return query(text, values);
    };
    await eraser.eraseRecipient(feed(ada));
    open.log.database.query = query;
    const after = await open.log.reader.open(feed(ada));
    expect(after).toMatchObject({ head: 2, floor: 1, unread: 1 });
    const { entries } = (await open.log.reader.page(after.feedId, 1))!;
    expect(entries.map(({ json }) => json)).toEqual([expect.stringContaining('from after')]);
    expect(await tracesOf(`from before ${ada}`)).toEqual([]);
    expect(await append(ada, { queuedAt: new Date(0) })).toMatchObject({ outcome: 'erased' });
  });

  it('never accepts an older job, in any race', async () => {
    for (let round = 0; round < 15; round += 1) {
      const recipient = `race-${round}`;
      const old = new Date(Date.now() - 60_000);
      const [first, , second] = await Promise.all([
        append(recipient, { queuedAt: old }),
        eraser.eraseRecipient(feed(recipient)),
        append(recipient, { queuedAt: old }),
      ]);
      // Whatever they were told: if it was taken, it was erased after that.
      expect(['appended', 'erased']).toContain(first.outcome);
      expect(['appended', 'erased']).toContain(second.outcome);
      expect(
        await sql(
          'SELECT FROM tidings.entry e JOIN tidings.feed f ON f.id = e.feed_id WHERE recipient = $1 AND e.seq > f.floor',
          [recipient],
        ),
      ).toEqual([]);
      expect(await append(recipient, { queuedAt: old })).toMatchObject({ outcome: 'erased' });
    }
  });

  it('erases all recipients of a tenant, reports each, and touches no other tenant', async () => {
    const names = Array.from({ length: 120 }, (_, n) => `user-${n}`);
    await open.log.append(names.map((name) => notification('', { feed: feed(name) })));
    const other = { tenant: `${tenant}-2`, recipient: 'user-1' };
    await open.log.append([notification('', { feed: other })]);
    const told: FeedKey[][] = [];
    const { at, ...report } = await eraser.eraseTenant(tenant, (feeds) => told.push([...feeds]));
    expect(report).toMatchObject({ feeds: 120, entries: 120 });
    expect(told.length).toBeGreaterThan(1);
    expect(
      told
        .flat()
        .map(({ recipient }) => recipient)
        .sort(),
    ).toEqual([...names].sort());
    expect(await sql('SELECT FROM tidings.feed WHERE tenant = $1', [tenant])).toEqual([]);
    expect(await open.log.reader.open(other)).toMatchObject({ head: 1 });

    const before = new Date(at.getTime() - 1);
    expect(await append('user-7', { queuedAt: before })).toMatchObject({ outcome: 'erased' });
    expect(await append('never there', { queuedAt: before })).toMatchObject({ outcome: 'erased' });
    expect(await append('user-7', { queuedAt: new Date(at.getTime() + 1) })).toMatchObject({
      outcome: 'appended',
    });
    expect(await append('user-7', { queuedAt: before })).toMatchObject({ outcome: 'erased' });
  });

  it('finds everything by index alone', async () => {
    await sql(
      `INSERT INTO tidings.feed (tenant, recipient, head, oldest_at) SELECT 'bulk', 'b-' || n, 2, now() FROM generate_series(1, 3000) n`,
    );
    await sql(`INSERT INTO tidings.entry (feed_id, seq, id, type, title, data, created_at, bytes)
               SELECT id, s, gen_random_uuid(), 'x', 't', '{}', now(), 400 FROM tidings.feed, generate_series(1, 2) s WHERE tenant = 'bulk'`);
    await sql(`INSERT INTO tidings.push_subscription (id, tenant, recipient, endpoint, p256dh, auth)
               SELECT sha256(n::text::bytea), 'bulk', 'b-' || n, 'https://push.example/' || n, 'k', 'a' FROM generate_series(1, 3000) n`);
    await sql('ANALYZE');
    const { database } = open.log;
    const query = database.query.bind(database);
    const transaction = database.transaction.bind(database);
    const plans: string[] = [];
    const explain = async (text: string, values: readonly unknown[]): Promise<void> => {
      const explained = await query<{ 'QUERY PLAN': string }>(`EXPLAIN ${text}`, [...values]);
      plans.push(explained.map((row) => row['QUERY PLAN']).join('\n'));
    };
    database.query = async (text, values) => {
      await explain(database.text(text), values ?? []);
      return query(text, values);
    };
    database.transaction = (work) =>
      transaction((run) =>
        work(async (text, values) => {
          await explain(text, values ?? []);
          return run(text, values);
        }),
      );
    await eraser.eraseRecipient({ tenant: 'bulk', recipient: 'b-7' });
    Object.assign(database, { query, transaction });
    expect(plans).toHaveLength(6);
    // Of tables that are empty here.
    const empty = /Seq Scan on (dropped|read_mark|ticket|snoozed|action_outbox)/g;
    for (const plan of plans) expect(plan.replace(empty, '')).not.toContain('Seq Scan');
  });
});

import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { ResolvedOptions } from '../../../src/contract/options/options.js';
import { PostgresDropLog } from '../../../src/log/append/drop-log.js';
import { PostgresPreferences } from '../../../src/log/inbox/postgres-preferences.js';
import { MOST_STATES, Retention } from '../../../src/log/upkeep/retention.js';
import { eventually } from '../../support/eventually.js';
import { createMigratedDatabase, type TestDatabase } from '../../support/postgres.js';
import { declaredTypes } from '../inbox/open-inbox.js';
import { recount } from '../inbox/recount.js';
import { notification, openLog, type Log } from '../open-log.js';
import { plansOf } from './plans-of.js';

describe('the retention', () => {
  let test: TestDatabase;
  let log: Log;

  beforeEach(async () => {
    test = await createMigratedDatabase();
    log = await openLog(test.url);
  });

  afterEach(async () => {
    await log.close();
    await test.drop();
  });

  const sweep = (limits: Partial<ResolvedOptions['retention']>) =>
    new Retention(log.database, {
      days: null,
      maxEntries: null,
      sweepMs: 60_000,
      dedupeKeyDays: 90,
      ...limits,
    }).sweep();
  const stateOf = (recipient: string) => log.reader.open({ tenant: '', recipient });
  const age = (recipient: string, upTo: number, days: number) =>
    log.database.pool.query(
      `WITH aged AS (
         UPDATE tidings.entry SET created_at = now() - make_interval(days => $3)
          WHERE feed_id = (SELECT id FROM tidings.feed WHERE recipient = $1) AND seq <= $2)
       UPDATE tidings.feed SET oldest_at = now() - make_interval(days => $3) WHERE recipient = $1`,
      [recipient, upTo, days],
    );

  it('keeps the newest maxEntries notifications of each feed, and adjusts floor and counts', async () => {
    await log.append(Array.from({ length: 12 }, () => notification('many')));
    await log.append(Array.from({ length: 3 }, () => notification('few')));
    expect(await sweep({ maxEntries: 5 })).toBe(7);
    const many = await stateOf('many');
    expect(many).toMatchObject({ head: 12, floor: 7, unread: 5, unseen: 5 });
    expect((await log.reader.page(many.feedId, 7))!.entries.map(({ seq }) => seq)).toEqual([
      8, 9, 10, 11, 12,
    ]);
    expect(await stateOf('few')).toMatchObject({ head: 3, floor: 0, unread: 3 });
    expect(await sweep({ maxEntries: 5 })).toBe(0);
  });

  it('trims by age from the low end, and knows then when the feed is due again', async () => {
    await log.append(Array.from({ length: 6 }, () => notification('old')));
    await age('old', 4, 29);
    await age('old', 2, 31);
    expect(await sweep({ days: 30 })).toBe(2);
    expect(await stateOf('old')).toMatchObject({ head: 6, floor: 2, unread: 4 });
    expect(await sweep({ days: 30 })).toBe(0);
    expect(await sweep({ days: 28 })).toBe(2);
    expect(await stateOf('old')).toMatchObject({ head: 6, floor: 4, unread: 2 });
    expect(await sweep({ days: 0 })).toBe(2);
    expect(await stateOf('old')).toMatchObject({ head: 6, floor: 6, unread: 0 });
    expect(await oldestAt('old')).toBeNull();
    await log.append([notification('old')]);
    expect(await sweep({ days: 1 })).toBe(0);
    expect(await oldestAt('old')).not.toBeNull();
  });

  it('bounds the changes of state of a feed, and keeps the notifications between them', async () => {
    await log.append(Array.from({ length: 3 }, () => notification('states')));
    for (let n = 0; n < 4; n += 1) {
      await change('states', 'read', 2);
      await log.append([notification('states')]);
      await change('states', 'unread', 2);
    }
    // 1 2 3 | read 5 unread read 8 unread read 11 unread read 14 unread
    expect(await sweep({ maxEntries: 8 })).toBe(0);
    expect(await sweep({ maxEntries: 7 })).toBe(1);
    const { feedId } = await stateOf('states');
    const seqs = async () => (await log.reader.page(feedId, 0))!.entries.map(({ seq }) => seq);
    expect(await stateOf('states')).toMatchObject({ head: 15, floor: 4, unread: 7 });
    expect(await seqs()).toEqual([1, 2, 3, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15]);
    // Both at once: the two oldest notifications, and all but the newest five changes.
    expect(await sweep({ maxEntries: 5 })).toBe(4);
    expect(await stateOf('states')).toMatchObject({ head: 15, floor: 7, unread: 5 });
    expect(await seqs()).toEqual([3, 5, 8, 9, 10, 11, 12, 13, 14, 15]);
    expect(await sweep({ maxEntries: 1 })).toBe(8);
    expect(await stateOf('states')).toMatchObject({ head: 15, floor: 13, unread: 1 });
    expect(await recount(log.database, { tenant: '', recipient: 'states' })).toEqual({
      unread: 1,
      unseen: 1,
    });
    expect(await sweep({ maxEntries: 1 })).toBe(0);
  });

  it('bounds what a recipient can store by marking 1,000 notifications as read and as unread again', async () => {
    await log.append(Array.from({ length: 1_000 }, () => notification('hostile')));
    const { feedId } = await stateOf('hostile');
    const all = Array.from({ length: 1_000 }, (_, index) => index + 1);
    for (let cycle = 0; cycle < 20; cycle += 1) {
      await change('hostile', 'read', ...all);
      await change('hostile', 'unread', ...all);
    }
    const [stored] = await log.database.query<{ n: number; bytes: number }>(
      `SELECT count(*)::integer AS n, sum(pg_column_size(e.*))::integer AS bytes FROM tidings.entry e WHERE feed_id = $1 AND id IS NULL`,
      [feedId],
    );
    expect(stored!.n).toBe(40);
    expect(stored!.bytes).toBeLessThan(40 * 400);
    await sweep({ maxEntries: 1_000 });
    expect(await stateOf('hostile')).toMatchObject({ head: 1_040, floor: 0, unread: 1_000 });
    expect(await sweep({ maxEntries: 10 })).toBe(990 + 30);
    expect(await stateOf('hostile')).toMatchObject({ head: 1_040, floor: 1_030, unread: 10 });
  }, 60_000);

  it('bounds changes of state also where notifications have no limit', async () => {
    await log.append([notification('unlimited')]);
    await log.database.pool.query(
      `WITH f AS (UPDATE tidings.feed SET head = $1, oldest_at = '-infinity' WHERE recipient = 'unlimited' RETURNING id)
       INSERT INTO tidings.entry (feed_id, seq, type, data, created_at, bytes)
       SELECT id, s, 'feed.read', '{}', now(), 50 FROM f, generate_series(2, $1) s`,
      [MOST_STATES + 2_501],
    );
    expect(await sweep({})).toBe(2_500);
    expect(await stateOf('unlimited')).toMatchObject({ floor: 2_501, unread: 1 });
  });

  it('finds a feed that keeps too many by a look every 32 entries, and no other feed', async () => {
    await log.append(Array.from({ length: 40 }, (_, n) => notification(`idle-${n}`)));
    for (let n = 0; n < 100; n += 10)
      await log.append(Array.from({ length: 10 }, () => notification('busy')));
    await log.append(Array.from({ length: 31 }, () => notification('quiet')));
    const due = async () =>
      (
        await log.database.query<{ recipient: string }>(
          `SELECT recipient FROM tidings.feed WHERE oldest_at = '-infinity'`,
        )
      ).map(({ recipient }) => recipient);
    expect(await due()).toEqual(['busy']);
    expect(await sweep({ maxEntries: 64 })).toBe(36);
    expect(await due()).toEqual([]);
    // A change of state counts as well.
    await change('quiet', 'read', 1);
    expect(await due()).toEqual(['quiet']);
    expect(await sweep({ maxEntries: 64 })).toBe(0);
    expect(await due()).toEqual([]);
  });

  it('fills in when the feeds of an older schema are due, and trims what is', async () => {
    await log.append(Array.from({ length: 3 }, () => notification('from before')));
    await age('from before', 1, 31);
    await log.database.query(
      `INSERT INTO tidings.feed (tenant, recipient) VALUES ('', 'from before, empty')`,
    );
    await log.database.query(`UPDATE tidings.feed SET oldest_at = '-infinity'`);
    expect(await sweep({ days: 30 })).toBe(1);
    expect(await oldestAt('from before')).toBeInstanceOf(Date);
    expect(await oldestAt('from before, empty')).toBeNull();
  });

  it('runs in one process at a time: another one that is due meanwhile leaves it to that one', async () => {
    await log.append(Array.from({ length: 4 }, () => notification('shared')));
    await age('shared', 4, 31);
    const client = await log.database.pool.connect();
    await client.query('BEGIN');
    await client.query(`SELECT pg_advisory_xact_lock('tidings.feed'::regclass::oid::integer, 1)`);
    expect(await sweep({ days: 30 })).toBe(0);
    await client.query('COMMIT');
    client.release();
    expect(await sweep({ days: 30 })).toBe(4);
  });

  it('deletes an empty feed that nobody uses, with what was dropped, and a cursor into it is of another epoch', async () => {
    const drops = new PostgresDropLog(log.database);
    await log.append([notification('gone'), notification('full')]);
    const before = await stateOf('gone');
    await stateOf('never used');
    await stateOf('in use');
    await new PostgresPreferences(log.database, declaredTypes).put(
      { tenant: '', recipient: 'muting' },
      { muted: ['note'] },
    );
    await drops.record([
      { feed: { tenant: '', recipient: 'gone' }, reason: 'duplicate', type: 'note', jobId: '1' },
    ]);
    const feeds = async () =>
      (await log.database.query<{ recipient: string }>('SELECT recipient FROM tidings.feed ORDER BY 1')).map(
        ({ recipient }) => recipient,
      );
    await age('gone', 1, 31);
    expect(await sweep({ days: 30 })).toBe(1);
    // Emptied just now: dedupe keys of its notifications may be as young as that.
    await log.database.query(
      `UPDATE tidings.feed SET touched_at = now() - interval '91 days' WHERE recipient <> 'gone'`,
    );
    await stateOf('in use');
    await sweep({ days: 30 });
    expect(await feeds()).toEqual(['full', 'gone', 'in use', 'muting']);
    await log.database.query(`UPDATE tidings.feed SET touched_at = now() - interval '89 days'`);
    await sweep({ days: 30 });
    expect(await feeds()).toContain('gone');
    await log.database.query(
      `UPDATE tidings.feed SET touched_at = now() - interval '91 days' WHERE recipient = 'gone'`,
    );
    await sweep({ days: 30 });
    expect(await feeds()).toEqual(['full', 'in use', 'muting']);
    expect(await log.database.query('SELECT FROM tidings.dropped')).toEqual([]);
    expect(await log.reader.page(before.feedId, 0)).toBeNull();
    expect((await stateOf('gone')).epoch).not.toBe(before.epoch);
  });

  it('keeps the logs of audiences, and the feeds that may still have to take from one', async () => {
    await log.database.query(`
      INSERT INTO tidings.feed (tenant, recipient, head, kept, oldest_at, audiences, touched_at)
      VALUES ('', chr(1) || 'staff', 0, 0, NULL, NULL, now() - interval '91 days'),
             ('', 'member', 0, 0, NULL, '{1}', now() - interval '91 days'),
             ('', 'alone', 0, 0, NULL, NULL, now() - interval '91 days'),
             ('big', chr(1) || 'all', 1, 1, now(), NULL, now()),
             ('big', 'somebody', 0, 0, NULL, NULL, now() - interval '91 days')`);
    await sweep({});
    const left = await log.database.query<{ recipient: string }>(
      `SELECT replace(recipient, chr(1), '@') AS recipient FROM tidings.feed ORDER BY 1`,
    );
    expect(left.map(({ recipient }) => recipient)).toEqual(['@all', '@staff', 'member', 'somebody']);
    // When nothing is left of what was announced to everybody.
    await log.database.query(
      `UPDATE tidings.feed SET floor = head, kept = 0, oldest_at = NULL WHERE tenant = 'big'`,
    );
    await log.database.query(`UPDATE tidings.feed SET touched_at = now() - interval '91 days'`);
    await sweep({});
    expect(await log.database.query(`SELECT FROM tidings.feed WHERE recipient = 'somebody'`)).toEqual([]);
  });

  it('keeps a feed that a stream reads, however long it stays empty', async () => {
    const { feedId } = await stateOf('connected');
    await log.database.query(`UPDATE tidings.feed SET touched_at = now() - interval '91 days'`);
    expect(await log.reader.heads([feedId])).toHaveLength(1);
    await sweep({});
    expect(await log.reader.heads([feedId])).toHaveLength(1);
  });

  it('leaves a feed to a transaction that uses it at that moment', async () => {
    await stateOf('locked');
    await log.database.query(`UPDATE tidings.feed SET touched_at = now() - interval '91 days'`);
    const user = await log.database.pool.connect();
    try {
      await user.query('BEGIN');
      await user.query(`UPDATE tidings.feed SET muted = '{note}' WHERE recipient = 'locked'`);
      let isOver = false;
      const swept = sweep({}).finally(() => (isOver = true));
      await eventually(async () => {
        const waits = `SELECT FROM pg_locks WHERE NOT granted AND pid IN (SELECT pid FROM pg_stat_activity WHERE datname = current_database())`;
        return isOver || (await log.database.query(waits)).length > 0;
      });
      await user.query('COMMIT');
      await swept;
    } finally {
      user.release();
    }
    expect(await log.database.query(`SELECT muted FROM tidings.feed WHERE recipient = 'locked'`)).toEqual([
      { muted: ['note'] },
    ]);
  });

  it('never takes a feed from under an append, a new preference or an opening of the same moment', async () => {
    const preferences = new PostgresPreferences(log.database, declaredTypes);
    const names = Array.from({ length: 30 }, (_, n) => `race-${n}`);
    for (let round = 0; round < 5; round += 1) {
      await Promise.all(names.map((name) => stateOf(name)));
      await log.database.query(`UPDATE tidings.feed SET touched_at = now() - interval '91 days'`);
      const opened = names.slice(20);
      const [appended, , states] = await Promise.all([
        log.append(names.slice(0, 10).map((name) => notification(name))),
        Promise.all(
          names
            .slice(10, 20)
            .map((recipient) => preferences.put({ tenant: '', recipient }, { muted: ['note'] })),
        ),
        Promise.all(opened.map((name) => stateOf(name))),
        sweep({}),
        sweep({}),
      ]);
      for (const [index, { epoch, seq }] of appended.entries()) {
        const { feedId, ...state } = await stateOf(names[index]!);
        expect(state).toMatchObject({ epoch, head: seq, unread: seq });
        expect((await log.reader.page(feedId, 0))!.entries).toHaveLength(seq);
      }
      for (const recipient of names.slice(10, 20)) {
        expect(await preferences.get({ tenant: '', recipient })).toEqual({
          muted: ['note'],
          mutedCategories: [],
        });
      }
      for (const { feedId } of states) expect(await log.reader.page(feedId, 0)).not.toBeNull();
      await log.database.query(`UPDATE tidings.feed SET muted = '{}'`);
    }
  });

  it('finds what is due by index alone', async () => {
    await log.database.pool.query(`
      INSERT INTO tidings.feed (tenant, recipient, head, kept, oldest_at, touched_at)
      SELECT '', 'bulk-' || n, CASE WHEN n % 2 = 0 THEN 1 ELSE 0 END, n % 2, CASE WHEN n % 2 = 0 THEN now() END, now()
        FROM generate_series(1, 5000) n`);
    await log.database.pool.query(`
      INSERT INTO tidings.dedupe_key (hash, feed_id, seq, created_at)
      SELECT sha256(n::text::bytea), n, 1, now() FROM generate_series(1, 5000) n`);
    await log.database.pool.query(`
      INSERT INTO tidings.dropped (feed_id, reason, type, job_id, at)
      SELECT n, 'muted', 'x', 'j', now() FROM generate_series(1, 5000) n`);
    await log.database.pool.query('ANALYZE');
    const plans = await plansOf(log.database, () => sweep({ days: 30, maxEntries: 1_000 }));
    const statements = plans.filter((plan) => !plan.includes('Result'));
    expect(statements).toHaveLength(4);
    for (const [index, name] of ['feed_due', 'dedupe_key_oldest', 'dropped_oldest', 'feed_empty'].entries()) {
      expect(statements[index]).toContain(name);
      expect(statements[index]).not.toMatch(/Seq Scan on (feed|dedupe_key|entry)/);
    }
  });

  it('trims a feed that has more due than one batch takes', async () => {
    await log.append(Array.from({ length: 2_500 }, () => notification('huge')));
    expect(await sweep({ maxEntries: 10 })).toBe(2_490);
    expect(await stateOf('huge')).toMatchObject({ head: 2_500, floor: 2_490, unread: 10 });
  });

  const oldestAt = async (recipient: string) =>
    (
      await log.database.query<{ oldest_at: Date | null }>(
        'SELECT oldest_at FROM tidings.feed WHERE recipient = $1',
        [recipient],
      )
    )[0]!.oldest_at;
  const change = async (recipient: string, what: string, ...seqs: number[]) => {
    const [row] = await log.database.query<{ outcome: string }>(
      `SELECT outcome FROM tidings.change_by_ids('', $1, $2, ARRAY(
         SELECT e.id FROM tidings.entry e JOIN tidings.feed f ON f.id = e.feed_id WHERE f.recipient = $1 AND e.seq = ANY ($3)))`,
      [recipient, what, seqs],
    );
    expect(row!.outcome).toBe('changed');
  };

  it('counts correctly what is read, seen or archived, by id or by a watermark, and forgets the times of watermarks', async () => {
    await log.append(Array.from({ length: 12 }, () => notification('mixed')));
    const { epoch, feedId } = await stateOf('mixed');
    const upTo = (change: string, seq: number) =>
      log.database.query('SELECT FROM tidings.change_up_to($1, $2, $3, $4, $5)', [
        '',
        'mixed',
        change,
        epoch,
        seq,
      ]);
    const byIds = (change: string, ...seqs: number[]) =>
      log.database.query(
        `SELECT FROM tidings.change_by_ids('', 'mixed', $1,
           ARRAY(SELECT id FROM tidings.entry WHERE feed_id = $2 AND seq = ANY ($3)))`,
        [change, feedId, seqs],
      );
    await upTo('read', 3);
    await upTo('read', 5);
    await byIds('unread', 2, 4);
    await upTo('archive', 1);
    await byIds('archive', 7);
    await byIds('read', 8, 11, 12);
    await upTo('seen', 9);
    for (const kept of [11, 9, 7, 6, 5, 3, 2, 1]) {
      await sweep({ maxEntries: kept });
      const { unread, unseen } = await stateOf('mixed');
      const [row] = await log.database.query<{ floor: string }>(
        `SELECT floor FROM tidings.feed WHERE recipient = 'mixed'`,
      );
      const floor = Number(row!.floor);
      expect(floor).toBe(12 - kept);
      expect({ unread, unseen }).toEqual(await recount(log.database, { tenant: '', recipient: 'mixed' }));
      const marks = await log.database.query<{ up_to: string }>(
        'SELECT up_to FROM tidings.read_mark ORDER BY up_to',
      );
      expect(marks.map((mark) => Number(mark.up_to))).toEqual([3, 5].filter((place) => place > floor));
    }
  });

  it('skips a feed that a writer holds, instead of waiting for it', async () => {
    await log.append(Array.from({ length: 4 }, () => notification('busy')));
    const client = await log.database.pool.connect();
    await client.query('BEGIN');
    await client.query(`SELECT FROM tidings.feed WHERE recipient = 'busy' FOR UPDATE`);
    expect(await sweep({ maxEntries: 2 })).toBe(0);
    await client.query('ROLLBACK');
    client.release();
    expect(await sweep({ maxEntries: 2 })).toBe(2);
    expect(await stateOf('busy')).toMatchObject({ floor: 2, unread: 2 });
  });

  it('forgets dedupe keys long after the entries', async () => {
    const job = notification('forgetful', { dedupeKey: 'k:once' });
    await log.append([job]);
    await log.database.pool.query(`UPDATE tidings.dedupe_key SET created_at = now() - interval '91 days'`);
    await sweep({ dedupeKeyDays: 92 });
    expect((await log.append([job]))[0]!.outcome).toBe('duplicate');
    await sweep({ dedupeKeyDays: 90 });
    expect((await log.append([job]))[0]!.outcome).toBe('appended');
  });
});

import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { ResolvedOptions } from '../../../src/contract/options/options.js';
import { Retention } from '../../../src/log/upkeep/retention.js';
import { createMigratedDatabase, type TestDatabase } from '../../support/postgres.js';
import { recount } from '../inbox/recount.js';
import { notification, openLog, type Log } from '../open-log.js';

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
      `UPDATE tidings.entry SET created_at = now() - make_interval(days => $3)
        WHERE feed_id = (SELECT id FROM tidings.feed WHERE recipient = $1) AND seq <= $2`,
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

  it('trims by age from the low end, also a younger entry that lies below', async () => {
    await log.append(Array.from({ length: 6 }, () => notification('old')));
    await age('old', 4, 31);
    await age('old', 1, 1);
    expect(await sweep({ days: 30 })).toBe(4);
    expect(await stateOf('old')).toMatchObject({ head: 6, floor: 4, unread: 2 });
  });

  it('does not count state entries towards the number of kept notifications', async () => {
    await log.append(Array.from({ length: 3 }, () => notification('states')));
    await log.database.pool.query(`
      WITH f AS (UPDATE tidings.feed SET head = 9 WHERE recipient = 'states' RETURNING id)
      INSERT INTO tidings.entry (feed_id, seq, type, data, created_at, bytes)
      SELECT id, s, 'feed.read', '{}', now(), 50 FROM f, generate_series(4, 9) s`);
    expect(await sweep({ maxEntries: 3 })).toBe(0);
    expect(await sweep({ maxEntries: 2 })).toBe(1);
    expect(await stateOf('states')).toMatchObject({ head: 9, floor: 1, unread: 2 });
  });

  it('trims a feed that has more due than one batch takes', async () => {
    await log.append(Array.from({ length: 2_500 }, () => notification('huge')));
    expect(await sweep({ maxEntries: 10 })).toBe(2_490);
    expect(await stateOf('huge')).toMatchObject({ head: 2_500, floor: 2_490, unread: 10 });
  });

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
      const { floor, unread, unseen } = await stateOf('mixed');
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

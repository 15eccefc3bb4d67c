import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { Logger } from '@nestjs/common';
import { PostgresDropLog } from '../../../src/log/append/drop-log.js';
import { PostgresLogEraser } from '../../../src/log/upkeep/eraser.js';
import { Retention } from '../../../src/log/upkeep/retention.js';
import { createMigratedDatabase, type TestDatabase } from '../../support/postgres.js';
import { openInbox, request, type OpenInbox } from '../inbox/open-inbox.js';
import { notification, openLog } from '../open-log.js';

describe('a notification dropped at the append', () => {
  let test: TestDatabase;
  let open: OpenInbox;

  beforeAll(async () => {
    test = await createMigratedDatabase();
    open = await openInbox(test.url);
  });

  afterAll(async () => {
    await open.close();
    await test.drop();
  });

  const feed = (recipient: string, tenant = '') => ({ tenant, recipient });
  const append = async (...items: ReturnType<typeof notification>[]) =>
    (await open.log.appender.append(items)).map(({ outcome }) => outcome);

  it('is dropped when its type is muted, but not when it is mandatory, and for nobody else', async () => {
    await open.preferences.put(feed('ada'), { muted: ['note'] });
    const batches = open.log.batches.length;
    expect(
      await append(
        notification('ada', { type: 'note' }),
        notification('ada', { type: 'note', mandatory: true }),
        notification('ada', { type: 'order' }),
        notification('grace', { type: 'note' }),
        notification('ada', { type: 'note', feed: feed('ada', 'acme') }),
      ),
    ).toEqual(['muted', 'appended', 'appended', 'appended', 'appended']);
    expect(await open.log.reader.open(feed('ada'))).toMatchObject({ head: 2, unread: 2, unseen: 2 });
    // Nobody is told of it.
    expect(
      open.log.batches
        .slice(batches)
        .flat()
        .map(({ outcome }) => outcome),
    ).toEqual(Array(4).fill('appended'));
  });

  it('does not use up its dedupe key: once unmuted, the same notification is appended', async () => {
    const item = () => notification('unmuted', { type: 'note', dedupeKey: 'k:same' });
    await open.preferences.put(feed('unmuted'), { muted: ['note'] });
    expect(await append(item(), notification('unmuted', { type: 'order', dedupeKey: 'k:same' }))).toEqual([
      'muted',
      'appended',
    ]);
    await open.preferences.put(feed('unmuted'), { muted: [] });
    expect(await append(item())).toEqual(['duplicate']);
    await open.preferences.put(feed('unmuted'), { muted: ['note'] });
    const other = () => notification('unmuted', { type: 'note', dedupeKey: 'k:other' });
    expect(await append(other())).toEqual(['muted']);
    await open.preferences.put(feed('unmuted'), { muted: [] });
    expect(await append(other())).toEqual(['appended']);
  });

  it('is dropped when it was recalled before, however often it comes', async () => {
    expect(await open.recaller.recall([feed('recalled')], 'order-7', null)).toEqual(['prevented']);
    const late = () => notification('recalled', { dedupeKey: 'k:order-7' });
    expect(await append(late(), late())).toEqual(['recalled', 'recalled']);
    expect(await append(late(), notification('recalled'))).toEqual(['recalled', 'appended']);
    expect(await open.log.reader.open(feed('recalled'))).toMatchObject({ head: 1 });
  });

  it('is noted for support, and forgotten with the entries or with the recipient', async () => {
    const log = new PostgresDropLog(open.log.database);
    await append(notification('noted'));
    await log.record([
      { feed: feed('noted'), reason: 'muted', type: 'note', jobId: 'job-1' },
      { feed: feed('nobody'), reason: 'expired', type: 'note', jobId: 'job-1' },
      { feed: feed('noted'), reason: 'duplicate', type: 'order', jobId: 'job-2' },
    ]);
    await log.record([{ feed: feed('noted'), reason: 'recalled', type: 'order', jobId: 'job-3' }]);
    await log.record([]);
    const dropped = async () => (await open.support.feed(feed('noted'), request())).dropped;
    expect(await dropped()).toMatchObject([
      { reason: 'recalled', type: 'order', jobId: 'job-3' },
      { reason: 'duplicate', type: 'order', jobId: 'job-2' },
      { reason: 'muted', type: 'note', jobId: 'job-1' },
    ]);
    // A feed is not made by what it did not get.
    expect(await open.log.database.query(`SELECT FROM tidings.feed WHERE recipient = 'nobody'`)).toEqual([]);

    await open.log.database.query(
      `UPDATE tidings.dropped SET at = now() - interval '31 days' WHERE job_id <> 'job-3'`,
    );
    await new Retention(open.log.database, {
      days: 30,
      maxEntries: null,
      sweepMs: 1,
      dedupeKeyDays: 90,
    }).sweep();
    expect(await dropped()).toMatchObject([{ jobId: 'job-3' }]);
    await new PostgresLogEraser(open.log.database).eraseRecipient(feed('noted'));
    expect(await open.log.database.query('SELECT FROM tidings.dropped')).toEqual([]);
  });

  it('is noted among the newest 100 of its feed, however many follow', async () => {
    const log = new PostgresDropLog(open.log.database);
    await append(notification('flooded'), notification('other'));
    const record = (recipient: string, from: number, to: number) =>
      log.record(
        Array.from({ length: to - from + 1 }, (_, n) => ({
          feed: feed(recipient),
          reason: 'duplicate' as const,
          type: 'note',
          jobId: `${from + n}`,
        })),
      );
    const stored = async (recipient: string) =>
      (
        await open.log.database.query<{ job_id: string }>(
          `SELECT job_id FROM tidings.dropped d JOIN tidings.feed f ON f.id = d.feed_id WHERE recipient = $1 ORDER BY d.id`,
          [recipient],
        )
      ).map(({ job_id: jobId }) => Number(jobId));
    const numbers = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, n) => from + n);
    await record('other', 1, 3);
    await record('flooded', 1, 60);
    await record('flooded', 61, 100);
    expect(await stored('flooded')).toEqual(numbers(1, 100));
    await record('flooded', 101, 130);
    expect(await stored('flooded')).toEqual(numbers(31, 130));
    await record('flooded', 131, 1_130);
    expect(await stored('flooded')).toEqual(numbers(1_031, 1_130));
    await Promise.all(numbers(1, 50).map((n) => record('flooded', n, n)));
    expect((await stored('flooded')).length).toBeLessThanOrEqual(100 + 5);
    expect(await stored('other')).toEqual([1, 2, 3]);
  });

  it('delays no job when it cannot be noted, which is logged once', async () => {
    const warn = jest.spyOn(Logger.prototype, 'warn').mockImplementation(() => {});
    const closed = await openLog(test.url);
    await closed.close();
    const log = new PostgresDropLog(closed.database);
    const one = [{ feed: feed('noted'), reason: 'muted' as const, type: 'note', jobId: '1' }];
    await Promise.all([log.record(one), log.record(one)]);
    await log.record(one);
    expect(warn.mock.calls).toEqual([[expect.stringContaining('could not be recorded for support')]]);
    warn.mockRestore();
  });
});

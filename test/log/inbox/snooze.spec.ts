import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { randomUUID } from 'node:crypto';
import type { NotificationItem } from '../../../src/contract/model/entry.js';
import type { NewNotification } from '../../../src/contract/ports/append.js';
import { givenDedupeKey } from '../../../src/contract/model/dedupe-key.js';
import { PostgresLogEraser } from '../../../src/log/upkeep/eraser.js';
import { ExpirySweep } from '../../../src/log/upkeep/expiry-sweep.js';
import { Retention } from '../../../src/log/upkeep/retention.js';
import { SnoozeSweep } from '../../../src/log/upkeep/snooze-sweep.js';
import { createMigratedDatabase, type TestDatabase } from '../../support/postgres.js';
import { notification } from '../open-log.js';
import { openInbox, request, seqsOf, type OpenInbox } from './open-inbox.js';
import { recount } from './recount.js';

const HOUR = 3_600_000;
const later = (ms = HOUR): Date => new Date(Date.now() + ms);

describe('snoozed notifications', () => {
  let test: TestDatabase;
  let opened: OpenInbox;
  let feed: { tenant: string; recipient: string };

  beforeAll(async () => {
    test = await createMigratedDatabase();
    opened = await openInbox(test.url);
  });

  afterAll(async () => {
    await opened.close();
    await test.drop();
  });

  beforeEach(() => {
    feed = { tenant: '', recipient: randomUUID() };
    opened.announced.length = 0;
  });

  async function publish(parts: Partial<NewNotification> = {}): Promise<NotificationItem> {
    const [result] = await opened.log.append([notification(feed.recipient, { ...parts, feed })]);
    const { feedId } = await opened.log.reader.open(feed);
    const page = await opened.log.reader.page(feedId, result!.seq - 1);
    return JSON.parse(page!.entries[0]!.json!) as NotificationItem;
  }

  /** As if the time had passed. */
  async function passTime(column: 'until' | 'expires_at' = 'until'): Promise<void> {
    await opened.log.database.pool.query(
      `UPDATE tidings.snoozed s SET ${column} = now() - interval '1 second', due_at = now() - interval '1 second'
         FROM tidings.feed f WHERE f.id = s.feed_id AND f.recipient = $1`,
      [feed.recipient],
    );
  }

  const sweep = (): Promise<number> =>
    new SnoozeSweep(opened.log.database, 60_000, (news) => void opened.announced.push(...news)).sweep();
  const listed = async (parts: Parameters<typeof request>[0] = {}): Promise<NotificationItem[]> =>
    (await opened.inbox.page(feed, request(parts))).items.map((item) => JSON.parse(item) as NotificationItem);
  const snooze = (...items: NotificationItem[]) =>
    opened.changes.snooze(feed, { ids: items.map(({ id }) => id), until: later() });
  const counts = async () => {
    const { unread, unseen } = await opened.inbox.count(feed);
    expect(await recount(opened.log.database, feed)).toEqual({ unread, unseen });
    return { unread, unseen };
  };
  const frames = () =>
    opened.announced.map(({ entry }) => JSON.parse(entry!.json!) as Record<string, unknown>);

  it('leave list and counts, and are listed by themselves', async () => {
    const [first, second] = [await publish({ type: 'order' }), await publish({ type: 'note' })];
    const until = later();
    const answer = await opened.changes.snooze(feed, { ids: [first.id], until });
    expect(answer).toMatchObject({ unread: 1, unseen: 1 });
    expect(frames()).toEqual([
      { type: 'feed.snoozed', ids: [first.id], until: until.toISOString(), unread: 1, unseen: 1 },
    ]);
    expect((await listed()).map(({ id }) => id)).toEqual([second.id]);
    expect(await counts()).toEqual({ unread: 1, unseen: 1 });
    expect(await listed({ snoozed: true })).toEqual([{ ...first, snoozedUntil: until.toISOString() }]);
    expect(await listed({ snoozed: true, type: 'note' })).toEqual([]);
  });

  it('come back at their time as entries with numbers of their own, unseen, unread, and with the same id', async () => {
    const [first, second] = [
      await publish({ contentJson: '{"image":"/a.png"}', category: 'orders' }),
      await publish(),
    ];
    await opened.changes.change(feed, 'read', { ids: [first.id] });
    await opened.changes.change(feed, 'archive', { ids: [first.id] });
    const { cursor } = await snooze(first);
    await opened.changes.change(feed, 'read', { upTo: cursor });
    await opened.changes.change(feed, 'seen', { upTo: cursor });
    expect(await sweep()).toBe(0);
    await passTime();
    opened.announced.length = 0;
    expect(await sweep()).toBe(1);
    const [returned, other] = await listed();
    expect(returned).toEqual({
      ...first,
      cursor: expect.stringMatching(/-7$/),
      createdAt: expect.any(String),
      replaces: [],
    });
    expect(other!.id).toBe(second.id);
    expect(frames()).toEqual([returned]);
    expect(await counts()).toEqual({ unread: 1, unseen: 1 });
    expect(await listed({ snoozed: true })).toEqual([]);
    expect(await sweep()).toBe(0);
  });

  it('are found by their ids after they are back, however often', async () => {
    const first = await publish();
    for (let round = 0; round < 3; round += 1) {
      await snooze(first);
      await opened.changes.unsnooze(feed, [first.id]);
    }
    expect(seqsOf((await opened.inbox.page(feed, request())).items)).toEqual([7]);
    await opened.changes.change(feed, 'read', { ids: [first.id] });
    expect((await listed())[0]!.readAt).not.toBeNull();
    expect(await counts()).toEqual({ unread: 0, unseen: 0 });
    await opened.changes.change(feed, 'remove', { ids: [first.id] });
    expect(await listed()).toEqual([]);
  });

  it('get another time when they are snoozed again, and no entry for the same time', async () => {
    const first = await publish();
    const until = later(2 * HOUR);
    await snooze(first);
    await opened.changes.snooze(feed, { ids: [first.id], until });
    const again = await opened.changes.snooze(feed, { ids: [first.id], until });
    expect(again).toMatchObject({ unread: 0, unseen: 0, cursor: expect.stringMatching(/-3$/) });
    expect((await listed({ snoozed: true }))[0]!.snoozedUntil).toBe(until.toISOString());
  });

  it('survive the retention of their entries, and are recalled, deleted and read by their ids then', async () => {
    const options = { days: null, maxEntries: 1, sweepMs: 60_000, dedupeKeyDays: 90 };
    const key = givenDedupeKey('key', null);
    const [one, two, three] = [await publish(), await publish({ dedupeKey: key }), await publish()];
    await snooze(one, two, three);
    for (let count = 0; count < 3; count += 1) await publish();
    await new Retention(opened.log.database, options).sweep();
    expect(await opened.changes.change(feed, 'read', { ids: [one.id] })).toMatchObject({ unread: 1 });
    expect(await opened.recaller.recall([feed], 'key', null)).toEqual(['recalled']);
    expect(await opened.recaller.recall([feed], 'key', null)).toEqual(['gone']);
    await opened.changes.change(feed, 'remove', { ids: [three.id] });
    expect((await listed({ snoozed: true })).map(({ id }) => id)).toEqual([one.id]);
    await passTime();
    expect(await sweep()).toBe(1);
    expect((await listed())[0]!.id).toBe(one.id);
    expect(await counts()).toEqual({ unread: 2, unseen: 2 });
  });

  it('are recalled after they are back, also when the retention has trimmed their first entry', async () => {
    const options = { days: null, maxEntries: 1, sweepMs: 60_000, dedupeKeyDays: 90 };
    const one = await publish({ dedupeKey: givenDedupeKey('back', null) });
    await snooze(one);
    await opened.changes.unsnooze(feed, [one.id]);
    await new Retention(opened.log.database, options).sweep();
    expect((await listed()).map(({ id }) => id)).toEqual([one.id]);
    expect(await opened.recaller.recall([feed], 'back', null)).toEqual(['recalled']);
    expect(await listed()).toEqual([]);
    expect(await counts()).toEqual({ unread: 0, unseen: 0 });
  });

  it('that expire are not listed from that instant, and are reported as removed', async () => {
    const one = await publish({ expiresAt: later(2 * HOUR) });
    await snooze(one);
    await passTime('expires_at');
    expect(await listed({ snoozed: true })).toEqual([]);
    opened.announced.length = 0;
    expect(await sweep()).toBe(1);
    expect(frames()).toEqual([
      { type: 'feed.removed', reason: 'expired', ids: [one.id], unread: 0, unseen: 0 },
    ]);
  });

  it('that come back and expire later are read from the log, and swept', async () => {
    const one = await publish({ expiresAt: later(2 * HOUR) });
    await snooze(one);
    opened.announced.length = 0;
    await opened.changes.unsnooze(feed, [one.id]);
    expect(opened.announced).toMatchObject([{ entry: null }]);
    await opened.log.database.pool.query(
      `UPDATE tidings.entry SET expires_at = now() - interval '1 second' WHERE id = $1`,
      [one.id],
    );
    const expiry = new ExpirySweep(opened.log.database, { announce: () => {} }, 60_000);
    expect(await expiry.sweep()).toBe(1);
    expect(await counts()).toEqual({ unread: 0, unseen: 0 });
  });

  it('are neither replaced nor replace another with their collapse key', async () => {
    const one = await publish({ collapseKey: 'order-7' });
    await snooze(one);
    const two = await publish({ collapseKey: 'order-7' });
    expect(two).toMatchObject({ count: 1, replaces: [] });
    await opened.changes.unsnooze(feed, [one.id]);
    const three = await publish({ collapseKey: 'order-7' });
    expect(three).toMatchObject({ count: 2, replaces: [two.id] });
    expect((await listed()).map(({ id }) => id)).toEqual([three.id, one.id]);
  });

  it('are erased with their recipient', async () => {
    const one = await publish();
    await snooze(one);
    await passTime();
    await new PostgresLogEraser(opened.log.database).eraseRecipient(feed);
    await opened.log.reader.open(feed);
    expect(await sweep()).toBe(0);
    expect(await listed({ snoozed: true })).toEqual([]);
    const { rows } = await opened.log.database.pool.query('SELECT FROM tidings.snoozed WHERE id = $1', [
      one.id,
    ]);
    expect(rows).toEqual([]);
  });

  it('keep an empty feed that the retention would delete', async () => {
    const one = await publish();
    await snooze(one);
    const { pool } = opened.log.database;
    await pool.query(
      `UPDATE tidings.entry SET created_at = created_at - interval '100 days' WHERE feed_id = (SELECT id FROM tidings.feed WHERE recipient = $1)`,
      [feed.recipient],
    );
    await pool.query(`UPDATE tidings.feed SET oldest_at = '-infinity' WHERE recipient = $1`, [
      feed.recipient,
    ]);
    const options = { days: 30, maxEntries: 10, sweepMs: 60_000, dedupeKeyDays: 90 };
    await new Retention(opened.log.database, options).sweep();
    const { rows } = await pool.query<{ empty: boolean; used: boolean }>(
      `SELECT oldest_at IS NULL AS empty, touched_at > now() + interval '50 minutes' AS used FROM tidings.feed WHERE recipient = $1`,
      [feed.recipient],
    );
    expect(rows).toEqual([{ empty: true, used: true }]);
    await passTime();
    expect(await sweep()).toBe(1);
    expect((await listed()).map(({ id }) => id)).toEqual([one.id]);
  });

  it('are shown as such to the support team', async () => {
    const one = await publish();
    await snooze(one);
    const page = await opened.support.feed(feed, request());
    expect(page.items.map((item) => JSON.parse(item) as object)).toMatchObject([
      { id: one.id, status: 'snoozed' },
    ]);
  });

  it.each([
    ['now', () => new Date(), 'until must be in the future, by the clock of the server'],
    ['in more than a year', () => later(367 * 24 * HOUR), 'until must be at most a year from now'],
    [
      'tomorrow',
      () => 'tomorrow',
      'until must be an ISO 8601 date and time with a zone, such as 2026-11-22T12:00:00Z',
    ],
  ])('are refused %s', async (_, until, problem) => {
    const one = await publish();
    await expect(opened.changes.snooze(feed, { ids: [one.id], until: until() })).rejects.toMatchObject({
      code: 'invalid-request',
      message: `The request is not valid: ${problem}.`,
    });
  });

  it('are at most 100, and unknown ids are named', async () => {
    const items = [];
    for (let count = 0; count < 101; count += 1) items.push(await publish());
    await expect(snooze(...items)).rejects.toThrow('at most 100 notifications are snoozed');
    await snooze(...items.slice(1));
    await expect(snooze(items[0]!)).rejects.toThrow('at most 100');
    await snooze(...items.slice(1));
    const stranger = randomUUID();
    await expect(opened.changes.unsnooze(feed, [items[1]!.id, stranger])).rejects.toMatchObject({
      code: 'not-found',
      fields: [{ field: 'ids[1]' }],
    });
    expect(
      await opened.changes.unsnooze(
        feed,
        items.map(({ id }) => id),
      ),
    ).toMatchObject({ unread: 101 });
    expect((await listed({ limit: 100 })).slice(0, 2).map(({ id }) => id)).toEqual([
      items[100]!.id,
      items[99]!.id,
    ]);
  });
});

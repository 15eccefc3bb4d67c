import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { randomUUID } from 'node:crypto';
import type { NotificationItem } from '../../../src/contract/model/entry.js';
import { formatCursor } from '../../../src/contract/model/cursor.js';
import { MAX_CHANGED_IDS, type StateChange } from '../../../src/contract/model/selection.js';
import type { NewNotification } from '../../../src/contract/ports/append.js';
import { Retention } from '../../../src/log/upkeep/retention.js';
import { notification } from '../open-log.js';
import { createMigratedDatabase, type TestDatabase } from '../../support/postgres.js';
import { openInbox, request, type OpenInbox } from './open-inbox.js';
import { recount } from './recount.js';

describe('a change of state', () => {
  let test: TestDatabase;
  let open: OpenInbox;
  let feed: { tenant: string; recipient: string };
  let epoch: string;

  beforeAll(async () => {
    test = await createMigratedDatabase();
    open = await openInbox(test.url);
  });
  beforeEach(() => {
    feed = { tenant: 'acme', recipient: randomUUID() };
    open.announced.length = 0;
  });

  afterAll(async () => {
    await open.close();
    await test.drop();
  });

  /** Appends so many and returns their ids, oldest first. */
  async function publish(count: number, parts: Partial<NewNotification> = {}): Promise<string[]> {
    const results = await open.log.append(
      Array.from({ length: count }, () => notification('', { feed, ...parts })),
    );
    epoch = results[0]!.epoch;
    const { feedId } = await open.log.reader.open(feed);
    const page = await open.log.reader.page(feedId, results[0]!.seq - 1);
    return page!.entries.map(({ json }) => (JSON.parse(json!) as NotificationItem).id);
  }
  const byIds = (change: StateChange, ids: readonly string[]) => open.changes.change(feed, change, { ids });
  const upTo = (change: StateChange, seq: number) =>
    open.changes.change(feed, change, { upTo: formatCursor(epoch, seq) });
  const counts = (unread: number, unseen: number, head: number) => ({
    unread,
    unseen,
    cursor: formatCursor(epoch, head),
  });
  const items = async (parts: Parameters<typeof request>[0] = {}) =>
    (await open.inbox.page(feed, request(parts))).items.map((item) => JSON.parse(item) as NotificationItem);
  const unreadSeqs = async () =>
    (await items({ unread: true, limit: 100 })).map(({ cursor }) => Number(cursor.split('-')[1]));
  /** The state entries of the feed, as replayed. */
  async function stateEntries(): Promise<unknown[]> {
    const { feedId } = await open.log.reader.open(feed);
    const page = await open.log.reader.page(feedId, 0);
    return page!.entries
      .filter(({ type }) => type.startsWith('feed.'))
      .map(({ json }) => JSON.parse(json!) as unknown);
  }

  it('appends one entry, live as in a replay, with what has changed and the counts after it', async () => {
    const [first, second, third] = await publish(3);
    expect(await byIds('read', [third!, first!])).toEqual(counts(1, 1, 4));
    expect(await byIds('archive', [second!])).toEqual(counts(0, 0, 5));
    const expected = [
      { type: 'feed.read', ids: [first, third], unread: 1, unseen: 1 },
      { type: 'feed.archived', ids: [second], unread: 0, unseen: 0 },
    ];
    expect(await stateEntries()).toEqual(expected);
    expect(
      open.announced.map(({ entry, ...rest }) => ({ ...rest, entry: JSON.parse(entry!.json!) as unknown })),
    ).toEqual(expected.map((entry, index) => ({ feed, epoch, seq: 4 + index, entry })));
    expect(open.announced.map(({ entry }) => entry!.type)).toEqual(['feed.read', 'feed.archived']);
  });

  it('names only what has changed, and appends nothing where nothing does', async () => {
    const [first, second] = await publish(2);
    await byIds('read', [first!]);
    expect(await byIds('read', [first!, second!, second!])).toEqual(counts(0, 0, 4));
    expect(await byIds('read', [first!, second!])).toEqual(counts(0, 0, 4));
    expect(await byIds('unarchive', [first!])).toEqual(counts(0, 0, 4));
    expect(await upTo('read', 2)).toEqual(counts(0, 0, 4));
    expect(await stateEntries()).toMatchObject([{ ids: [first] }, { ids: [second] }]);
    expect(open.announced).toHaveLength(2);
  });

  it('appends one entry when two devices make it at once', async () => {
    const ids = await publish(5);
    const answers = await Promise.all([1, 2, 3, 4].map((n) => byIds('read', n % 2 ? ids : ids.toReversed())));
    expect(answers).toEqual(Array(4).fill(counts(0, 0, 6)));
    expect(await stateEntries()).toEqual([{ type: 'feed.read', ids, unread: 0, unseen: 0 }]);
  });

  it('reads all up to a cursor, and leaves what arrives meanwhile', async () => {
    await publish(3);
    await publish(2);
    expect(await upTo('read', 3)).toEqual(counts(2, 2, 6));
    expect(await unreadSeqs()).toEqual([5, 4]);
    expect(await stateEntries()).toEqual([{ type: 'feed.read', upTo: `${epoch}-3`, unread: 2, unseen: 2 }]);
    expect(await upTo('read', 6)).toEqual(counts(0, 0, 7));
    expect(await upTo('read', 7)).toEqual(counts(0, 0, 7));
  });

  it('makes some of those unread again, and reads them again by ids or by a lower cursor', async () => {
    const ids = await publish(6);
    await upTo('read', 6);
    expect(await byIds('unread', [ids[0]!, ids[4]!])).toEqual(counts(2, 2, 8));
    expect(await unreadSeqs()).toEqual([5, 1]);
    expect(await upTo('read', 3)).toEqual(counts(1, 1, 9));
    expect(await unreadSeqs()).toEqual([5]);
    expect(await byIds('read', [ids[4]!])).toEqual(counts(0, 0, 10));
    expect(await upTo('read', 6)).toEqual(counts(0, 0, 10));
  });

  it('keeps the time of the first read', async () => {
    const ids = await publish(3);
    await byIds('read', [ids[0]!]);
    await upTo('read', 2);
    const [, two, one] = await items();
    await publish(1);
    await upTo('read', 6);
    const [four, three, ...rest] = await items();
    expect(rest).toEqual([two, one]);
    expect(one!.readAt! < two!.readAt!).toBe(true);
    expect(three!.readAt).toBe(four!.readAt);
    expect(two!.readAt! < three!.readAt!).toBe(true);
    const { feedId } = await open.log.reader.open(feed);
    const replayed = (await open.log.reader.page(feedId, 0))!.entries.filter(
      ({ type }) => !type.startsWith('feed.'),
    );
    expect(replayed.map(({ json }) => JSON.parse(json!) as unknown)).toEqual([one, two, three, four]);
  });

  it('resets the badge when the bell is opened, and leaves the entries unread', async () => {
    const ids = await publish(3);
    expect(await upTo('seen', 2)).toEqual(counts(3, 1, 4));
    expect(await upTo('seen', 1)).toEqual(counts(3, 1, 4));
    expect(await upTo('seen', 4)).toEqual(counts(3, 0, 5));
    await publish(1);
    expect(await open.inbox.count(feed)).toEqual(counts(4, 1, 6));
    expect(await byIds('read', ids)).toEqual(counts(1, 1, 7));
    // It was seen: to make it unread again does not ring the bell.
    expect(await byIds('unread', [ids[0]!])).toEqual(counts(2, 1, 8));
    expect(await stateEntries()).toMatchObject([
      { type: 'feed.seen', upTo: `${epoch}-2`, unread: 3, unseen: 1 },
      { type: 'feed.seen', upTo: `${epoch}-4`, unread: 3, unseen: 0 },
      { type: 'feed.read' },
      { type: 'feed.unread' },
    ]);
  });

  it('remembers that the bell was opened, also when there was nothing new', async () => {
    const ids = await publish(2);
    await upTo('read', 2);
    expect(await upTo('seen', 3)).toEqual(counts(0, 0, 3));
    expect(await byIds('unread', [ids[1]!])).toEqual(counts(1, 0, 4));
  });

  it('archives some, or all up to a cursor, which are listed only on request and not counted', async () => {
    const ids = await publish(4);
    await byIds('read', [ids[3]!]);
    expect(await upTo('archive', 2)).toEqual(counts(1, 1, 6));
    expect(await byIds('archive', [ids[3]!])).toEqual(counts(1, 1, 7));
    expect((await items()).map(({ id }) => id)).toEqual([ids[2]]);
    expect((await items({ archived: true })).map(({ id }) => id)).toEqual([ids[3], ids[1], ids[0]]);
    // Read in the archive: nothing to be counted, but to be said.
    expect(await byIds('read', [ids[0]!])).toEqual(counts(1, 1, 8));
    expect(await byIds('unarchive', [ids[1]!, ids[0]!])).toEqual(counts(2, 2, 9));
    expect((await items()).map(({ id }) => id)).toEqual([ids[2], ids[1], ids[0]]);
    expect(await upTo('archive', 2)).toEqual(counts(1, 1, 10));
    expect(await upTo('archive', 2)).toEqual(counts(1, 1, 10));
    expect((await items()).map(({ id }) => id)).toEqual([ids[2]]);
  });

  it('removes from pages, counts and replays for good', async () => {
    const ids = await publish(3);
    expect(await byIds('remove', [ids[1]!])).toEqual(counts(2, 2, 4));
    expect((await items()).map(({ id }) => id)).toEqual([ids[2], ids[0]]);
    expect(await stateEntries()).toEqual([
      { type: 'feed.removed', reason: 'deleted', ids: [ids[1]], unread: 2, unseen: 2 },
    ]);
    // Known, and not changed: a second device is as right as the first.
    for (const change of ['read', 'unread', 'archive', 'unarchive', 'remove'] as const)
      expect(await byIds(change, [ids[1]!])).toEqual(counts(2, 2, 4));
    const { feedId } = await open.log.reader.open(feed);
    expect((await open.log.reader.page(feedId, 1))!.entries[0]).toMatchObject({ seq: 2, json: null });
  });

  it('takes 10,000 ids at once', async () => {
    const ids: string[] = [];
    for (let page = 0; page < 100; page += 1) ids.push(...(await publish(100)));
    expect(await byIds('read', ids)).toEqual(counts(0, 0, MAX_CHANGED_IDS + 1));
    const entry = open.announced.at(-1)!.entry!;
    expect((JSON.parse(entry.json!) as { ids: string[] }).ids).toEqual(ids);
    const { feedId } = await open.log.reader.open(feed);
    expect((await open.log.reader.page(feedId, MAX_CHANGED_IDS))!.entries).toEqual([entry]);
  }, 60_000);

  it('stores a change of many as ranges of places, and replays it as it was sent', async () => {
    const ids = [...(await publish(100)), ...(await publish(50)), ...(await publish(100))];
    const sizes = async () =>
      (
        await open.log.database.query<{ bytes: number }>(
          `SELECT pg_column_size(e.data) + coalesce(pg_column_size(e.changed_places), 0) AS bytes
             FROM tidings.entry e JOIN tidings.feed f ON f.id = e.feed_id WHERE f.recipient = $1 AND e.id IS NULL ORDER BY e.seq`,
          [feed.recipient],
        )
      ).map(({ bytes }) => bytes);
    const some = ids.filter((_, n) => n < 120 || n % 3 === 0);
    await byIds('remove', ids.slice(40, 50));
    await byIds('read', some);
    await byIds('archive', some.toReversed());
    await byIds('read', ids.slice(0, 100).concat(ids.slice(200)));
    await publish(30);
    await byIds('unread', ids.slice(0, 200));
    await byIds('unread', ids.slice(200, 202));
    const { feedId } = await open.log.reader.open(feed);
    const { entries } = (await open.log.reader.page(feedId, 250))!;
    expect(entries.filter(({ type }) => type.startsWith('feed.'))).toEqual(
      open.announced.map(({ entry }) => entry),
    );
    // Up to 180 ids, of which each takes 39 bytes on the wire.
    expect((await sizes()).map((bytes) => bytes < 1_500)).toEqual(Array(6).fill(true));
  });

  it('keeps one time of reading for each range of notifications, however often all are marked', async () => {
    const ids = await publish(3);
    const marks = async () =>
      (
        await open.log.database.query<{ up_to: string }>(
          `SELECT m.up_to FROM tidings.read_mark m JOIN tidings.feed f ON f.id = m.feed_id WHERE f.recipient = $1 ORDER BY 1`,
          [feed.recipient],
        )
      ).map(({ up_to: at }) => Number(at));
    await upTo('read', 3);
    for (let cycle = 0; cycle < 5; cycle += 1) {
      await byIds('unread', ids);
      const { cursor } = await open.inbox.count(feed);
      expect(await open.changes.change(feed, 'read', { upTo: cursor })).toMatchObject({ unread: 0 });
    }
    expect(await marks()).toEqual([3]);
    await publish(1);
    await upTo('read', 15);
    expect(await marks()).toEqual([3, 15]);
    expect((await items()).map(({ readAt }) => readAt !== null)).toEqual([true, true, true, true]);
  });

  it('rejects expired and trimmed ids, and changes all or nothing', async () => {
    const [due] = await publish(1, { expiresAt: new Date(Date.now() + 3_600_000) });
    const ids = await publish(2);
    await open.log.database.query(`UPDATE tidings.entry SET expires_at = now() WHERE id = $1`, [due]);
    // Expired: known, but nothing to be changed any more.
    expect(await byIds('read', [due!])).toEqual(counts(2, 2, 3));
    await new Retention(open.log.database, {
      days: null,
      maxEntries: 1,
      sweepMs: 1,
      dedupeKeyDays: 90,
    }).sweep();
    await expect(byIds('read', [ids[1]!, ids[0]!])).rejects.toMatchObject({
      code: 'not-found',
      fields: [{ field: 'ids[1]', problem: `is not a notification of this feed: ${ids[0]}` }],
    });
    expect(await open.inbox.count(feed)).toEqual(counts(1, 1, 3));
    expect(await recount(open.log.database, feed)).toEqual({ unread: 1, unseen: 1 });
  });

  it('answers alike for a foreign id, an unknown id and an unknown feed', async () => {
    const [own] = await publish(1);
    const stranger = { ...feed, tenant: 'umbrella' };
    await open.log.append([notification('', { feed: stranger })]);
    const [foreign] = (await open.inbox.page(stranger, request())).items.map(
      (item) => JSON.parse(item) as NotificationItem,
    );
    const unknown = (field: string, id: string) => ({
      code: 'not-found',
      fields: [{ field, problem: `is not a notification of this feed: ${id}` }],
    });
    for (const change of ['read', 'unread', 'archive', 'unarchive', 'remove'] as const) {
      await expect(byIds(change, [own!, foreign!.id])).rejects.toMatchObject(unknown('ids[1]', foreign!.id));
      const never = randomUUID();
      await expect(byIds(change, [never, own!])).rejects.toMatchObject(unknown('ids[0]', never));
      await expect(
        open.changes.change({ ...feed, recipient: 'nobody' }, change, { ids: [own!] }),
      ).rejects.toMatchObject(unknown('ids[0]', own!));
    }
    expect(await open.inbox.count(feed)).toEqual(counts(1, 1, 1));
    expect(await open.log.database.query(`SELECT FROM tidings.feed WHERE recipient = 'nobody'`)).toEqual([]);
    expect(open.announced).toEqual([]);
  });

  it('accepts ids in upper case', async () => {
    const [own] = await publish(1);
    expect(await byIds('read', [own!.toUpperCase()])).toEqual(counts(0, 0, 2));
    await expect(byIds('read', [randomUUID().toUpperCase()])).rejects.toMatchObject({
      fields: [{ field: 'ids[0]' }],
    });
  });

  it.each<[string, StateChange, readonly string[], string, string]>([
    ['no ids', 'read', [], 'ids', 'must name at least one notification'],
    [
      '10,001 ids',
      'remove',
      Array(10_001).fill(randomUUID()) as string[],
      'ids',
      'must name at most 10000 notifications, names 10001',
    ],
    [
      'no UUID',
      'unread',
      [randomUUID(), "'; DROP TABLE x"],
      'ids[1]',
      `must be a UUID, is "'; DROP TABLE x"`,
    ],
  ])('rejects %s and names the field', async (_what, change, ids, field, problem) => {
    await publish(1);
    await expect(byIds(change, ids)).rejects.toMatchObject({
      code: 'invalid-request',
      fields: [{ field, problem }],
    });
    expect(await open.inbox.count(feed)).toEqual(counts(1, 1, 1));
  });

  it('rejects a cursor of another feed, of another epoch or ahead of the feed, and any cursor where the change takes only ids', async () => {
    await publish(2);
    const foreign = await open.log.reader.open({ ...feed, tenant: 'umbrella' });
    const at = (change: StateChange, cursor: { epoch: string; seq: number | string }) =>
      open.changes.change(feed, change, { upTo: `${cursor.epoch}-${cursor.seq}` });
    const refused = (problem: string) => ({ code: 'invalid-request', fields: [{ field: 'upTo', problem }] });
    const otherHistory = refused(
      'is from an earlier history of this feed or from another feed: read the first page again',
    );
    for (const change of ['read', 'seen', 'archive'] as const) {
      await expect(at(change, { epoch: foreign.epoch, seq: 0 })).rejects.toMatchObject(otherHistory);
      const ahead = refused('is ahead of the feed: use the cursor of a page or a frame');
      await expect(at(change, { epoch, seq: 3 })).rejects.toMatchObject(ahead);
      await expect(at(change, { epoch, seq: '9'.repeat(20) })).rejects.toMatchObject(ahead);
      expect(await at(change, { epoch, seq: 0 })).toEqual(counts(2, 2, 2));
      const nobody = open.changes.change({ ...feed, recipient: 'nobody' }, change, {
        upTo: formatCursor(epoch, 0),
      });
      await expect(nobody).rejects.toMatchObject(otherHistory);
    }
    for (const change of ['unread', 'unarchive', 'remove'] as const)
      await expect(at(change, { epoch, seq: 1 })).rejects.toMatchObject({
        code: 'invalid-request',
        fields: [
          { field: 'upTo', problem: 'is not a known field; use ids' },
          { field: 'ids', problem: 'must be given' },
        ],
      });
    await expect(byIds('seen', [randomUUID()])).rejects.toMatchObject({
      code: 'invalid-request',
      fields: [
        { field: 'ids', problem: 'is not a known field; use upTo' },
        { field: 'upTo', problem: 'must be given' },
      ],
    });
  });

  it('waits for a writer that holds the feed, and gives up after 3 s without having done anything', async () => {
    const [own] = await publish(1);
    const client = await open.log.database.pool.connect();
    const hold = () =>
      client
        .query('BEGIN')
        .then(() =>
          client.query('SELECT FROM tidings.feed WHERE recipient = $1 FOR UPDATE', [feed.recipient]),
        );
    await hold();
    const stuck = byIds('read', [own!]);
    await expect(stuck).rejects.toMatchObject({ code: 'feed-busy' });
    const waiting = byIds('read', [own!]);
    await client.query('ROLLBACK');
    client.release();
    expect(await waiting).toEqual(counts(0, 0, 2));
  });

  it('is numbered between the entries that are appended at the same moment, without a hole', async () => {
    const ids = await publish(20);
    await Promise.all([
      ...ids.map((id) => byIds('read', [id])),
      ...Array.from({ length: 20 }, () => open.log.append([notification('', { feed })])),
      upTo('seen', 10),
      upTo('archive', 5),
    ]);
    const { feedId, head } = await open.log.reader.open(feed);
    const page = await open.log.reader.page(feedId, 0);
    expect(page!.entries.map(({ seq }) => seq)).toEqual(
      Array.from({ length: head }, (_, index) => index + 1),
    );
    expect(await open.inbox.count(feed)).toMatchObject(await recount(open.log.database, feed));
  });
});

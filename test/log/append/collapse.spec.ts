import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { formatCursor } from '../../../src/contract/model/cursor.js';
import type { NotificationItem } from '../../../src/contract/model/entry.js';
import type { NewNotification } from '../../../src/contract/ports/append.js';
import { createMigratedDatabase, type TestDatabase } from '../../support/postgres.js';
import { openInbox, request, type OpenInbox } from '../inbox/open-inbox.js';
import { recount } from '../inbox/recount.js';
import { notification } from '../open-log.js';

describe('notifications with a collapse key', () => {
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

  const feed = (recipient: string) => ({ tenant: '', recipient });
  const orders = (recipient: string, parts: Partial<NewNotification> = {}): NewNotification =>
    notification(recipient, { collapseKey: 'orders', ...parts });
  const parse = (json: string | null): NotificationItem => JSON.parse(json!) as NotificationItem;
  const list = async (recipient: string) =>
    (await open.inbox.page(feed(recipient), request())).items.map((item) => parse(item));
  const shape = async (recipient: string) =>
    (await list(recipient)).map(({ title, count, replaces }) => ({
      title,
      count,
      replaces: replaces.length,
    }));
  /** Publishes one and returns it as it was announced. */
  const publish = async (recipient: string, parts: Partial<NewNotification> = {}) =>
    parse((await open.log.append([orders(recipient, parts)]))[0]!.entry!.json);
  const counts = (recipient: string) => open.inbox.count(feed(recipient));

  it('become one that counts for all of them, and replaces the one before it in one entry', async () => {
    const one = await publish('ada', { title: 'one' });
    const two = await publish('ada', { title: 'two' });
    const three = await publish('ada', { title: 'three' });
    expect([one.count, two.count, three.count]).toEqual([1, 2, 3]);
    expect([one.replaces, two.replaces, three.replaces]).toEqual([[], [one.id], [two.id]]);
    expect(await list('ada')).toEqual([three]);
    expect(await counts('ada')).toMatchObject({ unread: 1, unseen: 1, cursor: three.cursor });
    const { feedId, head } = await open.log.reader.open(feed('ada'));
    expect(head).toBe(3);
    expect(parse((await open.log.reader.page(feedId, 2))!.entries[0]!.json)).toEqual(three);
  });

  it('replace only one that is unread, not archived, visible and of the same feed and key', async () => {
    const change = async (name: 'read' | 'archive' | 'remove', id: string) =>
      open.changes.change(feed('grace'), name, { ids: [id] });
    await publish('grace', { title: 'another key', collapseKey: 'invoices' });
    await publish('hopper', { title: 'another feed' });
    await publish('grace', { feed: { tenant: 'acme', recipient: 'grace' } });
    await change('read', (await publish('grace', { title: 'read' })).id);
    await change('archive', (await publish('grace', { title: 'archived' })).id);
    await change('remove', (await publish('grace', { title: 'removed' })).id);
    await publish('grace', { title: 'fresh' });
    await publish('grace', { title: 'fresh again' });
    expect(await shape('grace')).toEqual([
      { title: 'fresh again', count: 2, replaces: 1 },
      { title: 'read', count: 1, replaces: 0 },
      { title: 'another key', count: 1, replaces: 0 },
    ]);
    expect(await counts('grace')).toMatchObject(await recount(open.log.database, feed('grace')));
  });

  it('replace the newest of them, also if it was read and made unread again', async () => {
    const old = await publish('again', { title: 'old' });
    await open.changes.change(feed('again'), 'read', { ids: [old.id] });
    await publish('again', { title: 'new' });
    await open.changes.change(feed('again'), 'unread', { ids: [old.id] });
    await publish('again', { title: 'newest' });
    expect(await shape('again')).toEqual([
      { title: 'newest', count: 2, replaces: 1 },
      { title: 'old', count: 1, replaces: 0 },
    ]);
    const { epoch, head } = await open.log.reader.open(feed('again'));
    await open.changes.change(feed('again'), 'read', { upTo: formatCursor(epoch, head) });
    await publish('again', { title: 'after all were read' });
    expect((await shape('again'))[0]).toEqual({ title: 'after all were read', count: 1, replaces: 0 });
    expect(await counts('again')).toMatchObject({ unread: 1, unseen: 1 });
  });

  it('do not replace one that has expired', async () => {
    const { seq } = (
      await open.log.append([orders('late', { expiresAt: new Date(Date.now() + 3_600_000) })])
    )[0]!;
    await open.log.database.query(
      `UPDATE tidings.entry SET expires_at = now() WHERE seq = $1
          AND feed_id = (SELECT id FROM tidings.feed WHERE recipient = 'late')`,
      [seq],
    );
    expect(await publish('late')).toMatchObject({ count: 1, replaces: [] });
    expect(await counts('late')).toMatchObject({ unread: 1, unseen: 1 });
  });

  it('count as unseen again when the one that they replace was seen', async () => {
    await publish('bell');
    await open.log.append([notification('bell')]);
    const { epoch } = await open.log.reader.open(feed('bell'));
    await open.changes.change(feed('bell'), 'seen', { upTo: formatCursor(epoch, 2) });
    await publish('bell');
    expect(await counts('bell')).toMatchObject({ unread: 2, unseen: 1 });
    await publish('bell');
    expect(await counts('bell')).toMatchObject({ unread: 2, unseen: 1 });
  });

  it('count right when many arrive at the same moment, in one job or in several', async () => {
    await Promise.all(Array.from({ length: 20 }, () => publish('rush')));
    expect(await shape('rush')).toEqual([{ title: 'Export ready', count: 20, replaces: 1 }]);
    await open.log.append(Array.from({ length: 20 }, () => orders('rush')));
    expect(await shape('rush')).toEqual([{ title: 'Export ready', count: 40, replaces: 1 }]);
    expect(await counts('rush')).toMatchObject({ unread: 1, unseen: 1 });
    expect(await recount(open.log.database, feed('rush'))).toEqual({ unread: 1, unseen: 1 });
  });

  it('stay in order where some of the same moment have no key, or another', async () => {
    const results = await open.log.append([
      orders('order', { title: 'a' }),
      notification('order', { title: 'b' }),
      orders('order', { title: 'c' }),
      orders('order', { title: 'd', collapseKey: 'invoices' }),
      orders('order', { title: 'e' }),
    ]);
    expect(results.map(({ seq }) => seq)).toEqual([1, 2, 3, 4, 5]);
    expect(await shape('order')).toEqual([
      { title: 'e', count: 3, replaces: 1 },
      { title: 'd', count: 1, replaces: 0 },
      { title: 'b', count: 1, replaces: 0 },
    ]);
  });

  it('report to a client that was away what was replaced, though its successor is gone as well', async () => {
    const held = await publish('away', { title: 'the client has this' });
    const between = await publish('away', { title: 'it never sees this' });
    const last = await publish('away', { title: 'and has this in the end' });
    const { feedId, epoch } = await open.log.reader.open(feed('away'));
    const { entries } = (await open.log.reader.page(feedId, 1))!;
    expect(entries.map(({ type, json }) => ({ type, data: JSON.parse(json!) as unknown }))).toEqual([
      {
        type: 'feed.removed',
        data: {
          type: 'feed.removed',
          reason: 'replaced',
          ids: [held.id],
          asOf: `${epoch}-3`,
          unread: 1,
          unseen: 1,
        },
      },
      { type: last.type, data: last },
    ]);
    expect(last.replaces).toEqual([between.id]);
  });

  it('count a repeated job once', async () => {
    await open.log.append([orders('repeated', { dedupeKey: 'k:1' })]);
    await open.log.append([orders('repeated', { dedupeKey: 'k:2' })]);
    const results = await open.log.append([
      orders('repeated', { dedupeKey: 'k:2' }),
      orders('repeated', { dedupeKey: 'k:1' }),
    ]);
    expect(results.map(({ outcome }) => outcome)).toEqual(['duplicate', 'duplicate']);
    expect(await shape('repeated')).toEqual([{ title: 'Export ready', count: 2, replaces: 1 }]);
  });
});

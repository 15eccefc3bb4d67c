import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { randomUUID } from 'node:crypto';
import type { NotificationItem } from '../../../src/contract/model/entry.js';
import type { ActedNotification } from '../../../src/contract/model/hooks.js';
import type { NewNotification } from '../../../src/contract/ports/append.js';
import { PostgresInboxChanges } from '../../../src/log/inbox/postgres-inbox-changes.js';
import { createMigratedDatabase, type TestDatabase } from '../../support/postgres.js';
import { notification } from '../open-log.js';
import { openInbox, request, type OpenInbox } from './open-inbox.js';
import { recount } from './recount.js';

const CONTENT = JSON.stringify({
  actions: [
    { id: 'accept', label: 'Accept', style: 'primary' },
    { id: 'decline', label: 'Decline' },
    { id: 'open', label: 'Open', link: '/orders/7' },
  ],
});

describe('the actions of notifications', () => {
  let test: TestDatabase;
  let opened: OpenInbox;
  let changes: PostgresInboxChanges;
  let feed: { tenant: string; recipient: string };
  const acted: ActedNotification[] = [];

  beforeAll(async () => {
    test = await createMigratedDatabase();
    opened = await openInbox(test.url);
    const announcer = {
      announce: (news: readonly (typeof opened.announced)[number][]) => void opened.announced.push(...news),
    };
    changes = new PostgresInboxChanges(opened.log.database, announcer, {
      stages: true,
      returned: () => {},
      acted: (one) => void acted.push(one),
    });
  });

  afterAll(async () => {
    await opened.close();
    await test.drop();
  });

  beforeEach(() => {
    feed = { tenant: '', recipient: randomUUID() };
    opened.announced.length = 0;
    acted.length = 0;
  });

  async function publish(parts: Partial<NewNotification> = {}): Promise<string> {
    const [result] = await opened.log.append([
      notification(feed.recipient, { contentJson: CONTENT, category: 'orders', ...parts, feed }),
    ]);
    return (JSON.parse(result!.entry!.json!) as NotificationItem).id;
  }

  const listed = async (): Promise<NotificationItem[]> =>
    (await opened.inbox.page(feed, request())).items.map((item) => JSON.parse(item) as NotificationItem);
  const frames = () =>
    opened.announced.map(({ entry }) => JSON.parse(entry!.json!) as Record<string, unknown>);
  const staged = async () =>
    (
      await opened.log.database.pool.query<{ action: string; item: string }>(
        'SELECT o.action, o.item FROM tidings.action_outbox o JOIN tidings.feed f ON f.id = o.feed_id WHERE f.recipient = $1',
        [feed.recipient],
      )
    ).rows;

  it('are chosen once: an entry in the log, a staged job, and the notification is read', async () => {
    const [id] = [await publish(), await publish()];
    const answer = await changes.act(feed, id, 'accept');
    expect(answer).toEqual({ id, action: 'accept', at: expect.stringMatching(/^\d{4}-.*Z$/) });
    const { at } = answer;
    expect(frames()).toEqual([{ type: 'feed.acted', ids: [id], action: 'accept', at, unread: 1, unseen: 1 }]);
    const item = (await listed())[1]!;
    expect(item).toMatchObject({ id, acted: { action: 'accept', at }, readAt: at, category: 'orders' });
    expect(acted).toEqual([{ feed, notification: item, action: 'accept', at }]);
    expect((await staged()).map(({ item: json }) => JSON.parse(json) as unknown)).toEqual([item]);
    const { unread, unseen } = await opened.inbox.count(feed);
    expect(await recount(opened.log.database, feed)).toEqual({ unread, unseen });

    expect(await changes.act(feed, id.toUpperCase(), 'accept')).toEqual(answer);
    await expect(changes.act(feed, id, 'decline')).rejects.toMatchObject({
      code: 'already-acted',
      action: 'accept',
      at,
    });
    expect(opened.announced).toHaveLength(1);
    expect(acted).toHaveLength(1);
    expect(await staged()).toHaveLength(1);
  });

  it('are chosen once by two devices at the same moment', async () => {
    const id = await publish();
    const results = await Promise.allSettled(
      ['accept', 'decline', 'accept', 'decline'].map((action) => changes.act(feed, id, action)),
    );
    expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(2);
    expect(frames()).toHaveLength(1);
  });

  it('leave counts alone when the notification was read or archived, by itself or by a watermark', async () => {
    const ids = [await publish(), await publish(), await publish()];
    await changes.change(feed, 'read', { ids: [ids[0]!] });
    await changes.change(feed, 'archive', { ids: [ids[1]!] });
    await changes.act(feed, ids[0]!, 'accept');
    await changes.act(feed, ids[1]!, 'accept');
    expect(await opened.inbox.count(feed)).toMatchObject({ unread: 1, unseen: 1 });
    const { cursor } = await opened.inbox.count(feed);
    await changes.change(feed, 'read', { upTo: cursor });
    const { readAt } = (await listed())[0]!;
    await changes.act(feed, ids[2]!, 'accept');
    expect((await listed())[0]!.readAt).toBe(readAt);
    expect(acted.at(-1)!.notification.readAt).toBe(readAt);
    expect(await opened.inbox.count(feed)).toMatchObject({ unread: 0, unseen: 0 });
  });

  it('are marked as read if they were marked as unread again', async () => {
    const id = await publish();
    const { cursor } = await opened.inbox.count(feed);
    await changes.change(feed, 'read', { upTo: cursor });
    await changes.change(feed, 'unread', { ids: [id] });
    await changes.act(feed, id, 'accept');
    expect(await opened.inbox.count(feed)).toMatchObject({ unread: 0 });
    expect((await listed())[0]!.readAt).not.toBeNull();
  });

  it('of a snoozed notification bring it back and are chosen', async () => {
    const id = await publish();
    await changes.snooze(feed, { ids: [id], until: new Date(Date.now() + 60_000) });
    opened.announced.length = 0;
    await changes.act(feed, id, 'accept');
    expect(frames()).toMatchObject([
      { id, cursor: expect.stringMatching(/-3$/) },
      { type: 'feed.acted', ids: [id], unread: 0, unseen: 0 },
    ]);
    expect(await listed()).toMatchObject([{ id, acted: { action: 'accept' } }]);
    await changes.snooze(feed, { ids: [id], until: new Date(Date.now() + 60_000) });
    expect(await changes.act(feed, id, 'accept')).toMatchObject({ action: 'accept' });
    await changes.unsnooze(feed, [id]);
    expect(await listed()).toMatchObject([{ id, acted: { action: 'accept' }, readAt: null }]);
  });

  it('are refused by field: unknown ids and actions, links, removed notifications', async () => {
    const [id, plain] = [await publish(), await publish({ contentJson: null })];
    const problemOf = (one: string, action: string): Promise<unknown> =>
      changes
        .act(feed, one, action)
        .catch((error: { code: string; fields: unknown[] }) => [error.code, ...error.fields]);
    expect(await problemOf(id, 'maybe')).toEqual([
      'not-found',
      { field: 'action', problem: 'is not an action of this notification: maybe; it has accept, decline' },
    ]);
    expect(await problemOf(plain, 'accept')).toEqual([
      'not-found',
      { field: 'action', problem: 'is not an action of this notification: accept; it has none' },
    ]);
    expect(await problemOf(id, 'open')).toEqual([
      'invalid-request',
      { field: 'action', problem: 'is a link, which is followed and not sent to the server: open' },
    ]);
    expect(await problemOf('7', 'accept')).toMatchObject(['invalid-request', { field: 'id' }]);
    expect(await problemOf(id, 'Accept')).toMatchObject(['invalid-request', { field: 'action' }]);
    const stranger = randomUUID();
    expect(await problemOf(stranger, 'accept')).toEqual([
      'not-found',
      { field: 'id', problem: `is not a notification of this feed: ${stranger}` },
    ]);
    await changes.change(feed, 'remove', { ids: [id] });
    expect(await problemOf(id, 'accept')).toMatchObject(['not-found', { field: 'id' }]);
    expect(await staged()).toEqual([]);
  });

  it('make categories that pages and counts go by', async () => {
    const first = await publish();
    await publish({ category: 'billing' });
    await publish({ category: null });
    await publish();
    await changes.change(feed, 'seen', { upTo: (await opened.inbox.count(feed)).cursor });
    await publish({ category: 'billing' });
    await changes.change(feed, 'read', { ids: [first] });
    const page = await opened.inbox.page(feed, request({ category: 'orders' }));
    expect(page.items.map((item) => (JSON.parse(item) as NotificationItem).category)).toEqual([
      'orders',
      'orders',
    ]);
    const counts = await opened.inbox.countByCategory(feed);
    expect(counts).toEqual({
      ...(await opened.inbox.count(feed)),
      categories: { billing: { unread: 2, unseen: 1 }, orders: { unread: 1, unseen: 0 } },
    });
    await changes.change(feed, 'read', { upTo: counts.cursor });
    await changes.change(feed, 'unread', { ids: [first] });
    expect((await opened.inbox.countByCategory(feed)).categories).toEqual({
      orders: { unread: 1, unseen: 0 },
    });
    feed = { tenant: '', recipient: randomUUID() };
    expect(await opened.inbox.countByCategory(feed)).toMatchObject({ unread: 0, categories: {} });
  });
});

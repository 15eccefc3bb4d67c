import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { NotificationItem } from '../../../src/contract/model/entry.js';
import { Retention } from '../../../src/log/upkeep/retention.js';
import { notification } from '../open-log.js';
import { createMigratedDatabase, type TestDatabase } from '../../support/postgres.js';
import { openInbox, request, type OpenInbox } from './open-inbox.js';
import { recount } from './recount.js';

describe('a recall', () => {
  let test: TestDatabase;
  let open: OpenInbox;

  beforeAll(async () => {
    test = await createMigratedDatabase();
    open = await openInbox(test.url);
  });
  beforeEach(() => {
    open.announced.length = 0;
  });

  afterAll(async () => {
    await open.close();
    await test.drop();
  });

  const feed = (recipient: string, tenant = '') => ({ tenant, recipient });
  const publish = (recipient: string, key: string, parts: Parameters<typeof notification>[1] = {}) =>
    open.log.append([notification(recipient, { dedupeKey: `k:${key}`, ...parts })]);
  const recall = async (key: string, ...recipients: string[]) =>
    open.recaller.recall(
      recipients.map((recipient) => feed(recipient)),
      key,
      null,
    );
  const ids = async (recipient: string) =>
    (await open.inbox.page(feed(recipient), request())).items.map(
      (item) => (JSON.parse(item) as NotificationItem).id,
    );

  it('removes what was sent, reports it once to everybody, and does nothing when repeated', async () => {
    await publish('ada', 'order-7');
    await publish('ada', 'order-8');
    const [eight, seven] = await ids('ada');
    expect(await recall('order-7', 'ada')).toEqual(['recalled']);
    expect(await ids('ada')).toEqual([eight]);
    const entry = { type: 'feed.removed', reason: 'recalled', ids: [seven], unread: 1, unseen: 1 };
    expect(open.announced).toMatchObject([
      { feed: feed('ada'), seq: 3, entry: { seq: 3, type: 'feed.removed' } },
    ]);
    expect(JSON.parse(open.announced[0]!.entry!.json!)).toEqual(entry);
    expect(await recall('order-7', 'ada')).toEqual(['gone']);
    expect(open.announced).toHaveLength(1);
    expect(await open.inbox.count(feed('ada'))).toMatchObject(await recount(open.log.database, feed('ada')));
    // The key is still taken.
    expect((await publish('ada', 'order-7'))[0]).toMatchObject({ outcome: 'duplicate', seq: 1 });
  });

  it('prevents what has not arrived yet, and creates the feed where there is none', async () => {
    expect(await recall('order-9', 'newcomer')).toEqual(['prevented']);
    expect(await recall('order-9', 'newcomer')).toEqual(['prevented']);
    await expect(publish('newcomer', 'order-9')).rejects.toThrow('recalled');
    expect(open.announced).toEqual([]);
    expect(await open.inbox.count(feed('newcomer'))).toMatchObject({ unread: 0 });
  });

  it('applies only to the given keys, tenant and recipients', async () => {
    const key = 'order-1';
    await open.log.append([
      notification('bob', { dedupeKey: `k:${key}` }),
      notification('bob', { dedupeKey: `j:${key}` }),
      notification('bob', { dedupeKey: `k:${key}`, feed: feed('bob', 'acme') }),
      notification('carol', { dedupeKey: `k:${key}` }),
    ]);
    expect(await recall(key, 'bob', 'nobody yet')).toEqual(['recalled', 'prevented']);
    expect(await ids('bob')).toHaveLength(1);
    expect(await ids('carol')).toHaveLength(1);
    expect(await open.inbox.count(feed('bob', 'acme'))).toMatchObject({ unread: 1 });
  });

  it('reports as gone what was removed, replaced, trimmed or has expired', async () => {
    await publish('dave', 'removed');
    await open.changes.change(feed('dave'), 'remove', { ids: await ids('dave') });
    await publish('dave', 'replaced', { collapseKey: 'c' });
    await publish('dave', 'replacing', { collapseKey: 'c' });
    await publish('dave', 'expired', { expiresAt: new Date(Date.now() + 60_000) });
    await open.log.database.query(`UPDATE tidings.entry SET expires_at = now() WHERE expires_at IS NOT NULL`);
    for (const key of ['removed', 'replaced', 'expired']) expect(await recall(key, 'dave')).toEqual(['gone']);
    await new Retention(open.log.database, {
      days: null,
      maxEntries: 1,
      sweepMs: 1,
      dedupeKeyDays: 90,
    }).sweep();
    expect(await recall('replacing', 'dave')).toEqual(['gone']);
    expect(open.announced).toHaveLength(1);
  });

  it('removes one that stands for several, with all of them', async () => {
    await publish('erin', 'first', { collapseKey: 'c' });
    await publish('erin', 'second', { collapseKey: 'c' });
    expect(await recall('second', 'erin')).toEqual(['recalled']);
    expect(await ids('erin')).toEqual([]);
    expect(await open.inbox.count(feed('erin'))).toMatchObject({ unread: 0, unseen: 0 });
  });

  it('removes or keeps out a job that is appended at once, never both or neither', async () => {
    for (let round = 0; round < 20; round += 1) {
      const key = `race-${round}`;
      const [[outcome], [result]] = await Promise.all([
        recall(key, 'frank'),
        open.log.appender.append([notification('frank', { dedupeKey: `k:${key}` })]),
      ]);
      expect([outcome, result!.outcome]).toEqual(
        outcome === 'recalled' ? ['recalled', 'appended'] : ['prevented', 'recalled'],
      );
    }
    expect(await ids('frank')).toEqual([]);
  });

  it('handles 1,000 recipients in a moment, with one outcome each, in order', async () => {
    const many = Array.from({ length: 1_000 }, (_, n) => `many-${n}`);
    await open.log.append(
      many.filter((_, n) => n % 2 === 0).map((name) => notification(name, { dedupeKey: 'k:news' })),
    );
    expect(await recall('news', ...many)).toEqual(
      many.map((_, n) => (n % 2 === 0 ? 'recalled' : 'prevented')),
    );
    expect(open.announced).toHaveLength(500);
  }, 60_000);

  it('fails as busy when a feed is locked for long, with the others done, and finishes when repeated', async () => {
    await publish('held', 'key');
    await publish('free', 'key');
    const client = await open.log.database.pool.connect();
    await client.query('BEGIN');
    await client.query(`SELECT FROM tidings.feed WHERE recipient = 'held' FOR UPDATE`);
    await expect(recall('key', 'held', 'free')).rejects.toMatchObject({ code: 'feed-busy' });
    await client.query('ROLLBACK');
    client.release();
    expect(await recall('key', 'held', 'free')).toEqual(['recalled', 'gone']);
  });
});

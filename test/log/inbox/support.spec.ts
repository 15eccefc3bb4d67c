import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { parseCursor } from '../../../src/contract/model/cursor.js';
import type { NotificationItem } from '../../../src/contract/model/entry.js';
import { PostgresDropLog } from '../../../src/log/append/drop-log.js';
import { notification } from '../open-log.js';
import { createMigratedDatabase, type TestDatabase } from '../../support/postgres.js';
import { openInbox, request, seqsOf, type OpenInbox } from './open-inbox.js';

describe('the view of support', () => {
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

  const feed = (recipient: string) => ({ tenant: 'acme', recipient });
  const status = (text: string) => {
    const { title, status: is } = JSON.parse(text) as NotificationItem & { status: string };
    return [title, is];
  };

  it('lists all that is kept, newest first, and marks what is hidden', async () => {
    const later = new Date(Date.now() + 60_000);
    await open.log.append([
      notification('', { feed: feed('ada'), title: 'old', collapseKey: 'c' }),
      notification('', { feed: feed('ada'), title: 'new', collapseKey: 'c' }),
      notification('', { feed: feed('ada'), title: 'due', expiresAt: later }),
      notification('', { feed: feed('ada'), title: 'kept away' }),
      notification('', { feed: feed('ada'), title: 'deleted' }),
      notification('', { feed: feed('ada'), title: 'to come', expiresAt: later }),
    ]);
    const { items } = await open.inbox.page(feed('ada'), request());
    const id = (title: string) =>
      items.map((item) => JSON.parse(item) as NotificationItem).find((item) => item.title === title)!.id;
    await open.changes.change(feed('ada'), 'archive', { ids: [id('kept away')] });
    await open.changes.change(feed('ada'), 'remove', { ids: [id('deleted')] });
    await open.log.database.query(`UPDATE tidings.entry SET expires_at = now() WHERE title = 'due'`);

    const seen = await open.support.feed(feed('ada'), request());
    expect(seen.items.map(status)).toEqual([
      ['to come', 'shown'],
      ['deleted', 'removed'],
      ['kept away', 'archived'],
      ['due', 'expired'],
      ['new', 'shown'],
      ['old', 'removed'],
    ]);
    const own = await open.inbox.page(feed('ada'), request());
    expect(seen).toMatchObject({
      next: null,
      unread: own.unread,
      unseen: own.unseen,
      cursor: own.cursor,
      dropped: [],
    });
    // What the recipient sees is the same text, but for the status.
    expect(own.items.map((item) => `${item.slice(0, -1)},"status":"shown"}`)).toEqual([
      seen.items[0],
      seen.items[4],
    ]);
    const archived = await open.support.feed(feed('ada'), request({ archived: true }));
    expect(archived.items.map(status)).toEqual([['kept away', 'archived']]);
  });

  it('pages and filters as for the recipient', async () => {
    await open.log.append(
      Array.from({ length: 7 }, (_, n) =>
        notification('', { feed: feed('pages'), type: n % 2 ? 'odd' : 'even' }),
      ),
    );
    const first = await open.support.feed(feed('pages'), request({ limit: 3, type: 'even' }));
    const second = await open.support.feed(
      feed('pages'),
      request({ limit: 3, type: 'even', before: parseCursor(first.next!) }),
    );
    expect([seqsOf(first.items), seqsOf(second.items), second.next]).toEqual([[7, 5, 3], [1], null]);
    await expect(
      open.support.feed(feed('pages'), request({ before: { epoch: 'other', seq: 1 } })),
    ).rejects.toMatchObject({ code: 'invalid-request', fields: [{ field: 'before' }] });
  });

  it('lists the last 100 dropped ones with the reason', async () => {
    await open.log.append([notification('', { feed: feed('dropped') })]);
    await new PostgresDropLog(open.log.database).record(
      Array.from({ length: 120 }, (_, n) => ({
        feed: feed('dropped'),
        reason: 'muted' as const,
        type: 'note',
        jobId: String(n),
      })),
    );
    const { dropped } = await open.support.feed(feed('dropped'), request());
    expect(dropped.map(({ jobId }) => Number(jobId))).toEqual(Array.from({ length: 100 }, (_, n) => 119 - n));
    expect(dropped[0]!.at).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
  });

  it('creates no feed, and reports that there is none', async () => {
    await expect(open.support.feed(feed('nobody'), request())).rejects.toMatchObject({
      code: 'not-found',
      fields: [{ field: 'recipient', problem: 'has no feed' }],
    });
    expect(await open.log.database.query(`SELECT FROM tidings.feed WHERE recipient = 'nobody'`)).toEqual([]);
  });
});

import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { z } from 'zod';
import type { FeedKey } from '../../src/contract/model/feed.js';
import { defineNotification } from '../../src/contract/model/notification-type.js';
import type { ActedNotification, ActionJob } from '../../src/contract/model/hooks.js';
import type { Sql } from '../../src/contract/ports/sql.js';
import { SQL } from '../../src/contract/tokens.js';
import { ActionJobs } from '../../src/jobs/after/action-jobs.js';
import { PostgresInboxChanges } from '../../src/log/inbox/postgres-inbox-changes.js';
import { TidingsService } from '../../src/module/tidings.service.js';
import { House, type Instance } from '../guarantees/house.js';
import { eventually } from '../support/eventually.js';

// One declaration in two versions, as before and after a deploy.
const before = defineNotification('shipped', {
  version: 1,
  schema: z.object({ order: z.string() }),
  render: ({ order }, { locale }) => ({
    title: `${order} (${locale})`,
    actions: [{ id: 'keep', label: 'Keep it' }],
  }),
});
const after = defineNotification('shipped', {
  version: 2,
  schema: z.object({ orderId: z.string(), version: z.number() }),
  render: ({ orderId }) => ({ title: orderId }),
  upgrade: (old, from) => {
    const { order } = old as { order: string };
    if (order === 'hopeless') throw new Error('nobody knows what this was');
    return { orderId: order, version: from };
  },
  expiresAfterMs: 60_000,
});
const old = defineNotification('note', {
  version: 1,
  schema: z.object({ text: z.string() }),
  render: ({ text }, { locale }) => ({ title: `${text} (${locale})` }),
});

let house: House;
let now: Instance;
let tidings: TidingsService;
const asked: FeedKey[][] = [];
const acted: ActedNotification[] = [];
const LANGUAGES: Record<string, string | null> = { ada: 'pt-br', bob: 'de', eve: 'no such thing', joe: null };

beforeAll(async () => {
  house = await House.open('Postgres');
  const then = await house.start({ types: [before] });
  for (const order of ['A-1', 'hopeless']) await house.queue().add('shipped', { to: 'ada', data: { order } });
  for (const order of ['B-1', 'B-2']) await house.queue().add('shipped', { to: 'zoe', data: { order } });
  const service = then.app.get(TidingsService, { strict: false });
  await eventually(async () => expect((await service.count('ada')).unread).toBe(2), { timeoutMs: 15_000 });
  await eventually(async () => expect((await service.count('zoe')).unread).toBe(2), { timeoutMs: 15_000 });
  await then.close();
  now = await house.start({
    types: [after, old],
    actions: { queue: 'answers' },
    hooks: { onAction: (event) => void acted.push(event) },
    worker: { unknownTypeRetryMs: 60_000 },
    resolveLocales: (recipients) => {
      asked.push([...recipients]);
      return recipients.map(({ recipient }) => LANGUAGES[recipient]);
    },
  });
  tidings = now.app.get(TidingsService, { strict: false });
}, 60_000);

afterAll(() => house?.close(), 30_000);

describe('Data of an older version', () => {
  it('is upgraded in pages, or served unchanged, with its own version, where that fails', async () => {
    const { items } = await tidings.page('ada');
    expect(items.map(({ data, version }) => ({ data, version }))).toEqual(
      expect.arrayContaining([
        { data: { order: 'hopeless' }, version: 1 },
        { data: { orderId: 'A-1', version: 1 }, version: 2 },
      ]),
    );
    // The text of that time stays.
    expect(items.map(({ title }) => title)).toContain('A-1 (en)');
  });

  it('is upgraded on streams that replay it', async () => {
    const client = await now.stream('ada', { after: '0' });
    const frames = await Promise.all(
      ['A-1', 'hopeless'].map((order) => client.waitFor(({ data }) => data?.includes(order) ?? false)),
    );
    expect(frames.map(({ data }) => (JSON.parse(data!) as { data: object }).data)).toEqual([
      { orderId: 'A-1', version: 1 },
      { order: 'hopeless' },
    ]);
  });

  it('is upgraded on live streams when it comes back from being snoozed', async () => {
    const { items } = await tidings.page('ada');
    const { id } = items.find(({ title }) => title.startsWith('A-1'))!;
    const live = await now.stream('ada');
    await tidings.snooze('ada', [id], new Date(Date.now() + 60_000));
    await tidings.unsnooze('ada', [id]);
    const { data } = await live.waitFor(({ event }) => event === 'shipped');
    expect(JSON.parse(data!)).toMatchObject({ id, data: { orderId: 'A-1', version: 1 }, version: 2 });
    await live.close();
  });

  it('is upgraded in jobs, fails them for good where that fails, and waits if it is newer', async () => {
    const add = (order: object, version?: number) =>
      house.queue().add('shipped', { to: 'bob', data: order, version });
    await add({ order: 'A-2' }, 1);
    const hopeless = await add({ order: 'hopeless' }, 1);
    const newer = await add({ orderId: 'A-4', version: 3 }, 3);
    await eventually(async () => {
      expect((await tidings.page('bob')).items.map(({ data }) => data)).toEqual([
        { orderId: 'A-2', version: 1 },
      ]);
      expect((await house.queue().getJob(hopeless.id!))?.failedReason).toMatch(/upgrade of shipped failed/);
      expect(await newer.getState()).toBe('delayed');
    });
  });

  it('is upgraded for the hook and the job of an action, also in a job that is recovered', async () => {
    const { items } = await tidings.page('zoe');
    const [id, recovered] = ['B-1', 'B-2'].map(
      (order) => items.find(({ title }) => title.startsWith(order))!.id,
    );
    await tidings.act('zoe', id!, 'keep');
    // A process that dies after the commit.
    const listener = { stages: true, acted: () => {}, returned: () => {} };
    const sql = now.app.get<Sql>(SQL, { strict: false });
    const dying = new PostgresInboxChanges(sql, { announce: () => {} }, listener);
    await dying.act({ tenant: '', recipient: 'zoe' }, recovered!, 'keep');
    const { jobs } = now.app.get(ActionJobs, { strict: false });
    const dataOf = (of: string): Promise<ActionJob> =>
      eventually(
        async () => {
          const job = await jobs.queue.getJob(`action-${of}`);
          expect(job).toBeDefined();
          return (job as { data: ActionJob }).data;
        },
        { timeoutMs: 30_000 },
      );
    const upgraded = (of: string, orderId: string) => ({ id: of, data: { orderId, version: 1 }, version: 2 });
    expect((await dataOf(id!)).notification).toMatchObject(upgraded(id!, 'B-1'));
    expect((await dataOf(recovered!)).notification).toMatchObject(upgraded(recovered!, 'B-2'));
    expect(acted.map(({ notification }) => notification)).toMatchObject([upgraded(id!, 'B-1')]);
  }, 60_000);

  it('expires by its type unless the job says otherwise', async () => {
    const [row] = await house.sql<{ ms: number }>(
      `SELECT extract(epoch FROM expires_at - created_at)::float * 1000 AS ms FROM tidings.entry WHERE title = 'A-2'`,
    );
    expect(row!.ms).toBeGreaterThan(55_000);
    expect(row!.ms).toBeLessThanOrEqual(60_000);
  });
});

describe('Locales', () => {
  it('are resolved in one call for each job, which is rendered once for each language', async () => {
    asked.length = 0;
    await tidings.notify(old, { to: ['ada', 'bob', 'eve', 'joe'], data: { text: 'hello' } });
    const title = async (recipient: string): Promise<string | undefined> =>
      (await tidings.page(recipient, { type: 'note' })).items[0]?.title;
    await eventually(async () => expect(await title('ada')).toBe('hello (pt-BR)'));
    expect(await title('bob')).toBe('hello (de)');
    expect(await title('eve')).toBe('hello (en)');
    expect(await title('joe')).toBe('hello (en)');
    expect(asked.map((call) => call.map(({ recipient }) => recipient))).toEqual([
      ['ada', 'bob', 'eve', 'joe'],
    ]);
  });
});

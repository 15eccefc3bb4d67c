import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { SignJWT } from 'jose';
import { API_KEY, House, JWT_SECRET, onBothBackends, task, type Instance } from '../guarantees/house.js';
import { eventually } from '../support/eventually.js';
import { connect } from '../support/sse-client.js';
import {
  ADMIN_KEY,
  frameOf,
  OPTIONS,
  Person,
  SUPPORT_KEY,
  withKey,
  type Answer,
  type Page,
} from './inbox-house.js';

onBothBackends('Recall and erasure on two instances', (backend) => {
  let house: House;
  let one: Instance;
  let other: Instance;

  beforeAll(async () => {
    house = await House.open(backend);
    const http = { ...OPTIONS.http, jwt: { secret: JWT_SECRET } };
    one = await house.start({ ...OPTIONS, http });
    other = await house.start({ ...OPTIONS, http });
  }, 60_000);
  afterAll(() => house.close(), 30_000);

  const soon = (ms: number): Date => new Date(Date.now() + ms);
  const publish = async (to: string | string[], taskId: string, more: object = {}): Promise<string> => {
    const response = await one.publish({ type: 'task-completed', to, data: task(taskId), ...more });
    expect(response.status).toBe(202);
    return ((await response.json()) as { jobs: { id: string }[] }).jobs[0]!.id;
  };
  const recall = (to: string | string[], dedupeKey: string, tenant?: string): Promise<Answer> =>
    withKey(other, API_KEY, 'POST', 'notifications/recall', { to, dedupeKey, tenant });

  it('recalls a notification from every open page, once', async () => {
    const [ada, bob] = [new Person('ada'), new Person('bob')];
    await ada.gets(one, 'kept');
    const watching = await one.stream('ada');
    const { cursor: before } = await ada.page(one);
    await publish(['ada', 'bob'], 'wrong', { dedupeKey: 'mistake' });
    const { id } = await frameOf(watching, 'task-completed');
    await eventually(async () => expect((await bob.page(one)).items).toHaveLength(1));
    expect(await recall(['bob', 'nobody-yet', 'ada'], 'mistake')).toEqual({
      status: 200,
      body: {
        results: [
          { to: 'bob', outcome: 'recalled' },
          { to: 'nobody-yet', outcome: 'prevented' },
          { to: 'ada', outcome: 'recalled' },
        ],
      },
    });
    expect(await frameOf(watching, 'feed.removed')).toEqual({
      type: 'feed.removed',
      reason: 'recalled',
      ids: [id],
      unread: 1,
      unseen: 1,
    });
    expect((await ada.page(other)).items.map(({ title }) => title)).toEqual([
      expect.stringContaining('kept'),
    ]);
    expect(await bob.page(other)).toMatchObject({ items: [], unread: 0, unseen: 0 });
    const { cursor } = await ada.page(one);
    expect((await recall('ada', 'mistake')).body).toEqual({ results: [{ to: 'ada', outcome: 'gone' }] });
    expect((await ada.page(one)).cursor).toBe(cursor);
    // Who was away is not shown it either.
    const late = await other.stream('ada', { after: before });
    await frameOf(late, 'feed.removed');
    expect(late.raw).not.toContain('wrong');
    await Promise.all([watching.close(), late.close()]);
  }, 60_000);

  it('recalls a notification before its job has run, so that it never arrives', async () => {
    const cid = new Person('cid');
    const id = await publish('cid', 'too early', { dedupeKey: 'later', deliverAt: soon(3_600_000) });
    expect((await recall('cid', 'later')).body).toEqual({ results: [{ to: 'cid', outcome: 'prevented' }] });
    await (await house.queue().getJob(id))!.promote();
    // Another tenant's recipient of that name, and another key, are not meant.
    await cid.gets(one, 'another');
    const dropped = await eventually(
      async () => {
        const { body } = await withKey<Page & { dropped: object[] }>(
          one,
          SUPPORT_KEY,
          'GET',
          'feeds/cid/notifications',
        );
        return body.dropped.length > 0 && body.dropped;
      },
      { timeoutMs: 15_000 },
    );
    expect(dropped).toMatchObject([{ reason: 'recalled', type: 'task-completed' }]);
    expect((await cid.page(other)).items).toHaveLength(1);
  }, 60_000);

  it('erases the streams, entries and jobs of a recipient on both instances, who then starts afresh', async () => {
    const eva = new Person('eva');
    const before = await eva.gets(one, 'a', 'b');
    await eva.ask(one, 'PUT', 'preferences', { muted: ['announcement'] });
    await publish('eva', 'queued', { deliverAt: soon(3_600_000) });
    const shared = await publish(['eva', 'fay'], 'shared', { deliverAt: soon(3_600_000) });
    const streams = await Promise.all([one.stream('eva'), other.stream('eva')]);
    const spared = await other.stream('fay');

    const erase = (): Promise<Answer<{ feeds: number; entries: number; jobs: number }>> =>
      withKey(one, ADMIN_KEY, 'DELETE', 'feeds/eva');
    const { status, body } = await erase();
    expect(status).toBe(200);
    expect(body).toMatchObject({ feeds: 1, entries: 2 });
    // Those that wait: what was delivered directly left no job.
    expect(body.jobs).toBe(2);
    for (const stream of streams) {
      expect(await frameOf(stream, 'feed.closing')).toMatchObject({ reason: 'revoked' });
      expect(await stream.closed).toBe('ended');
    }
    const returning = await other.stream('eva', { after: before.cursor });
    expect(await frameOf(returning, 'feed.reset')).toMatchObject({ reason: 'epoch' });
    const after = await eva.page(other);
    expect(after).toMatchObject({ items: [], next: null, unread: 0, unseen: 0 });
    expect(after.cursor.split('-')[0]).not.toBe(before.cursor.split('-')[0]);
    expect((await eva.ask(one, 'GET', 'preferences')).body).toEqual({ muted: [], mutedCategories: [] });

    // The job with two recipients runs for the other one alone.
    await (await house.queue().getJob(shared))!.promote();
    await frameOf(spared, 'task-completed');
    expect(spared.frames.some(({ event }) => event === 'feed.closing')).toBe(false);
    expect((await house.queue().getJob(shared))?.data).toMatchObject({ to: ['fay'] });
    expect((await eva.page(one)).items).toEqual([]);
    // A new life has its own notifications, also under a key of the old one.
    await publish('eva', 'new life');
    await frameOf(returning, 'task-completed');
    expect((await eva.page(one)).items).toHaveLength(1);
    expect(returning.raw).not.toMatch(/queued|shared/);
    await Promise.all([returning.close(), spared.close()]);
  }, 60_000);

  it('drops a job that was queued before the erasure and returns after it', async () => {
    const gus = new Person('gus');
    await gus.gets(one, 'before');
    expect((await withKey(one, ADMIN_KEY, 'DELETE', 'feeds/gus')).status).toBe(200);
    // As a worker elsewhere that had it in its hands puts it back.
    const timestamp = Date.now() - 60_000;
    await house.add('gus', 'from before', {}, { timestamp });
    await gus.gets(other, 'after');
    const job = await house.queue().add('task-completed', { to: 'gus', data: task('again') }, { timestamp });
    await eventually(async () => expect(await job.getState()).toBe('completed'), { timeoutMs: 15_000 });
    expect((await gus.page(one)).items.map(({ title }) => title)).toEqual([expect.stringContaining('after')]);
    await eventually(async () => {
      const { body } = await withKey<{ dropped: object[] }>(
        one,
        SUPPORT_KEY,
        'GET',
        'feeds/gus/notifications',
      );
      // One that came when there was no feed could not be noted with it.
      expect([1, 2]).toContain(body.dropped.length);
      expect(body.dropped).toEqual(body.dropped.map(() => expect.objectContaining({ reason: 'erased' })));
    });
  }, 60_000);

  it('erases all recipients of a tenant, and none of another tenant', async () => {
    const inTenant = async (tenant: string, to: string[]): Promise<void> => {
      await one.publish({ type: 'task-completed', to, tenant, data: task(`of ${tenant}`) });
      await eventually(async () => {
        const rows = await house.sql('SELECT 1 FROM tidings.feed WHERE tenant = $1 AND head > 0', [tenant]);
        expect(rows).toHaveLength(to.length);
      });
    };
    await inTenant('acme', ['ada', 'bob', 'cid']);
    await inTenant('other', ['ada']);
    const token = await new SignJWT({ sub: 'ada', org: 'acme' })
      .setProtectedHeader({ alg: 'HS256' })
      .setExpirationTime('1h')
      .sign(new TextEncoder().encode(JWT_SECRET));
    const tenanted = await house.start({
      ...OPTIONS,
      roles: ['api'],
      http: { ...OPTIONS.http, jwt: { secret: JWT_SECRET, tenantClaim: 'org' } },
    });
    const watching = await connect(`${tenanted.origin}/v1/stream`, {
      headers: { authorization: `Bearer ${token}` },
    });
    await watching.waitFor(({ event }) => event === 'feed.ready');

    const { status, body } = await withKey(one, ADMIN_KEY, 'DELETE', 'feeds?tenant=acme');
    expect([status, body]).toEqual([200, { feeds: 3, entries: 3, jobs: 0 }]);
    expect(await frameOf(watching, 'feed.closing')).toMatchObject({ reason: 'revoked' });
    // Not the tenant's audience: a stream that is not closed yet may make its row again, which names nobody.
    const recipients =
      "SELECT recipient FROM tidings.feed WHERE tenant = 'acme' AND left(recipient, 1) <> chr(1)";
    expect(await house.sql(recipients)).toEqual([]);
    expect(await house.sql("SELECT recipient FROM tidings.feed WHERE tenant = 'other'")).toHaveLength(1);
    expect((await new Person('ada').page(one)).items).not.toEqual([]);
  }, 60_000);
});

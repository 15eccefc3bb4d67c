import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { randomUUID } from 'node:crypto';
import { API_KEY, House, onBothBackends, type Instance } from '../guarantees/house.js';
import { eventually } from '../support/eventually.js';
import { frameOf, OPTIONS, Person, SUPPORT_KEY, withKey, type Answer, type Page } from './inbox-house.js';

onBothBackends('An inbox on two instances', (backend) => {
  let house: House;
  let one: Instance;
  let other: Instance;

  beforeAll(async () => {
    house = await House.open(backend);
    one = await house.start(OPTIONS);
    other = await house.start(OPTIONS);
  }, 60_000);
  afterAll(() => house.close(), 30_000);

  const publish = (body: object, headers?: Record<string, string>): Promise<Response> =>
    one.publish(body, headers);
  const order = (to: string, orderId: string, more: object = {}): object => ({
    type: 'new-order',
    to,
    data: { orderId, customer: 'Zoe', items: 1, total: { amount: 100, currency: 'EUR' } },
    ...more,
  });

  it('shows a change on the other instance at once, replays it later, and appends nothing for a repetition', async () => {
    const ada = new Person('ada');
    const { items, cursor: before } = await ada.gets(one, 'a', 'b', 'c');
    const [c, b, a] = items.map(({ id }) => id);
    const watching = await other.stream('ada');

    const steps: [change: string, selection: object, frame: object, counts: object][] = [
      ['read', { ids: [a, b] }, { type: 'feed.read', ids: [a, b] }, { unread: 1, unseen: 1 }],
      ['unread', { ids: [b] }, { type: 'feed.unread', ids: [b] }, { unread: 2, unseen: 2 }],
      ['seen', { upTo: before }, { type: 'feed.seen', upTo: before }, { unread: 2, unseen: 0 }],
      ['archive', { ids: [c] }, { type: 'feed.archived', ids: [c] }, { unread: 1, unseen: 0 }],
      ['unarchive', { ids: [c] }, { type: 'feed.unarchived', ids: [c] }, { unread: 2, unseen: 0 }],
      ['read', { upTo: before }, { type: 'feed.read', upTo: before }, { unread: 0, unseen: 0 }],
    ];
    const seen: Record<string, unknown>[] = [];
    for (const [change, selection, frame, counts] of steps) {
      const answer = await ada.does(one, change, selection);
      expect([change, answer]).toEqual([change, { ...counts, cursor: expect.any(String) }]);
      const id = (await watching.waitFor(({ id }) => id === answer.cursor)).id;
      const live = JSON.parse(watching.frames.find((one) => one.id === id)!.data!) as Record<string, unknown>;
      expect(live).toEqual({ ...frame, ...counts });
      seen.push(live);
      // Repeated, on the other instance: the same answer, and the head did not move.
      expect(await ada.does(other, change, selection)).toEqual(answer);
      expect((await ada.ask(other, 'GET', 'notifications/count')).body).toEqual(answer);
    }

    const removed = await ada.ask(one, 'DELETE', `notifications/${b}`);
    expect(removed).toEqual({ status: 200, body: { unread: 0, unseen: 0, cursor: expect.any(String) } });
    seen.push(await frameOf(watching, 'feed.removed'));
    expect(seen.at(-1)).toEqual({ type: 'feed.removed', reason: 'deleted', ids: [b], unread: 0, unseen: 0 });
    expect(await ada.ask(other, 'DELETE', `notifications/${b}`)).toEqual(removed);

    const returning = await other.stream('ada', { after: before });
    await returning.waitFor(({ id }) => id === removed.body.cursor);
    expect(returning.events.slice(1).map(({ data }) => JSON.parse(data!) as unknown)).toEqual(seen);

    const page = await ada.page(other);
    expect(page.items.map(({ id, readAt }) => [id, typeof readAt])).toEqual([
      [c, 'string'],
      [a, 'string'],
    ]);
    expect(page).toMatchObject({ unread: 0, unseen: 0, cursor: removed.body.cursor });
    await Promise.all([watching.close(), returning.close()]);
  }, 60_000);

  it('leaves what arrives after upTo as it is, and lists archived entries only on request', async () => {
    const bea = new Person('bea');
    const { cursor } = await bea.gets(one, 'old 1', 'old 2');
    const later = await bea.gets(other, 'new');
    expect(await bea.does(other, 'archive', { upTo: cursor })).toMatchObject({ unread: 1, unseen: 1 });
    expect((await bea.page(one)).items).toEqual([later.items[0]]);
    expect((await bea.page(one, '?archived=true')).items.map(({ title }) => title)).toHaveLength(2);
    expect((await bea.page(one, '?unread=true')).items).toHaveLength(1);
  }, 60_000);

  it('answers foreign ids, unknown ids and foreign cursors alike, and changes nothing', async () => {
    const [cid, dan] = [new Person('cid'), new Person('dan')];
    const mine = await cid.gets(one, 'of cid');
    const theirs = await dan.gets(one, 'of dan');
    const unknown = randomUUID();
    const strange = [theirs.items[0]!.id, unknown];
    for (const id of strange) {
      const refused = await cid.ask<Record<string, unknown>>(one, 'POST', 'notifications/read', {
        ids: [mine.items[0]!.id, id],
      });
      expect(refused).toMatchObject({ status: 404, body: { code: 'not-found' } });
      expect(JSON.stringify(refused.body['errors'])).toContain('ids[1]');
      const removal = await cid.ask<Record<string, unknown>>(other, 'DELETE', `notifications/${id}`);
      expect(removal).toMatchObject({ status: 404, body: { code: 'not-found' } });
    }
    const [foreign, never] = await Promise.all(
      strange.map((id) =>
        cid.ask<Record<string, unknown>>(one, 'POST', 'notifications/archive', { ids: [id] }),
      ),
    );
    const withoutId = (answer: Answer | undefined, id: string): string =>
      JSON.stringify(answer).replaceAll(id, '');
    expect(withoutId(foreign, strange[0]!)).toBe(withoutId(never, unknown));

    const ahead = mine.cursor.replace(/\d+$/, '99');
    for (const upTo of [theirs.cursor, ahead]) {
      const answer = await cid.ask<Record<string, unknown>>(one, 'POST', 'notifications/read', { upTo });
      expect(answer).toMatchObject({ status: 400, body: { errors: [{ field: 'upTo' }] } });
    }
    expect(await cid.page(other)).toEqual(mine);
    expect(await dan.page(other)).toEqual(theirs);
  }, 60_000);

  it('drops a muted type when its job runs, but not a mandatory one', async () => {
    const eva = new Person('eva');
    expect((await eva.ask(one, 'GET', 'preferences')).body).toEqual({ muted: [], mutedCategories: [] });
    expect(await eva.ask(one, 'PUT', 'preferences', { muted: ['new-order', 'announcement'] })).toEqual({
      status: 200,
      body: { muted: ['announcement', 'new-order'], mutedCategories: [] },
    });
    for (const muted of [['new-orders'], ['security-alert']]) {
      const answer = await eva.ask<Record<string, unknown>>(one, 'PUT', 'preferences', { muted });
      expect(answer).toMatchObject({
        status: 400,
        body: { code: 'invalid-request', errors: [{ field: 'muted[0]' }] },
      });
    }
    expect((await eva.ask(other, 'GET', 'preferences')).body).toEqual({
      muted: ['announcement', 'new-order'],
      mutedCategories: [],
    });

    await publish(order('eva', 'muted'));
    await publish({ type: 'security-alert', to: 'eva', data: { from: 'Oslo' } });
    await eva.gets(other, 'not muted');
    const dropped = await eventually(async () => {
      const { body } = await withKey<{ dropped: object[] }>(
        other,
        SUPPORT_KEY,
        'GET',
        'feeds/eva/notifications',
      );
      return body.dropped.length > 0 && body.dropped;
    });
    expect(dropped).toEqual([
      { reason: 'muted', type: 'new-order', jobId: expect.any(String), at: expect.any(String) },
    ]);
    await eventually(async () => {
      const { items } = await eva.page(one);
      expect(items.map(({ type }) => type).toSorted()).toEqual(['security-alert', 'task-completed']);
    });
  }, 60_000);

  it('collapses two unread orders of one key into one entry ("2 new orders")', async () => {
    const fay = new Person('fay');
    await fay.gets(one, 'another');
    const watching = await other.stream('fay');
    await publish(order('fay', '1', { collapseKey: 'orders' }));
    const first = await frameOf(watching, 'new-order');
    await publish(order('fay', '2', { collapseKey: 'orders' }));
    const second = await frameOf(watching, 'new-order', { count: 2 });
    expect(second).toMatchObject({ count: 2, replaces: [first['id']] });
    const page = await fay.page(one);
    expect(page).toMatchObject({ unread: 2, unseen: 2 });
    expect(page.items[0]).toEqual(second);
    expect(page.items).toHaveLength(2);

    await fay.does(one, 'read', { ids: [second['id']] });
    await publish(order('fay', '3', { collapseKey: 'orders' }));
    expect(await frameOf(watching, 'new-order', { count: 1, replaces: [] })).toBeTruthy();
    await eventually(async () => expect((await fay.page(other)).items).toHaveLength(3));
    await watching.close();
  }, 60_000);

  it('hides an entry the moment it expires, and updates open pages', async () => {
    const gus = new Person('gus');
    const kept = await gus.gets(one, 'kept');
    const watching = await other.stream('gus');
    const expiresAt = new Date(Date.now() + 1_500);
    await publish(order('gus', 'short', { expiresAt }));
    const { id } = await frameOf(watching, 'new-order');
    expect(await gus.page(other)).toMatchObject({ unread: 2, unseen: 2 });
    await eventually(() => Date.now() > expiresAt.getTime());
    const page = await gus.page(one);
    expect([page.items, page.unread, page.unseen]).toEqual([kept.items, 1, 1]);
    expect(await frameOf(watching, 'feed.removed')).toEqual({
      type: 'feed.removed',
      reason: 'expired',
      ids: [id],
      unread: 1,
      unseen: 1,
    });
    const late = await other.stream('gus', { after: kept.cursor });
    await frameOf(late, 'feed.removed');
    expect(late.raw).not.toContain('short');
    await Promise.all([watching.close(), late.close()]);
  }, 60_000);

  it('shows support what is kept, what is hidden, and why something was dropped', async () => {
    const hal = new Person('hal');
    const { items, cursor } = await hal.gets(one, 'deleted', 'archived', 'unread');
    const [, archived, deleted] = items.map(({ id }) => id);
    await hal.ask(one, 'DELETE', `notifications/${deleted}`);
    await hal.does(one, 'archive', { ids: [archived] });
    for (let times = 0; times < 2; times += 1) await publish(order('hal', 'twice', { dedupeKey: 'once' }));
    const view = await eventually(async () => {
      const answer = await withKey<Page & { dropped: object[] }>(
        other,
        SUPPORT_KEY,
        'GET',
        'feeds/hal/notifications',
      );
      expect([answer.body.dropped.length, answer.body.items.length]).toEqual([1, 4]);
      return answer.body;
    });
    expect(view.dropped).toMatchObject([{ reason: 'duplicate', type: 'new-order' }]);
    expect(view.items.map(({ id }) => id)).toEqual(expect.arrayContaining(items.map(({ id }) => id)));
    // Looking changes nothing.
    expect((await hal.page(one)).items.map(({ type }) => type)).toEqual(['new-order', 'task-completed']);
    expect((await hal.page(one)).cursor).not.toBe(cursor);
    const nobody = await withKey(one, SUPPORT_KEY, 'GET', 'feeds/never-seen/notifications');
    expect(nobody).toMatchObject({ status: 404, body: { code: 'not-found' } });
    expect(await house.sql("SELECT 1 FROM tidings.feed WHERE recipient = 'never-seen'")).toEqual([]);
    expect((await withKey(one, SUPPORT_KEY, 'GET', 'feeds/hal/notifications?tenant=acme')).status).toBe(404);
  }, 60_000);

  it('rejects jobs that cannot be delivered, and a used Idempotency-Key with another body', async () => {
    const refused = async (more: object, status = 400): Promise<unknown> => {
      const response = await publish(order('ivy', 'x', more));
      expect(response.status).toBe(status);
      return ((await response.json()) as { errors: { field: string }[] }).errors.map(({ field }) => field);
    };
    const inMs = (ms: number): string => new Date(Date.now() + ms).toISOString();
    expect(await refused({ expiresAt: inMs(-1_000) })).toEqual(['expiresAt']);
    expect(await refused({ deliverAt: inMs(60_000), expiresAt: inMs(30_000) })).toEqual(['expiresAt']);
    const headers = { 'idempotency-key': `key-${randomUUID()}` };
    expect((await publish(order('ivy', 'first'), headers)).status).toBe(202);
    expect((await publish(order('ivy', 'first'), headers)).status).toBe(202);
    const reused = await publish(order('ivy', 'second'), headers);
    expect([reused.status, ((await reused.json()) as { code: string }).code]).toEqual([
      422,
      'idempotency-key-reused',
    ]);
    const ivy = new Person('ivy');
    await ivy.gets(one, 'last');
    await eventually(async () => expect((await ivy.page(other)).items).toHaveLength(2));
  }, 60_000);

  it('delivers at deliverAt, unless the job was cancelled before', async () => {
    const jon = new Person('jon');
    const deliverAt = new Date(Date.now() + 1_200);
    const jobs: string[] = [];
    for (const id of ['wanted', 'cancelled']) {
      const response = await publish(order('jon', id, { deliverAt }));
      jobs.push(((await response.json()) as { jobs: { id: string }[] }).jobs[0]!.id);
    }
    const cancel = (id: string): Promise<Answer> => withKey(other, API_KEY, 'DELETE', `jobs/${id}`);
    expect(await cancel(jobs[1]!)).toEqual({ status: 200, body: { outcome: 'cancelled' } });
    expect(await cancel(jobs[1]!)).toMatchObject({ status: 404, body: { code: 'not-found' } });
    expect((await jon.page(one)).items).toEqual([]);
    await eventually(async () => expect((await jon.page(one)).items).toHaveLength(1), { timeoutMs: 15_000 });
    expect(Date.now()).toBeGreaterThanOrEqual(deliverAt.getTime());
    await eventually(async () => {
      expect(await cancel(jobs[0]!)).toMatchObject({ status: 409, body: { code: 'conflict' } });
    });
    expect((await jon.page(one)).items.map(({ title }) => title)).toEqual([
      expect.stringContaining('wanted'),
    ]);
  }, 60_000);
});

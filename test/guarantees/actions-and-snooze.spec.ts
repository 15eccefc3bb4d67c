import { afterAll, beforeAll, expect, it } from '@jest/globals';
import type { ActedNotification, ActionJob } from '../../src/contract/model/hooks.js';
import type { NotificationItem } from '../../src/contract/model/entry.js';
import { ERASER, QUEUE_ERASER, SQL } from '../../src/contract/tokens.js';
import type { Eraser, QueueEraser } from '../../src/contract/ports/erase.js';
import type { Sql } from '../../src/contract/ports/sql.js';
import { ActionJobs } from '../../src/jobs/after/action-jobs.js';
import { JobQueue } from '../../src/jobs/index.js';
import { PostgresInboxChanges } from '../../src/log/inbox/postgres-inbox-changes.js';
import { TidingsService } from '../../src/module/tidings.service.js';
import { EntryUpgrade } from '../../src/types/entry-upgrade.js';
import { TypeRegistry } from '../../src/types/type-registry.js';
import { frameOf, Person } from '../e2e/inbox-house.js';
import { eventually } from '../support/eventually.js';
import { House, onBothBackends, type Instance } from './house.js';

const INVITATION = {
  title: 'Join the team',
  actions: [
    { id: 'accept', label: 'Accept', style: 'primary' },
    { id: 'decline', label: 'Decline' },
  ],
};

onBothBackends('An action, and a snooze', (backend) => {
  let house: House;
  let one: Instance;
  let other: Instance;
  const acted: ActedNotification[] = [];

  beforeAll(async () => {
    house = await House.open(backend);
    const options = { actions: { queue: 'answers' }, retention: { sweepMs: 200 } };
    one = await house.start({ ...options, hooks: { onAction: (event) => void acted.push(event) } });
    other = await house.start(options);
  }, 60_000);
  afterAll(() => house.close(), 30_000);

  async function invite(person: Person): Promise<NotificationItem> {
    await one.publish({ type: 'announcement', to: person.name, data: INVITATION });
    return (await person.page(one)).items[0] as NotificationItem;
  }

  const jobOf = (id: string) => {
    const { jobs } = one.app.get(ActionJobs, { strict: false });
    return eventually(async () => {
      const job = await jobs.queue.getJob(`action-${id}`);
      expect(job).toBeDefined();
      return job as unknown as { name: string; data: ActionJob };
    });
  };
  const staged = () => house.sql('SELECT FROM tidings.action_outbox');

  it('is chosen once, known to every device, told to the hook, and a job of the queue that was named', async () => {
    const ada = new Person('ada');
    const devices = [await one.stream('ada'), await other.stream('ada')];
    const { id } = await invite(ada);
    const answers = await Promise.all(
      [one, other].map((at) => ada.ask(at, 'POST', `notifications/${id}/actions/accept`)),
    );
    expect(answers.map(({ status }) => status)).toEqual([200, 200]);
    expect(answers[0]!.body).toEqual(answers[1]!.body);
    const { at } = answers[0]!.body as unknown as { at: string };
    for (const device of devices) {
      expect(await frameOf(device, 'feed.acted')).toEqual({
        ...{ type: 'feed.acted', ids: [id], action: 'accept', at, unread: 0, unseen: 0 },
      });
    }
    expect(await ada.ask(other, 'POST', `notifications/${id}/actions/decline`)).toMatchObject({
      status: 409,
      body: { code: 'already-acted', action: 'accept', at },
    });
    const { name, data } = await jobOf(id);
    const [item] = (await ada.page(other)).items as NotificationItem[];
    expect(item!.acted).toEqual({ action: 'accept', at });
    expect(name).toBe('announcement');
    expect(data).toEqual({ to: 'ada', tenant: '', action: 'accept', at, notification: item });
    await eventually(async () => expect(await staged()).toEqual([]));
    // By the process that took the request that came first.
    expect(acted.filter(({ notification }) => notification.id === id).length).toBeLessThanOrEqual(1);
    await Promise.all(devices.map((device) => device.close()));
  });

  it('becomes a job also if the process dies between its commit and the queue', async () => {
    const bea = new Person('bea');
    const { id } = await invite(bea);
    // All that such a process has done: the commit.
    const sql = one.app.get<Sql>(SQL, { strict: false });
    const dying = new PostgresInboxChanges(
      sql,
      { announce: () => {} },
      { stages: true, acted: () => {}, returned: () => {} },
    );
    const { at } = await dying.act({ tenant: '', recipient: 'bea' }, id, 'decline');
    // Another process, which need not wait as long as those of a deployment do.
    const queue = one.app.get(JobQueue, { strict: false });
    const recovering = new ActionJobs(
      await ActionJobs.openQueue(queue, 'answers', 5_000),
      sql,
      new EntryUpgrade(new TypeRegistry([])),
      100,
    );
    recovering.start();
    expect((await jobOf(id)).data).toMatchObject({ to: 'bea', action: 'decline', at });
    await eventually(async () => expect(await staged()).toEqual([]));
    await recovering.close();
  });

  it('leaves the queue when its recipient is erased', async () => {
    const eva = new Person('eva');
    const { id } = await invite(eva);
    await eva.ask(one, 'POST', `notifications/${id}/actions/accept`);
    await jobOf(id);
    await one.app.get<Eraser>(ERASER, { strict: false }).eraseRecipient({ tenant: '', recipient: 'eva' });
    const { jobs } = one.app.get(ActionJobs, { strict: false });
    expect(await jobs.queue.getJob(`action-${id}`)).toBeUndefined();
  });

  it('leaves the queue also if it was chosen while its recipient was being erased', async () => {
    const [eli, flo] = [new Person('eli'), new Person('flo')];
    const sql = one.app.get<Sql>(SQL, { strict: false });
    const late: ActedNotification[] = [];
    const slow = new PostgresInboxChanges(
      sql,
      { announce: () => {} },
      { stages: true, acted: (one) => void late.push(one), returned: () => {} },
    );
    const { id } = await invite(eli);
    const { at } = await slow.act({ tenant: '', recipient: 'eli' }, id, 'accept');
    const actions = one.app.get(ActionJobs, { strict: false });
    actions.acted(late[0]!);
    await jobOf(id);
    // The tombstone was there before, the emptied feed after it.
    const times = { at: new Date(Date.parse(at) - 1), emptiedAt: new Date(at) };
    const target = { tenant: '', recipient: 'eli' };
    expect(await one.app.get<QueueEraser>(QUEUE_ERASER, { strict: false }).erase(target, times)).toBe(1);

    // A process that was too slow to enqueue before the erasure.
    await one.app.get<Eraser>(ERASER, { strict: false }).eraseRecipient(target);
    const { id: other } = await invite(flo);
    await slow.act({ tenant: '', recipient: 'flo' }, other, 'accept');
    for (const each of late) actions.acted(each);
    await jobOf(other);
    expect(await actions.jobs.queue.getJob(`action-${id}`)).toBeUndefined();
  }, 30_000);

  it('brings a notification back at its time on every device, also when nobody was connected', async () => {
    const cy = new Person('cy');
    const { id, cursor } = await invite(cy);
    const until = new Date(Date.now() + 1_500).toISOString();
    await cy.does(one, 'snooze', { ids: [id], until });
    expect(await cy.page(one, '?snoozed=true')).toMatchObject({
      items: [{ id, snoozedUntil: until }],
      unread: 0,
    });
    const live = await one.stream('cy', { after: cursor });
    await frameOf(live, 'feed.snoozed', { ids: [id], until });
    const back = await frameOf(live, 'announcement', { id });
    expect(Date.parse(back['createdAt'] as string)).toBeGreaterThanOrEqual(Date.parse(until));
    // This one was not connected.
    const late = await other.stream('cy', { after: cursor });
    expect(await frameOf(late, 'announcement', { id })).toEqual(back);
    expect(await cy.page(other)).toMatchObject({ items: [back], unread: 1, unseen: 1 });
    await Promise.all([live.close(), late.close()]);
  }, 30_000);

  it('is the same in the service of the module', async () => {
    const tidings = one.app.get(TidingsService, { strict: false });
    const { id } = await invite(new Person('dan'));
    await tidings.snooze('dan', [id], new Date(Date.now() + 60_000));
    expect((await tidings.page('dan', { snoozed: true })).items).toMatchObject([{ id }]);
    expect(await tidings.unsnooze('dan', [id])).toMatchObject({ unread: 1, unseen: 1 });
    expect(await tidings.countByCategory('dan')).toMatchObject({
      categories: { news: { unread: 1, unseen: 1 } },
    });
    expect((await tidings.page('dan', { category: 'news' })).items).toHaveLength(1);
    expect(await tidings.act('dan', id, 'accept')).toMatchObject({ id, action: 'accept' });
    await expect(tidings.act('dan', id, 'decline')).rejects.toMatchObject({ code: 'already-acted' });
    expect((await tidings.types('dan')).map(({ type, name }) => [type, name])).toContainEqual([
      'announcement',
      'Announcements',
    ]);
  });
});

import { afterAll, beforeAll, beforeEach, expect, it } from '@jest/globals';
import type { Job } from 'bullmq';
import type {
  Escalated,
  DeliveredNotification,
  ReadNotifications,
} from '../../../src/contract/model/hooks.js';
import { InvalidSettingsError } from '../../../src/contract/errors.js';
import type { Eraser } from '../../../src/contract/ports/erase.js';
import { ERASER } from '../../../src/contract/tokens.js';
import { resolveOptions } from '../../../src/contract/options/options.js';
import { Escalations } from '../../../src/jobs/after/escalations.js';
import { announcement, newOrder, taskCompleted } from '../../../src/types/shipped/index.js';
import { TidingsService } from '../../../src/module/tidings.service.js';
import { currentCall, inCall } from '../../../src/platform/call-context.js';
import { House, onBothBackends } from '../../guarantees/house.js';
import { eventually } from '../../support/eventually.js';

onBothBackends('Hooks', (backend) => {
  let house: House;
  let tidings: TidingsService;
  let eraser: Eraser;
  let escalations: Escalations;
  const appended: DeliveredNotification[] = [];
  /** The requests that the hooks for new notifications belong to. */
  const requests = new Map<string, string | undefined>();
  const read: ReadNotifications[] = [];
  const escalated: Escalated[] = [];
  let failures = 0;

  beforeAll(async () => {
    house = await House.open(backend);
    const instance = await house.start({
      hooks: {
        onAppended: (event) => {
          appended.push(event);
          requests.set(event.notification.title, currentCall()?.requestId);
          throw new Error('a hook that fails harms nobody');
        },
        onRead: (event) => void read.push(event),
      },
      escalations: [
        {
          name: 'mail',
          afterMs: 1_500,
          types: [taskCompleted],
          handler: (event) => {
            escalated.push(event);
            if (failures-- > 0) throw new Error('the mail server is away');
          },
        },
        {
          name: 'later',
          // No busy machine takes as long to erase a recipient.
          afterMs: 6_000,
          types: [announcement],
          handler: (event) => void escalated.push(event),
        },
        { name: 'orders', afterMs: 1, types: [newOrder], handler: () => expect(true).toBe(false) },
      ],
    });
    tidings = instance.app.get(TidingsService, { strict: false });
    eraser = instance.app.get<Eraser>(ERASER, { strict: false });
    escalations = instance.app.get(Escalations, { strict: false });
  }, 60_000);

  beforeEach(() => {
    appended.length = read.length = escalated.length = 0;
    failures = 0;
  });

  afterAll(() => house?.close(), 30_000);

  const send = (to: string, taskId: string, more: { expiresAt?: Date } = {}) =>
    tidings.notify(taskCompleted, { to, data: { taskId, title: taskId, status: 'succeeded' }, ...more });

  it('report each notification and each read once, also of one that expires', async () => {
    await send('ada', 'one');
    await send('ada', 'two', { expiresAt: new Date(Date.now() + 60_000) });
    await eventually(() => expect(appended).toHaveLength(2), { timeoutMs: 15_000 });
    expect(appended.map(({ feed, notification }) => [feed.recipient, notification.title]).sort()).toEqual([
      ['ada', 'one'],
      ['ada', 'two'],
    ]);
    const ids = appended.map(({ notification }) => notification.id);
    await tidings.markRead('ada', ids);
    await tidings.markRead('ada', ids);
    await eventually(() => expect(read).toHaveLength(1));
    expect(read[0]).toMatchObject({ feed: { recipient: 'ada' }, change: { type: 'feed.read', unread: 0 } });
  }, 30_000);

  it('escalate what stays unread, once, and ignore what was read', async () => {
    await send('bob', 'read');
    await eventually(() => expect(appended).toHaveLength(1), { timeoutMs: 15_000 });
    await tidings.markRead('bob', [appended[0]!.notification.id]);
    await send('bob', 'unread');
    await eventually(() => expect(escalated).toHaveLength(1), { timeoutMs: 20_000 });
    expect(escalated[0]).toMatchObject({
      feed: { recipient: 'bob' },
      notification: { title: 'unread' },
      attempt: 1,
    });
    expect(escalated[0]!.idempotencyKey).toMatch(/^esc-/);
  }, 60_000);

  it('escalate as new what came back from being snoozed, at its time or before, also if it expires', async () => {
    const expiresAt = new Date(Date.now() + 60_000);
    for (const title of ['early', 'due']) await send('kim', title, { expiresAt });
    await send('kim', 'lasting');
    const { items } = await eventually(
      async () => {
        const page = await tidings.page('kim');
        expect(page.items).toHaveLength(3);
        return page;
      },
      { timeoutMs: 15_000 },
    );
    const idOf = (title: string): string => items.find((item) => item.title === title)!.id;
    // Their first escalations find nothing, now or later.
    await tidings.snooze('kim', [idOf('early'), idOf('lasting')], new Date(Date.now() + 50_000));
    await tidings.snooze('kim', [idOf('due')], new Date(Date.now() + 500));
    await tidings.unsnooze('kim', [idOf('early'), idOf('lasting')]);
    await eventually(() => expect(escalated).toHaveLength(3), { timeoutMs: 20_000 });
    expect(escalated.map(({ notification }) => notification.id).sort()).toEqual(
      items.map(({ id }) => id).sort(),
    );
    const before = new Set(items.map(({ cursor }) => cursor));
    expect(escalated.filter(({ notification }) => before.has(notification.cursor))).toEqual([]);
  }, 60_000);

  it('call a failed handler again with the same key', async () => {
    failures = 1;
    await send('eve', 'again');
    await eventually(() => expect(escalated).toHaveLength(2), { timeoutMs: 30_000 });
    expect(escalated.map(({ attempt }) => attempt)).toEqual([1, 2]);
    expect(new Set(escalated.map(({ idempotencyKey }) => idempotencyKey)).size).toBe(1);
  }, 60_000);

  const announce = (to: string) => tidings.notify(announcement, { to, data: { title: 'Hello' } });

  it('forget an erased recipient in this queue, too, wherever the erasure is requested', async () => {
    const named = async (): Promise<number> => {
      const jobs = (await escalations.jobs.queue.getJobs()) as Job<{ to: string }>[];
      return jobs.filter(({ data }) => data.to === 'joe').length;
    };
    // Of a process that has no escalations itself.
    const other = await house.start({ roles: ['api'] });
    for (const each of [eraser, other.app.get<Eraser>(ERASER, { strict: false })]) {
      await announce('joe');
      await eventually(async () => expect(await named()).toBe(1), { timeoutMs: 15_000 });
      expect((await each.eraseRecipient({ tenant: '', recipient: 'joe' })).entries).toBe(1);
      expect(await named()).toBe(0);
    }
    // One that is escalated later tells that these were not.
    await announce('zoe');
    await eventually(() => expect(escalated.map(({ feed }) => feed.recipient)).toEqual(['zoe']), {
      timeoutMs: 20_000,
    });
  }, 60_000);

  it('report and escalate an announcement for those who took it, from then on', async () => {
    const { jobId } = await tidings.notify(taskCompleted, {
      to: { audience: 'all' },
      data: { taskId: 'a', title: 'announced', status: 'succeeded' },
    });
    expect(jobId).toBeTruthy();
    await tidings.page('una');
    await send('una', 'own');
    await tidings.notify(taskCompleted, {
      to: { audience: 'all' },
      data: { taskId: 'b', title: 'later', status: 'succeeded' },
    });
    await tidings.page('una');
    const ofUna = <Event extends DeliveredNotification>(events: readonly Event[]): string[] =>
      events.filter(({ feed }) => feed.recipient === 'una').map(({ notification }) => notification.title);
    await eventually(() => expect(ofUna(escalated).sort()).toEqual(['later', 'own']), { timeoutMs: 20_000 });
    expect(ofUna(appended).sort()).toEqual(['later', 'own']);
    // Nobody else has looked, and an audience is no recipient.
    expect(escalated.filter(({ feed }) => feed.recipient !== 'una')).toEqual([]);
    expect(appended.filter(({ feed }) => feed.recipient !== 'una')).toEqual([]);
  }, 60_000);

  it('are a part of the request that published, whichever requests share its batch', async () => {
    const titles = Array.from({ length: 30 }, (_, index) => `of r${index}`);
    await Promise.all(
      titles.map((title, index) => inCall({ requestId: `r${index}` }, () => send('cy', title))),
    );
    await eventually(() => expect(appended).toHaveLength(30), { timeoutMs: 15_000 });
    expect(titles.map((title) => requests.get(title))).toEqual(titles.map((_, index) => `r${index}`));
  }, 30_000);
});

it('rejects escalation rules of the same name, or without a time', () => {
  const rule = { name: 'mail', afterMs: 0, handler: () => {} };
  const options = { database: { url: 'postgres://x' }, types: [], roles: [], escalations: [rule, rule] };
  expect(() => resolveOptions(options)).toThrow(InvalidSettingsError);
  expect(() => resolveOptions(options)).toThrow(/escalations\[0\]\.afterMs[^]*escalations\[1\]\.name/);
});

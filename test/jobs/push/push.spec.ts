import { afterAll, afterEach, beforeAll, expect, it } from '@jest/globals';
import { createECDH } from 'node:crypto';
import type { Job } from 'bullmq';
import { z } from 'zod';
import { defineNotification } from '../../../src/contract/model/notification-type.js';
import { Escalations } from '../../../src/jobs/after/escalations.js';
import { TidingsService, type FeedOf } from '../../../src/index.js';
import { House, onBothBackends } from '../../guarantees/house.js';
import { eventually } from '../../support/eventually.js';
import { startPushService, type FakeBrowser, type PushService } from '../../support/push-service.js';

const STEP = { timeoutMs: 60_000 };

const letter = defineNotification('letter', {
  version: 1,
  schema: z.object({
    title: z.string(),
    body: z.string().optional(),
    link: z.string().optional(),
    image: z.string().optional(),
    severity: z.enum(['low', 'normal', 'high']).optional(),
  }),
  render: (content) => content,
});
const quiet = defineNotification('quiet', {
  version: 1,
  schema: z.object({}),
  render: () => ({ title: 'quiet' }),
});

onBothBackends('Web Push', (backend) => {
  const curve = createECDH('prime256v1');
  const push = {
    subject: 'mailto:ops@example.com',
    publicKey: curve.generateKeys('base64url'),
    privateKey: Buffer.concat([Buffer.alloc(32), curve.getPrivateKey()])
      .subarray(-32)
      .toString('base64url'),
    afterMs: 1,
    types: [letter],
    allowLoopback: true,
  };
  let house: House;
  let service: PushService;
  let tidings: TidingsService;
  let escalations: Escalations;

  beforeAll(async () => {
    service = await startPushService();
    house = await House.open(backend);
    const { app } = await house.start({ types: [letter, quiet], push });
    tidings = app.get(TidingsService, { strict: false });
    escalations = app.get(Escalations, { strict: false });
  }, 60_000);
  afterEach(() => escalations.jobs.queue.resume());
  afterAll(async () => {
    await house?.close();
    await service?.close();
  }, 30_000);

  const subscribe = async (feed: FeedOf): Promise<FakeBrowser> => {
    const browser = service.browser();
    await tidings.subscribePush(feed, browser.subscription);
    return browser;
  };
  const send = (to: string, title: string, more: object = {}, content: object = {}) =>
    tidings.notify(letter, { to, data: { title, ...content }, ...more });
  /** The outcomes of a recipient's escalations, once they all have one. */
  const outcomes = (to: string, count: number): Promise<unknown[]> =>
    eventually(async () => {
      const jobs = (await escalations.jobs.queue.getJobs(['completed'])) as Job<{ to: string }>[];
      const own = jobs.filter(({ data }) => data.to === to);
      expect(own).toHaveLength(count);
      return own.map(({ returnvalue }) => (returnvalue as { outcome: unknown }).outcome);
    }, STEP);
  const titles = ({ received }: FakeBrowser): unknown[] =>
    received.map(({ payload }) => (payload['tidings'] as { title: string }).title);
  const got = (browser: FakeBrowser, ...expected: string[]): Promise<void> =>
    eventually(() => expect(titles(browser)).toEqual(expected), STEP);
  const stored = async (recipient: string): Promise<number> =>
    (await tidings.pushState(recipient)).subscriptions.length;

  it('delivers to every browser of the recipient, encrypted and signed, and to nobody else', async () => {
    const [laptop, phone, other] = [await subscribe('ada'), await subscribe('ada'), await subscribe('bob')];
    const content = { body: 'It is ready.', link: '/exports/7', image: '/a.png', severity: 'high' };
    const expiresAt = new Date(Date.now() + 3_600_000);
    await send('ada', 'Export', { expiresAt, collapseKey: 'exports' }, content);
    await got(laptop, 'Export');
    await got(phone, 'Export');
    const [{ payload, headers, vapid, key, bytes }] = laptop.received as [FakeBrowser['received'][0]];
    const { id } = (await tidings.page('ada')).items[0]!;
    const topic = headers['topic'] as string;
    expect(topic).toMatch(/^[\w-]{32}$/);
    expect(payload).toEqual({ tidings: { id, tag: topic, title: 'Export', ...content } });
    expect(headers).toMatchObject({ urgency: 'high', 'content-encoding': 'aes128gcm' });
    expect(Number(headers['ttl'])).toBeGreaterThan(3_000);
    expect(Number(headers['ttl'])).toBeLessThanOrEqual(3_600);
    expect([vapid.aud, vapid.sub, key]).toEqual([service.origin, push.subject, push.publicKey]);
    expect(vapid.exp * 1_000 - Date.now()).toBeLessThanOrEqual(24 * 3_600_000);
    expect(bytes).toBeLessThanOrEqual(4_096);
    expect(other.received).toEqual([]);
  }, 90_000);

  it('keeps unimportant messages for a day, and others for a week, without a topic', async () => {
    const browser = await subscribe('lea');
    await send('lea', 'low', {}, { severity: 'low' });
    await got(browser, 'low');
    await send('lea', 'normal');
    await got(browser, 'low', 'normal');
    expect(
      browser.received.map(({ headers }) => [headers['ttl'], headers['urgency'], headers['topic']]),
    ).toEqual([
      ['86400', 'low', undefined],
      ['604800', 'normal', undefined],
    ]);
  }, 90_000);

  it('leaves alone what was seen on any device or read before the time, and other types', async () => {
    const browser = await subscribe('eve');
    await escalations.jobs.queue.pause();
    await send('eve', 'seen');
    await send('eve', 'read');
    await tidings.notify(quiet, { to: 'eve', data: {} });
    const { cursor } = await eventually(async () => {
      const page = await tidings.page('eve');
      expect(page.items).toHaveLength(3);
      return page;
    }, STEP);
    await tidings.markSeen('eve', { upTo: cursor });
    await send('eve', 'later');
    const { items } = await tidings.page('eve');
    await tidings.markRead('eve', [items.find(({ title }) => title === 'read')!.id]);
    await escalations.jobs.queue.resume();
    await got(browser, 'later');
    expect((await outcomes('eve', 3)).sort()).toEqual(['escalated', 'left', 'left']);
    expect(titles(browser)).toEqual(['later']);
  }, 90_000);

  it('removes a browser that its push service does not know any more', async () => {
    const [dead, alive] = [await subscribe('dan'), await subscribe('dan')];
    dead.answers.push(410);
    await send('dan', 'one');
    await got(alive, 'one');
    await eventually(async () => expect(await stored('dan')).toBe(1), STEP);
    await send('dan', 'two');
    await got(alive, 'one', 'two');
    expect(titles(dead)).toEqual(['one']);
    expect((await outcomes('dan', 2)).sort()).toEqual(['escalated', 'escalated']);
  }, 90_000);

  it('tries again only where it failed: after 500 and 429, not after 400', async () => {
    const browsers = [];
    for (let count = 0; count < 4; count++) browsers.push(await subscribe('tom'));
    const [fine, broken, busy, refused] = browsers as [FakeBrowser, FakeBrowser, FakeBrowser, FakeBrowser];
    broken.answers.push(500);
    busy.answers.push(429);
    refused.answers.push(400);
    await send('tom', 'again');
    const later = await eventually(async () => {
      const jobs = (await escalations.jobs.queue.getDelayed()) as Job<{ to: string }>[];
      const [job] = jobs.filter(({ data, attemptsStarted }) => data.to === 'tom' && attemptsStarted > 0);
      expect(job).toBeDefined();
      return job!;
    }, STEP);
    // By now it may be due by itself.
    await later.promote().catch(() => {});
    for (const browser of [broken, busy]) await got(browser, 'again', 'again');
    expect(await outcomes('tom', 1)).toEqual(['escalated']);
    expect([titles(fine), titles(refused)]).toEqual([['again'], ['again']]);
    const rows = await house.sql<{ failing: boolean }>(
      "SELECT failing_since IS NOT NULL AS failing FROM tidings.push_subscription WHERE recipient = 'tom' ORDER BY 1",
    );
    // What was refused is removed once it has been refused for a week.
    expect(rows.map(({ failing }) => failing)).toEqual([false, false, false, true]);
    await house.sql(
      "UPDATE tidings.push_subscription SET failing_since = now() - interval '8 days' WHERE failing_since IS NOT NULL",
    );
    refused.answers.push(400);
    await send('tom', 'last');
    await eventually(async () => expect(await stored('tom')).toBe(3), STEP);
  }, 120_000);

  it('sends nothing to the browsers of an erased recipient', async () => {
    const [browser, sibling] = [await subscribe('joe'), await subscribe('zoe')];
    await escalations.jobs.queue.pause();
    await send('joe', 'erased');
    await send('zoe', 'kept');
    await tidings.erase('joe');
    expect(await stored('joe')).toBe(0);
    // One who comes back has another feed, and no browser.
    await send('joe', 'afterwards');
    await escalations.jobs.queue.resume();
    await got(sibling, 'kept');
    expect(await outcomes('joe', 0)).toEqual([]);
    expect(browser.received).toEqual([]);

    const [mine, theirs] = [await subscribe({ tenant: 'a', recipient: 'joe' }), await subscribe('joe')];
    await tidings.eraseTenant('a');
    expect(await stored('joe')).toBe(1);
    const left = await house.sql("SELECT 1 FROM tidings.push_subscription WHERE tenant = 'a'");
    expect([left, mine.received, theirs.received]).toEqual([[], [], []]);
  }, 90_000);

  it('cuts a long body between characters, so that what is sent stays within 4 KB', async () => {
    const browser = await subscribe('ben');
    const body = '🙂"é\n'.repeat(3_000);
    const link = `/${'x'.repeat(2_000)}`;
    await send('ben', '🙂'.repeat(1_000), {}, { body, link, image: link });
    await eventually(() => expect(browser.received).toHaveLength(1), STEP);
    const [{ bytes, payload }] = browser.received as [FakeBrowser['received'][0]];
    const shown = payload['tidings'] as Record<string, string>;
    expect(bytes).toBeLessThanOrEqual(4_096);
    expect(bytes).toBeGreaterThan(4_080);
    for (const [text, whole] of [
      [shown['title']!, '🙂'.repeat(1_000)],
      [shown['body']!, body],
    ] as const) {
      expect(text.isWellFormed()).toBe(true);
      expect(text.endsWith('…')).toBe(true);
      expect(whole.startsWith(text.slice(0, -1))).toBe(true);
    }
    // A link that is cut leads elsewhere.
    expect(Object.keys(shown).sort()).toEqual(['body', 'id', 'tag', 'title']);
  }, 90_000);
});

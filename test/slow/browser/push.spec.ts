import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer, request, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { dirname, join } from 'node:path';
import type { BrowserContext, CDPSession, Page, Worker } from 'playwright-core';
import { z } from 'zod';
import { vapidCommand } from '../../../src/cli/vapid.js';
import { defineNotification, TidingsService } from '../../../src/index.js';
import { House, token } from '../../guarantees/house.js';
import { startChromium } from '../../support/chromium.js';
import { eventually } from '../../support/eventually.js';
import { startPushService, type FakeBrowser, type PushService } from '../../support/push-service.js';
import { buildService, killServices } from '../../support/service.js';
import { describeWith } from '../../support/tools.js';

const STEP = { timeoutMs: 60_000 };

const letter = defineNotification('letter', {
  version: 1,
  schema: z.object({ title: z.string(), link: z.string().optional() }),
  render: ({ title, link }) => ({ title, body: 'It is here.', link }),
});

/** What Chromium asks Google for: tests have no way there. */
const PUSH_MANAGER = `(subscription) => {
  let current = null;
  const bytes = (text) => Uint8Array.from(atob(text.replace(/-/g, '+').replace(/_/g, '/')), (one) => one.charCodeAt(0)).buffer;
  PushManager.prototype.getSubscription = async () => current;
  PushManager.prototype.subscribe = async ({ applicationServerKey, userVisibleOnly }) => {
    if (!userVisibleOnly || current) throw new Error('not as a browser wants it');
    return (current = {
      endpoint: subscription.endpoint,
      options: { applicationServerKey: bytes(applicationServerKey) },
      toJSON: () => ({ ...subscription, expirationTime: null }),
      unsubscribe: async () => ((current = null), true),
    });
  };
}`;

interface Shown {
  readonly title: string;
  readonly body: string;
  readonly tag: string;
}

describeWith('chromium', 'Web Push in Chromium', () => {
  let house: House;
  let service: PushService;
  let subscribed: FakeBrowser;
  let tidings: TidingsService;
  let application: Server;
  let origin: string;
  let browser: BrowserContext;
  let page: Page;
  let cdp: CDPSession;
  let registrationId: string;

  beforeAll(async () => {
    const dist = dirname(await buildService());
    const lines: string[] = [];
    await vapidCommand({}, [], (line) => lines.push(line));
    const key = (name: string): string => lines.find((line) => line.includes(`${name}_KEY=`))!.split('=')[1]!;
    service = await startPushService();
    house = await House.open('Postgres');
    const { app, origin: api } = await house.start({
      types: [letter],
      push: {
        subject: 'mailto:ops@example.com',
        publicKey: key('PUBLIC'),
        privateKey: key('PRIVATE'),
        afterMs: 1,
        allowLoopback: true,
      },
    });
    tidings = app.get(TidingsService, { strict: false });
    application = createServer((incoming, response) => {
      const path = incoming.url!;
      if (path.startsWith('/v1/')) {
        const { method, headers } = incoming;
        incoming.pipe(
          request(`${api}${path}`, { method, headers }, (answer) => {
            response.writeHead(answer.statusCode!, answer.headers);
            answer.pipe(response);
          }),
        );
        return;
      }
      const script = path.endsWith('.js');
      response.setHeader('content-type', script ? 'text/javascript' : 'text/html');
      response.end(
        script
          ? readFileSync(join(dist, path.startsWith('/element/') ? 'browser' : 'browser/push', path))
          : '<!doctype html><title>application</title><link rel="icon" href="data:," />',
      );
    });
    application.listen(0, '127.0.0.1');
    await once(application, 'listening');
    origin = `http://127.0.0.1:${(application.address() as AddressInfo).port}`;
    browser = await startChromium();
    await browser.grantPermissions(['notifications'], { origin });
    subscribed = service.browser();
    page = await browser.newPage();
    cdp = await browser.newCDPSession(page);
    cdp.on('ServiceWorker.workerRegistrationUpdated', ({ registrations }) => {
      registrationId = registrations.at(-1)?.registrationId ?? registrationId;
    });
    await cdp.send('ServiceWorker.enable');
    await page.goto(`${origin}/`);
    await page.evaluate(`(${PUSH_MANAGER})(${JSON.stringify(subscribed.subscription)})`);
    await page.evaluate(
      `(async () => {
        const { createPush } = await import('/index.js');
        globalThis.push = createPush({ getToken: () => ${JSON.stringify(await token('ada'))}, serviceWorker: '/service-worker.js' });
      })()`,
    );
  }, 300_000);

  afterAll(async () => {
    await browser?.close();
    application?.closeAllConnections();
    application?.close();
    await house?.close();
    await service?.close();
    await killServices();
  }, 60_000);

  const call = (method: string): Promise<unknown> => page.evaluate(`push.${method}()`);
  const shown = (): Promise<Shown[]> =>
    page.evaluate(`navigator.serviceWorker.ready
      .then((registration) => registration.getNotifications())
      .then((all) => all.map(({ title, body, tag }) => ({ title, body, tag })))`);
  /** Hands the last message of the push service to the browser, as Google's would. */
  const deliver = async (): Promise<void> => {
    const data = JSON.stringify(subscribed.received.at(-1)!.payload);
    await cdp.send('ServiceWorker.deliverPushMessage', { origin, registrationId, data });
  };
  /** The protocol says nothing about a message that a worker which is only starting does not get. A repetition is shown once. */
  const deliverUntil = (isShown: () => Promise<void>): Promise<void> =>
    eventually(async () => {
      await deliver();
      await eventually(isShown, { timeoutMs: 3_000 });
    }, STEP);
  const send = async (title: string, link?: string): Promise<string> => {
    const before = subscribed.received.length;
    await tidings.notify(letter, { to: 'ada', data: { title, link } });
    await eventually(() => expect(subscribed.received).toHaveLength(before + 1), STEP);
    return (await tidings.page('ada')).items[0]!.id;
  };
  const isRead = (id: string): Promise<void> =>
    eventually(async () => {
      const { items } = await tidings.page('ada');
      expect(items.find((item) => item.id === id)!.readAt).not.toBeNull();
    }, STEP);
  const worker = (): Worker => browser.serviceWorkers().at(-1)!;
  /** No protocol clicks a notification of the system. Such an event may not open windows, so that the test notes which one it would. */
  const click = async (tag: string): Promise<string[]> =>
    worker().evaluate(`(async () => {
      const opened = [];
      const done = new Promise((resolve) => {
        clients.openWindow = async (url) => resolve(opened.push('open ' + url));
        WindowClient.prototype.focus = async function () { resolve(opened.push('focus ' + this.url)); };
      });
      const [notification] = (await registration.getNotifications()).filter((one) => one.tag === ${JSON.stringify(tag)});
      dispatchEvent(new NotificationEvent('notificationclick', { notification }));
      await done;
      return opened;
    })()`);

  it('subscribes, and says so from then on', async () => {
    expect(await call('state')).toBe('off');
    expect(await call('subscribe')).toBe('on');
    expect(await call('state')).toBe('on');
    expect((await tidings.pushState('ada')).subscriptions).toHaveLength(1);
  }, 60_000);

  it('shows a message, opens its link once it is clicked, and marks it as read', async () => {
    const id = await send('A letter', '/letters/1');
    const isShown = async (): Promise<void> =>
      expect(await shown()).toEqual([{ title: 'A letter', body: 'It is here.', tag: id }]);
    await deliverUntil(isShown);
    // A repetition of the same message does not show it twice.
    await deliver();
    await isShown();
    expect(await click(id)).toEqual([`open ${origin}/letters/1`]);
    await isRead(id);
    await eventually(async () => expect(await shown()).toEqual([]), STEP);
  }, 90_000);

  it('focuses a page of the application without a link, and marks it as read when a page opens if there was none', async () => {
    const id = await send('No link');
    await deliverUntil(async () => expect(await shown()).toHaveLength(1));
    await call('close');
    expect(await click(id)).toEqual([`focus ${origin}/`]);
    expect((await tidings.page('ada')).items[0]).toMatchObject({ id, readAt: null });
    await page.evaluate(
      `import('/index.js').then(({ createPush }) => {
        globalThis.push = createPush({ getToken: async () => ${JSON.stringify(await token('ada'))}, serviceWorker: '/service-worker.js' });
      })`,
    );
    await isRead(id);
  }, 90_000);

  it('ignores messages that are not of Tidings, and links that are not safe', async () => {
    const pushed = { id: 'x', title: 'Evil', tag: 'x', link: 'javascript:alert(1)', image: 'javascript:1' };
    await eventually(async () => {
      for (const data of ['{"other":1}', 'no JSON', JSON.stringify({ tidings: pushed })])
        await cdp.send('ServiceWorker.deliverPushMessage', { origin, registrationId, data });
      await eventually(async () => expect((await shown()).map(({ title }) => title)).toContain('Evil'), {
        timeoutMs: 3_000,
      });
    }, STEP);
    expect((await shown()).map(({ title }) => title)).toEqual(['Evil']);
    expect(await click('x')).toEqual([`focus ${origin}/`]);
  }, 60_000);

  it('is turned off and on by the switch of the bell', async () => {
    await page.evaluate(
      `import('/element/index.js').then(({ createFeed }) => {
        const bell = Object.assign(document.createElement('tidings-bell'), { push });
        bell.feed = createFeed({ getToken: () => ${JSON.stringify(await token('ada'))} });
        document.body.append(bell);
      })`,
    );
    await page.getByRole('button', { name: 'Notifications' }).click();
    await page.getByRole('button', { name: 'More' }).click();
    await page.getByRole('menuitem', { name: 'Preferences' }).click();
    const toggle = page.getByRole('switch', { name: 'Notifications on this device' });
    for (const [from, to] of [
      ['true', 'false'],
      ['false', 'true'],
    ] as const) {
      await eventually(async () => expect(await toggle.getAttribute('aria-checked')).toBe(from), STEP);
      await toggle.click();
      await eventually(async () => {
        const shown = await Promise.all(
          ['aria-checked', 'aria-busy'].map((name) => toggle.getAttribute(name)),
        );
        expect(shown).toEqual([to, null]);
      }, STEP);
      expect((await tidings.pushState('ada')).subscriptions).toHaveLength(to === 'true' ? 1 : 0);
    }
  }, 60_000);

  it('unsubscribes on the server, too', async () => {
    expect(await call('unsubscribe')).toBe('off');
    expect((await tidings.pushState('ada')).subscriptions).toEqual([]);
  }, 60_000);
});

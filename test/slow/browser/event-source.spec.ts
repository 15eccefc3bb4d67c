import { afterAll, afterEach, beforeAll, expect, it } from '@jest/globals';
import { once } from 'node:events';
import { createServer, type IncomingMessage } from 'node:http';
import type { BrowserContext } from 'playwright-core';
import { startChromium, startPageServer } from '../../support/chromium.js';
import { COOKIE, Deployment } from '../../support/deployment.js';
import { followInPage, openBlankPage } from '../../support/event-source.js';
import { eventually } from '../../support/eventually.js';
import { surviveRestarts } from '../../support/restarts.js';
import { buildService, killServices } from '../../support/service.js';
import { describeWith } from '../../support/tools.js';

const STEP = { timeoutMs: 60_000 };

describeWith('chromium', "a client made of nothing but Chromium's EventSource", () => {
  let browser: BrowserContext;
  let deployment: Deployment;

  beforeAll(async () => {
    await buildService();
    browser = await startChromium();
  }, 240_000);
  afterEach(async () => {
    await Promise.all(browser.pages().map((page) => page.close()));
    await killServices();
    await deployment.close();
  });
  afterAll(() => browser?.close());

  const signIn = (origin: string, value: string): Promise<void> =>
    browser.addCookies([{ name: COOKIE, value, url: origin }]);

  async function survives(backend: 'postgres' | 'redis', restarts: number): Promise<void> {
    deployment = await Deployment.open(backend);
    const { sent, log, kept } = await surviveRestarts(deployment, restarts, async (origin, token) => {
      await signIn(origin, token);
      return followInPage(browser, origin, origin);
    });
    expect(log.received).toEqual(kept);
    expect(kept.map(({ taskId }) => Number(taskId)).sort((a, b) => a - b)).toEqual(sent.map(Number));
    expect(log.opened).toBeGreaterThan(restarts);
    expect(log.control.filter((frame) => frame.startsWith('feed.reset'))).toEqual([]);
  }

  it('delivers each entry once, in order, over ten restarts of the server while jobs keep coming, on Postgres', async () => {
    await survives('postgres', 10);
  }, 600_000);

  describeWith('redis-server', 'EventSource on Redis', () => {
    it('delivers each entry once, in order, over two restarts', async () => {
      await survives('redis', 2);
    }, 300_000);
  });

  it('needs eight lines: notifications by their type or as messages, from another origin with the cookie', async () => {
    deployment = await Deployment.open('postgres');
    const application = await startPageServer();
    const server = await deployment.start({ CORS_ORIGINS: application.origin });
    await signIn(server.origin, await deployment.token('ada'));
    const page = await browser.newPage();
    await page.goto(application.origin);
    await page.evaluate(`
      window.seen = [];
      const url = ${JSON.stringify(`${server.origin}/v1/stream`)};
      const es = new EventSource(url + '?as=message', { withCredentials: true });
      es.onmessage = ({ data }) => seen.push('message: ' + JSON.parse(data).title);
      const typed = new EventSource(url, { withCredentials: true });
      typed.addEventListener('task-completed', ({ data }) => seen.push('task-completed: ' + JSON.parse(data).title));
      typed.onmessage = () => seen.push('no notification has no type');
      for (const source of [es, typed]) source.addEventListener('feed.ready', () => seen.push('ready'));
    `);
    const seen = (): Promise<string[]> => page.evaluate<string[]>('seen');
    await eventually(async () => expect(await seen()).toEqual(['ready', 'ready']), STEP);
    await deployment.add('ada', 'export');
    await eventually(async () => expect(await seen()).toHaveLength(4), STEP);
    expect((await seen()).slice(2).sort()).toEqual(['message: Task export', 'task-completed: Task export']);
    await application.close();
  }, 200_000);

  it('resumes after an entry of which it got only the id', async () => {
    deployment = await Deployment.open('postgres');
    const server = await deployment.start();
    await signIn(server.origin, await deployment.token('ada'));
    await deployment.add('ada', 'shown');
    const kept = async (): Promise<number> =>
      (await deployment.sql('SELECT FROM tidings.entry').catch(() => [])).length;
    await eventually(async () => (await kept()) === 1, STEP);
    await deployment.add('ada', 'expired');
    await eventually(async () => (await kept()) === 2, STEP);
    await deployment.sql(
      `UPDATE tidings.entry SET expires_at = now() - interval '1 s' WHERE data->>'taskId' = 'expired'`,
    );

    const page = await browser.newPage();
    await openBlankPage(page, server.origin);
    await page.evaluate(`
      window.seen = [];
      const es = new EventSource('/v1/stream?as=message&lastEventId=0');
      es.onmessage = ({ data, lastEventId }) => seen.push([JSON.parse(data).title, lastEventId]);
    `);
    const seen = (): Promise<[string, string][]> => page.evaluate<[string, string][]>('seen');
    await eventually(async () => expect(await seen()).toHaveLength(1), STEP);
    const [[title, place]] = (await seen()) as [[string, string]];
    expect([title, place]).toEqual(['Task shown', expect.stringMatching(/-1$/) as unknown]);
    // Without a last word, which would have an id of its own. Who listens in its place is asked for what is next.
    await server.stop('SIGKILL');
    const successor = createServer((_, response) => response.end());
    const asked = once(successor, 'request') as Promise<[IncomingMessage]>;
    successor.listen(Number(new URL(server.origin).port), '127.0.0.1');
    const [request] = await asked;
    expect(request.headers['last-event-id']).toBe(place.replace(/-1$/, '-2'));
    await page.close();
    successor.close();
  }, 200_000);
});

import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { BrowserContext } from 'playwright-core';
import { startChromium } from '../../support/chromium.js';
import { COOKIE, Deployment } from '../../support/deployment.js';
import { eventually } from '../../support/eventually.js';
import { buildService, killServices } from '../../support/service.js';
import { describeWith } from '../../support/tools.js';

const STEP = { timeoutMs: 30_000 };

describeWith('chromium', '<tidings-bell url> against the service', () => {
  let browser: BrowserContext;
  let deployment: Deployment;
  let element = '';

  beforeAll(async () => {
    element = readFileSync(join(dirname(await buildService()), 'browser/element/index.js'), 'utf8');
    deployment = await Deployment.open('postgres');
    browser = await startChromium();
    browser.setDefaultTimeout(20_000);
  }, 300_000);
  afterAll(async () => {
    await browser?.close();
    await killServices();
    await deployment?.close();
  });

  it('works with one script tag and the cookie: live, read on both devices, and over a restart', async () => {
    const server = await deployment.start();
    const { origin } = server;
    await browser.addCookies([{ name: COOKIE, value: await deployment.token('ada'), url: origin }]);
    // The application is of the service's origin; its page and the script are ours.
    const open = async () => {
      const page = await browser.newPage();
      const html = `<!doctype html><title>application</title><script type="module" src="/tidings-element.js"></script>
        <tidings-bell id="bell" url="${origin}" connection="alone"></tidings-bell>
        <tidings-toasts id="toasts" url="${origin}" connection="alone" duration="0"></tidings-toasts>`;
      await page.route(`${origin}/app`, (route) => route.fulfill({ contentType: 'text/html', body: html }));
      await page.route(`${origin}/tidings-element.js`, (route) =>
        route.fulfill({ contentType: 'text/javascript', body: element }),
      );
      await page.goto(`${origin}/app`);
      return page;
    };
    const [here, there] = [await open(), await open()];
    const badge = (page: typeof here): Promise<string> => page.locator('.badge').innerText();
    await deployment.add('ada', 'one', 'two');
    for (const page of [here, there]) await eventually(async () => expect(await badge(page)).toBe('2'), STEP);
    const isShared = `document.getElementById('bell').feed === document.getElementById('toasts').feed`;
    expect(await here.evaluate(isShared)).toBe(true);
    // Both windows are visible, and each of the two has had the time to show them.
    await there.waitForTimeout(600);
    const toasts = await Promise.all(
      [here, there].map((page) => page.locator('.toast .title').allTextContents()),
    );
    expect(toasts.flat().sort()).toEqual(['Task one', 'Task two']);
    await here.locator('.bell').click();
    await here.locator('.row .toggle').first().click();
    await there.locator('.bell').click();
    await eventually(async () => expect(await there.locator('.row.unread').count()).toBe(1), STEP);
    await here.locator('.row').last().hover();
    await here.locator('.row .archive').last().click();
    await eventually(async () => expect(await there.locator('.row').count()).toBe(1), STEP);
    await server.stop('SIGTERM');
    await here.getByText('Connection lost.').first().waitFor();
    await deployment.add('ada', 'meanwhile');
    await deployment.start({ PORT: new URL(origin).port });
    for (const page of [here, there]) {
      await eventually(async () => expect(await page.locator('.row').count()).toBe(2), STEP);
      expect(await page.locator('.row .title').first().innerText()).toBe('Task meanwhile');
      await eventually(async () => expect(await page.locator('.notice').isVisible()).toBe(false), STEP);
    }
  }, 180_000);
});

import { afterAll, beforeAll, expect, it, jest } from '@jest/globals';
import type { BrowserContext, Locator, Page } from 'playwright-core';
import { startChromium } from '../support/chromium.js';
import { eventually } from '../support/eventually.js';
import { createTestDatabase, type TestDatabase } from '../support/postgres.js';
import { buildService, killServices, startService, type ServiceProcess } from '../support/service.js';
import { describeWith } from '../support/tools.js';

// Processes start, and on a busy machine that takes a while.
jest.setTimeout(120_000);

describeWith('chromium', 'the demo page in Chromium', () => {
  let database: TestDatabase;
  let service: ServiceProcess;
  let browser: BrowserContext;
  let page: Page;
  const complaints: string[] = [];

  beforeAll(async () => {
    await buildService();
    database = await createTestDatabase();
    service = await startService({ DATABASE_URL: database.url });
    browser = await startChromium();
    page = await browser.newPage();
    page.on('pageerror', (error) => complaints.push(error.message));
    // Also what the content security policy refuses.
    page.on('console', (message) => {
      const lost = /ERR_CONNECTION_REFUSED|ERR_INCOMPLETE_CHUNKED_ENCODING/.test(message.text());
      if (message.type() === 'error' && !lost) complaints.push(message.text());
    });
    await page.goto(`${service.origin}/demo`);
  }, 180_000);
  afterAll(async () => {
    await browser.close();
    await service.stop();
    await killServices();
    await database.drop();
  });

  const panel = (name: string): Locator =>
    page.locator('.panel', { has: page.locator('h2', { hasText: name }) });
  const press = (name: string, button: string): Promise<void> =>
    panel(name).locator('button', { hasText: button }).click();
  const count = (name: string): Promise<number> => panel(name).locator('.items li').count();
  const state = (name: string): Promise<string | null> => panel(name).locator('.state').textContent();
  const live = (name: string): Promise<boolean> =>
    eventually(async () => (await state(name)) === 'live', { timeoutMs: 60_000 });

  it('shows each user what was published to them and to nobody else, as text and as raw frames', async () => {
    await live('ada');
    await live('grace');
    await press('ada', 'Finish a task');
    await press('ada', 'Place an order');
    await eventually(async () => (await count('ada')) === 2);
    expect(await panel('ada').locator('.unread').textContent()).toBe('2');
    expect(await panel('ada').locator('.frames').textContent()).toMatch(
      /event: task-completed\s*id: \w+-1\s*data: \{"type":"task-completed"/,
    );
    expect(await count('grace')).toBe(0);
  });

  it('brings a user who was offline everything once, in order', async () => {
    await press('grace', 'Go offline');
    for (let order = 0; order < 3; order++) {
      const answered = page.waitForResponse((response) => response.url().endsWith('/v1/notifications'));
      await press('grace', 'Place an order');
      expect((await answered).status()).toBe(202);
    }
    expect(await count('grace')).toBe(0);
    await press('grace', 'Go online');
    await eventually(async () => (await count('grace')) === 3);
    const lines = await panel('grace').locator('.items li').all();
    const places = await Promise.all(lines.map((line) => line.getAttribute('data-place')));
    expect(places).toEqual(['3', '2', '1']);
  });

  it('comes back by itself when the service was restarted', async () => {
    const { port } = new URL(service.origin);
    const { dataDir } = service;
    await service.stop();
    await eventually(async () => (await state('ada')) !== 'live');
    service = await startService({ DATABASE_URL: database.url, TIDINGS_DATA_DIR: dataDir, PORT: port });
    await live('ada');
    const before = await count('ada');
    await press('ada', 'Finish a task');
    await eventually(async () => (await count('ada')) === before + 1);
  });

  it('fits a telephone', async () => {
    await page.setViewportSize({ width: 360, height: 700 });
    const wider = await page.evaluate('document.documentElement.scrollWidth > innerWidth');
    expect(wider).toBe(false);
  });

  it('broke no rule of its own content security policy and no script', () => {
    expect(complaints).toEqual([]);
  });
});

import { afterAll, beforeAll, expect, it } from '@jest/globals';
import type { BrowserContext, Locator, Page } from 'playwright-core';
import { startChromium } from '../support/chromium.js';
import { buildService, killServices, spawnService } from '../support/service.js';
import { describeWith } from '../support/tools.js';

describeWith('chromium', 'the demo page in Chromium', () => {
  let browser: BrowserContext;
  let page: Page;
  const problems: string[] = [];

  beforeAll(async () => {
    await buildService();
    const service = await spawnService();
    await service.says(/listens on http/, 60_000);
    browser = await startChromium();
    browser.setDefaultTimeout(20_000);
    page = await browser.newPage();
    page.on('console', (message) => {
      if (message.type() === 'error') problems.push(message.text());
    });
    page.on('pageerror', (error) => problems.push(String(error)));
    await page.goto(`${service.origin}/demo`);
  }, 300_000);

  afterAll(async () => {
    await browser?.close();
    await killServices();
  });

  const panel = (user: string): Locator =>
    page.locator('.panel', { has: page.getByText(user, { exact: true }) });
  const items = (user: string): Locator => panel(user).getByRole('listitem');
  const untilItems = (user: string, count: number): Promise<void> =>
    items(user)
      .nth(count - 1)
      .waitFor();

  it('shows a live notification to the user for whom a button was pressed, and to nobody else', async () => {
    for (const [before, user] of ['ada', 'grace'].entries()) {
      await panel(user).getByText('live', { exact: true }).waitFor();
      await panel(user).getByRole('button', { name: 'Finish a task' }).click();
      await untilItems(user, 1);
      await panel(user).getByRole('button', { name: 'Place an order' }).click();
      await untilItems(user, 2);
      expect(await panel(user).locator('.unread').textContent()).toBe('2');
      expect(await panel(user).locator('.frames').textContent()).toContain('event: new-order');
      expect(await items('ada').count()).toBe(2);
      expect(await items('grace').count()).toBe(before * 2);
    }
    expect(problems).toEqual([]);
  }, 120_000);

  it('shows what was missed, once, when a user comes back online', async () => {
    await panel('ada').getByRole('button', { name: 'Go offline' }).click();
    await panel('ada').getByText('offline', { exact: true }).waitFor();
    await panel('ada').getByRole('button', { name: 'Finish a task' }).click();
    await panel('ada').getByRole('button', { name: 'Place an order' }).click();
    // Of another feed, and later: by now those of ada are on their way.
    await panel('grace').getByRole('button', { name: 'Finish a task' }).click();
    await untilItems('grace', 3);
    expect(await items('ada').count()).toBe(2);
    await panel('ada').getByRole('button', { name: 'Go online' }).click();
    await untilItems('ada', 4);
    await panel('ada').getByRole('button', { name: 'Place an order' }).click();
    await untilItems('ada', 5);
    expect(await items('ada').count()).toBe(5);
    expect(await panel('ada').locator('.unread').textContent()).toBe('5');
    expect(problems).toEqual([]);
  }, 120_000);
});

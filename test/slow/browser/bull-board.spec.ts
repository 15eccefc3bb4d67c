import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { chromium, type Browser } from 'playwright-core';
import { findTool } from '../../support/find-tool.js';
import { createMigratedDatabase, type TestDatabase } from '../../support/postgres.js';
import { freePort } from '../../support/ports.js';
import { buildService, killServices, startService } from '../../support/service.js';
import { describeWith } from '../../support/tools.js';

describeWith('chromium', 'Bull Board in Chromium', () => {
  const ADMIN_KEY = 'admin-key-number-1';
  let database: TestDatabase;
  let browser: Browser;
  let admin: string;

  beforeAll(async () => {
    await buildService();
    database = await createMigratedDatabase();
    admin = `http://127.0.0.1:${await freePort()}`;
    await startService({
      NODE_ENV: 'production',
      DATABASE_URL: database.url,
      HOST: '127.0.0.1',
      AUTH_JWT_SECRET: 'a-secret-of-at-least-32-bytes-for-HS256',
      ADMIN_API_KEYS: ADMIN_KEY,
      TIDINGS_ADMIN_PORT: new URL(admin).port,
      TIDINGS_BULL_BOARD: 'read-only',
    });
    browser = await chromium.launch({ executablePath: findTool('chromium')!, args: ['--no-sandbox'] });
  }, 300_000);
  afterAll(async () => {
    await browser?.close();
    await killServices();
    await database?.drop();
  });

  it('shows the queue under the policy of its page, with nothing from elsewhere', async () => {
    const context = await browser.newContext({ httpCredentials: { username: 'admin', password: ADMIN_KEY } });
    const page = await context.newPage();
    page.setDefaultTimeout(60_000);
    const problems: string[] = [];
    const elsewhere: string[] = [];
    page.on('console', (message) => {
      if (message.type() === 'error') problems.push(message.text());
    });
    page.on('pageerror', (error) => problems.push(String(error)));
    page.on('response', (response) => {
      if (!response.url().startsWith(admin)) elsewhere.push(response.url());
    });
    await page.goto(`${admin}/queues`);
    await page.locator('a[href*="/queue/tidings"]').first().click();
    await page.waitForURL(`${admin}/queues/queue/tidings**`);
    await page.getByText('No latest jobs in this queue.').waitFor();
    // Its fonts are those of the machine.
    expect(problems.filter((text) => !text.includes('https://fonts.googleapis.com/'))).toEqual([]);
    expect(elsewhere).toEqual([]);
    await context.close();
  }, 120_000);
});

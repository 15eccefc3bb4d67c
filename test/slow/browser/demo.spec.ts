import { createRequire } from 'node:module';
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import type { BrowserContext, Locator, Page } from 'playwright-core';
import { startChromium } from '../../support/chromium.js';
import { eventually } from '../../support/eventually.js';
import { buildService, killServices, spawnService } from '../../support/service.js';
import { describeWith } from '../../support/tools.js';

const STEP = { timeoutMs: 30_000 };

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
    await page.emulateMedia({ reducedMotion: 'reduce' });
    await page.goto(`${service.origin}/demo`);
  }, 300_000);

  afterAll(async () => {
    await browser?.close();
    await killServices();
  });

  const desk = (user: string): Locator => page.locator(`.desk[data-name=${user}]`);
  const rows = (user: string): Locator => desk(user).locator('.inbox .row');
  const press = (user: string, name: string): Promise<void> =>
    desk(user).getByRole('button', { name, exact: true }).click();
  const fact = (user: string, name: string): Promise<string> =>
    desk(user).locator(`[data-fact=${name}]`).innerText();
  const received = (user: string, count: number): Promise<void> =>
    eventually(async () => expect(await fact(user, 'received')).toBe(String(count)), STEP);
  const badge = (user: string): Promise<string> => desk(user).locator('.bar .badge').innerText();
  const state = (user: string): Promise<string> => desk(user).locator('.state').innerText();

  it('shows a live notification to the chosen user, and to nobody else', async () => {
    for (const [before, user] of ['ada', 'grace'].entries()) {
      await eventually(async () => expect(await state(user)).toBe('live'), STEP);
      await press(user, 'Complete a task');
      await received(user, 1);
      await press(user, 'Place an order');
      await received(user, 2);
      await eventually(async () => expect(await rows(user).count()).toBe(2));
      await eventually(async () => expect(await badge(user)).toBe('2'));
      for (const name of ['arrival', 'latency'])
        await eventually(async () => expect(await fact(user, name)).toMatch(/^[\d.]+ ms$/));
      await eventually(async () => expect(await fact(user, 'outcome')).toBe('delivered'));
      expect(await desk(user).locator('.frames').textContent()).toContain('event: new-order');
      expect(await rows('grace').count()).toBe(before * 2);
    }
    expect(problems).toEqual([]);
  }, 120_000);

  it('fits the window of a laptop: the raw frames are in view without scrolling', async () => {
    await page.setViewportSize({ width: 1_280, height: 720 });
    expect(await page.evaluate('document.documentElement.scrollHeight')).toBe(720);
    for (const user of ['ada', 'grace']) {
      const { y, height } = (await desk(user).locator('.frames').boundingBox())!;
      expect(y + height).toBeLessThanOrEqual(720);
      expect(height).toBeGreaterThan(100);
    }
  });

  it('announces to everybody with one request', async () => {
    const before = await Promise.all(['ada', 'grace'].map((name) => rows(name).count()));
    await press('ada', 'Announce to everybody');
    for (const [index, name] of ['ada', 'grace'].entries()) {
      await eventually(async () => expect(await rows(name).count()).toBe(before[index]! + 1));
      await received(name, 3);
      expect(await desk(name).locator('.frames').textContent()).toContain('event: announcement');
    }
    expect(problems).toEqual([]);
  }, 120_000);

  it('shows what was missed while the connection was cut, once, in order, with the cursor it resumed from', async () => {
    const toggle = desk('ada').getByRole('switch', { name: 'Connection' });
    await toggle.click();
    expect([await toggle.getAttribute('aria-checked'), await state('ada')]).toEqual(['false', 'cut']);
    // Not before: that the last ones were seen may be an entry that was still on its way.
    const from = await fact('ada', 'cursor');
    await press('ada', 'Complete a task');
    await press('ada', 'Place an order');
    // Of another feed, and later: by now those of ada are on their way.
    await press('grace', 'Complete a task');
    await received('grace', 4);
    expect(await rows('ada').count()).toBe(3);
    await toggle.click();
    await received('ada', 5);
    await eventually(async () => expect(await desk('ada').locator('.caught-up').isVisible()).toBe(true));
    const [, count, before, after] = /^(\d+) missed entr.*from cursor (\S+) to (\S+):/.exec(
      await desk('ada').locator('.caught-up').innerText(),
    )!;
    const numberOf = (cursor: string): number => Number(cursor.split('-')[1]);
    expect(before).toBe(from);
    // The second may have come after the connection was back, live: behind what was caught up.
    expect(numberOf(after!)).toBeGreaterThan(numberOf(from));
    expect(numberOf(after!)).toBeLessThanOrEqual(numberOf(await fact('ada', 'cursor')));
    expect(Number(count)).toBeGreaterThan(0);
    expect(await rows('ada').count()).toBe(5);
    expect(problems).toEqual([]);
  }, 120_000);

  it('keeps bell and inbox, which share a feed, in step when something is read', async () => {
    await desk('grace').locator('.inbox').getByRole('button', { name: 'Mark all read' }).click();
    await eventually(async () => expect(await desk('grace').locator('.bar .badge').isVisible()).toBe(false));
    await desk('grace').locator('.bar .bell').click();
    await eventually(async () => expect(await desk('grace').locator('.bar .row').count()).toBe(4));
    expect(await desk('grace').locator('.bar .row.unread').count()).toBe(0);
    await page.keyboard.press('Escape');
    // The server has it: a page that is loaded anew says the same.
    await page.reload();
    await eventually(async () => expect(await rows('grace').count()).toBe(4), STEP);
    expect(await rows('grace').and(page.locator('.unread')).count()).toBe(0);
    expect(problems).toEqual([]);
  }, 120_000);

  it('asks, stores the answer, and shows it in the inbox, the panel and after a reload', async () => {
    await press('grace', 'Invite');
    await desk('grace').locator('.inbox').getByRole('button', { name: 'Accept' }).click();
    const answer = (part: string): Locator => desk('grace').locator(`${part} .acted`);
    await eventually(async () => expect(await answer('.inbox').innerText()).toContain('Accept · '), STEP);
    await desk('grace').locator('.bar .bell').click();
    expect(await answer('.bar').innerText()).toContain('Accept · ');
    await page.keyboard.press('Escape');
    await page.reload();
    await eventually(async () => expect(await answer('.inbox').innerText()).toContain('Accept · '), STEP);
    expect(problems).toEqual([]);
  }, 120_000);

  it('snoozes, brings back as new, and keeps the preferences', async () => {
    const inbox = desk('grace').locator('.inbox');
    const before = await rows('grace').count();
    await rows('grace').first().hover();
    await rows('grace').first().locator('.snooze').click();
    await inbox.getByRole('menuitem', { name: 'In an hour' }).click();
    await eventually(async () => expect(await rows('grace').count()).toBe(before - 1), STEP);
    await inbox.getByRole('button', { name: 'More' }).click();
    await inbox.getByRole('menuitem', { name: 'Snoozed' }).click();
    await inbox.locator('.bring-back').click();
    await inbox.getByText('Nothing is snoozed').waitFor();
    await page.keyboard.press('Escape');
    await inbox.getByRole('button', { name: 'Back to notifications' }).click();
    await eventually(async () => expect(await rows('grace').count()).toBe(before), STEP);
    expect(await rows('grace').first().getAttribute('class')).toContain('unread');

    for (const checked of ['true', 'false']) {
      await inbox.getByRole('button', { name: 'More' }).click();
      await inbox.getByRole('menuitem', { name: 'Preferences' }).click();
      const orders = inbox.getByRole('switch', { name: 'New orders' });
      await eventually(async () => expect(await orders.getAttribute('aria-checked')).toBe(checked), STEP);
      if (checked === 'true') {
        const saved = page.waitForResponse((response) => response.request().method() === 'PUT');
        await orders.click();
        expect((await saved).status()).toBe(200);
      }
      await inbox.getByRole('button', { name: 'Back to notifications' }).click();
    }
    expect(problems).toEqual([]);
  }, 120_000);

  it('survives a burst of a hundred', async () => {
    await press('ada', 'Burst of 100');
    await received('ada', 100);
    await eventually(async () => expect(await fact('ada', 'outcome')).toContain(' delivered'));
    await eventually(async () => expect(await badge('ada')).toBe('99+'));
    await page.evaluate(`{
      const inbox = document.querySelector('.desk[data-name=ada] .inbox');
      const scroller = inbox.shadowRoot.querySelector('.scroller');
      scroller.scrollTop = scroller.scrollHeight;
    }`);
    await eventually(async () => expect(await rows('ada').count()).toBeGreaterThan(50));
    expect(problems).toEqual([]);
  }, 120_000);

  it('passes axe for WCAG 2.2 AA, light and dark', async () => {
    await page.evaluate(readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8'));
    for (const colorScheme of ['light', 'dark'] as const) {
      await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' });
      const violations = await page.evaluate<string[]>(
        `axe.run(document, { runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa'], resultTypes: ['violations'] })
          .then(({ violations }) => violations.flatMap(({ id, nodes }) => nodes.map(({ target, failureSummary }) => id + ' ' + target.join(' ') + failureSummary)))`,
      );
      expect(violations).toEqual([]);
    }
  }, 60_000);

  it('has the documentation of the API beside it, within its content policy', async () => {
    const docs = await browser.newPage();
    const wrong: string[] = [];
    docs.on('console', (message) => {
      if (message.type() === 'error') wrong.push(message.text());
    });
    docs.on('pageerror', (error) => wrong.push(String(error)));
    await docs.goto(new URL('/docs', page.url()).href);
    await docs.locator('.opblock').first().waitFor();
    expect(await docs.locator('.opblock').count()).toBeGreaterThan(15);
    expect(wrong).toEqual([]);
    await docs.close();
  });
});

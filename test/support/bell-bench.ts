import { afterAll, afterEach, beforeAll, expect } from '@jest/globals';
import type { BrowserContext, Page } from 'playwright-core';
import { openBellPage } from './bell-page.js';
import { give } from './bell-scenes.js';
import { startChromium } from './chromium.js';

/** One Chromium for the tests of a suite, each with a page that shows the bell and reports no problem. */
export type BellBench = ReturnType<typeof bellBench>;

/** Registers the hooks of the suite that it is called in. */
export function bellBench() {
  let browser: BrowserContext;
  let page: Page;
  const problems: string[] = [];

  beforeAll(async () => {
    browser = await startChromium();
    browser.setDefaultTimeout(20_000);
    browser.on('page', (opened) => {
      opened.on('pageerror', (error) => problems.push(String(error)));
      opened.on('console', (message) => {
        if (message.type() === 'error') problems.push(message.text());
      });
    });
  }, 60_000);
  afterEach(async () => {
    await Promise.all(browser.pages().map((opened) => opened.close()));
    expect(problems.splice(0)).toEqual([]);
  });
  afterAll(() => browser?.close());

  const show = async (feed: string, options: Parameters<typeof openBellPage>[1] = {}): Promise<void> => {
    page = await openBellPage(browser, options);
    await page.emulateMedia({ reducedMotion: 'reduce' });
    await give(page, feed);
  };
  const calls = (): Promise<string[]> =>
    page.evaluate<string[]>('feed.calls.filter((call) => call !== "markSeen")');
  /** What has the focus: the class of it, or the tag. */
  const focus = (): Promise<string> =>
    page.evaluate<string>(`(() => {
      const inside = document.getElementById('bell').shadowRoot.activeElement;
      const at = inside ?? document.activeElement;
      return at.className || at.localName;
    })()`);
  const focusedTitle = (): Promise<string> =>
    page.evaluate<string>(
      `document.getElementById('bell').shadowRoot.activeElement?.querySelector('.title')?.textContent ?? ''`,
    );
  const titles = (): Promise<string[]> => page.locator('.row .title').allTextContents();
  const badge = (): Promise<string> => page.locator('.badge').innerText();
  const press = async (...keys: string[]): Promise<void> => {
    for (const key of keys) await page.keyboard.press(key);
  };
  return {
    get browser() {
      return browser;
    },
    get page() {
      return page;
    },
    problems,
    show,
    calls,
    focus,
    focusedTitle,
    titles,
    badge,
    press,
  };
}

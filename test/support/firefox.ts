import puppeteer, { type Page } from 'puppeteer-core';
import type { BrowserEngine, BrowserPage, Key } from './browser-engine.js';
import { findTool } from './find-tool.js';
import { testDirectory } from './test-root.js';

const PREFERENCES = {
  // Each tab has a process of its own, so that one can be killed.
  'dom.ipc.processCount.webIsolated': 16,
  // Nothing moves, so that what is looked at is at its place.
  'ui.prefersReducedMotion': 1,
};

/** A headless Firefox, by WebDriver BiDi; close it at the end of the suite. */
export async function startFirefox(): Promise<BrowserEngine> {
  const executablePath = findTool('firefox-esr');
  if (executablePath === null)
    throw new Error('Firefox is not installed: guard the suite with describeWith().');
  const browser = await puppeteer.launch({
    browser: 'firefox',
    executablePath,
    userDataDir: testDirectory('firefox'),
    extraPrefsFirefox: PREFERENCES,
    timeout: 120_000,
    protocolTimeout: 60_000,
    handleSIGINT: false,
    handleSIGTERM: false,
    handleSIGHUP: false,
  });
  return {
    pid: browser.process()!.pid!,
    open: async () => new FirefoxPage(await browser.newPage()),
    setCookie: async (page, name, value) => {
      const { hostname } = new URL(await page.evaluate<string>('location.href'));
      await browser.setCookie({ name, value, domain: hostname, path: '/' });
    },
    close: () => browser.close(),
  };
}

class FirefoxPage implements BrowserPage {
  constructor(private readonly page: Page) {}

  async goto(url: string): Promise<void> {
    await this.page.goto(url);
  }

  evaluate<T>(expression: string): Promise<T> {
    return this.page.evaluate(expression) as Promise<T>;
  }

  async press(...keys: Key[]): Promise<void> {
    for (const key of keys) await this.page.keyboard.press(key);
  }

  click(x: number, y: number): Promise<void> {
    return this.page.mouse.click(x, y);
  }

  close(): Promise<void> {
    return this.page.close();
  }
}

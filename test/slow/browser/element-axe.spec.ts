import { createRequire } from 'node:module';
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import type { BrowserContext } from 'playwright-core';
import { openBellPage } from '../../support/bell-page.js';
import { BELL_SCENES, type Scene } from '../../support/bell-scenes.js';
import { startChromium } from '../../support/chromium.js';
import { describeWith } from '../../support/tools.js';

const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
/** Checked at the same time. */
const PAGES = 3;
const LEVELS = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa'];
const RUN = `axe.run(document, { runOnly: ${JSON.stringify(LEVELS)}, resultTypes: ['violations'] }).then(({ violations }) =>
  violations.flatMap(({ id, nodes }) => nodes.map(({ target, failureSummary }) => id + ' ' + target.join(' ') + ': ' + failureSummary)))`;

describeWith('chromium', '<tidings-bell> and WCAG 2.2 AA', () => {
  let browser: BrowserContext;
  beforeAll(async () => {
    browser = await startChromium();
    browser.setDefaultTimeout(20_000);
  }, 60_000);
  afterAll(() => browser?.close());

  it('passes axe in every state, light on a desktop and dark on a phone', async () => {
    // Other words and larger ones change no state.
    const scenes = Object.entries(BELL_SCENES).filter(([name]) => !/german|text-200/.test(name));
    const violations: Record<string, string[]> = {};
    const work = async (): Promise<void> => {
      for (let next = scenes.shift(); next; next = scenes.shift()) {
        const [name, scene] = next;
        const found = await check(scene).catch((error: unknown) => [String(error)]);
        if (found.length > 0) violations[name] = found;
      }
    };
    await Promise.all(Array.from({ length: PAGES }, work));
    expect(violations).toEqual({});
  }, 180_000);

  async function check(scene: Scene): Promise<string[]> {
    const page = await openBellPage(browser, scene);
    // Colours in the middle of a movement are nobody's.
    await page.emulateMedia({ reducedMotion: 'reduce' });
    await scene.set(page);
    await page.evaluate(AXE);
    const violations: string[] = [];
    for (const [colorScheme, width] of [
      ['light', 900],
      ['dark', 390],
    ] as const) {
      await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' });
      await page.setViewportSize({ width, height: 740 });
      violations.push(...(await page.evaluate<string[]>(RUN)));
    }
    await page.close();
    return violations;
  }

  it('fails axe when something is wrong', async () => {
    const page = await openBellPage(browser, {
      body: '<main><tidings-bell id="bell" inline></tidings-bell></main>',
    });
    await page.evaluate(`document.getElementById('bell').feed = new FakeFeed(ordinary())`);
    await page.evaluate(`document.getElementById('bell').style.setProperty('--tidings-muted', '#bbb')`);
    await page.locator('tidings-bell .row').first().waitFor();
    await page.evaluate(AXE);
    expect((await page.evaluate<string[]>(RUN)).join()).toContain('color-contrast');
  });
});

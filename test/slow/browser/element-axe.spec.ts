import { createRequire } from 'node:module';
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import type { BrowserContext } from 'playwright-core';
import { openBellPage } from '../../support/bell-page.js';
import { BELL_SCENES } from '../../support/bell-scenes.js';
import { startChromium } from '../../support/chromium.js';
import { describeWith } from '../../support/tools.js';

const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
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

  it.each(Object.entries(BELL_SCENES))(
    'passes axe light on a desktop and dark on a phone: %s',
    async (_, scene) => {
      const page = await openBellPage(browser, scene);
      // Colours in the middle of a movement are nobody's.
      await page.emulateMedia({ reducedMotion: 'reduce' });
      await scene.set(page);
      await page.evaluate(AXE);
      for (const [colorScheme, width] of [
        ['light', 900],
        ['dark', 390],
      ] as const) {
        await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' });
        await page.setViewportSize({ width, height: 740 });
        expect(await page.evaluate<string[]>(RUN)).toEqual([]);
      }
      await page.close();
    },
  );

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

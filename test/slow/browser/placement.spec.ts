import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { BrowserContext, Page } from 'playwright-core';
import { openBellPage } from '../../support/bell-page.js';
import { give, openPanel } from '../../support/bell-scenes.js';
import { startChromium } from '../../support/chromium.js';
import { eventually } from '../../support/eventually.js';
import { describeWith } from '../../support/tools.js';

const BODY = '<main><section><tidings-bell id="bell"></tidings-bell></section></main>';
const BASE = `body { margin: 0; min-height: 0 } main { position: relative; height: 600px } tidings-bell { position: absolute }`;
const TOP_RIGHT = 'tidings-bell { top: 10px; right: 10px }';
const TOP_LEFT = 'tidings-bell { top: 10px; left: 10px }';

interface Case {
  readonly css: string;
  /** The `dir` of the document. */
  readonly dir?: string;
  readonly window?: { readonly width: number; readonly height: number };
  /** Runs before the panel opens. */
  readonly before?: string;
  /** The side of the bell on which the panel must be; below if not given. */
  readonly side?: 'above';
  /** The factor by which the page's lengths are larger than the window's. */
  readonly zoom?: number;
  /** The bell's edge on which the panel's must be; the right one if not given. `null`: neither, because the window ends. */
  readonly edge?: 'left' | null;
}

const CASES: Readonly<Record<string, Case>> = {
  'at the right edge': { css: TOP_RIGHT },
  'at the left edge': { css: TOP_LEFT, edge: null },
  'at the bottom': {
    css: 'main { height: 100vh } tidings-bell { bottom: 10px; right: 10px }',
    side: 'above',
  },
  'with body zoomed to 0.5': { css: `body { zoom: 0.5 } ${TOP_RIGHT}`, zoom: 0.5 },
  'with body zoomed to 1.5': { css: `body { zoom: 1.5 } ${TOP_RIGHT}`, zoom: 1.5 },
  'with body zoomed to 2': { css: `body { zoom: 2 } ${TOP_RIGHT}`, zoom: 2 },
  'with the document zoomed to 1.5': { css: `html { zoom: 1.5 } ${TOP_RIGHT}`, zoom: 1.5 },
  'with a zoomed section in a zoomed body': {
    css: `body { zoom: 1.5 } section { zoom: 0.8 } ${TOP_RIGHT}`,
    zoom: 1.2,
  },
  'with body zoomed to 1.5 at the bottom left': {
    css: 'body { zoom: 1.5 } tidings-bell { position: fixed; bottom: 10px; left: 10px }',
    zoom: 1.5,
    side: 'above',
    edge: null,
  },
  'in a page that was scrolled': {
    css: 'main { height: 3000px } tidings-bell { top: 1000px; right: 10px }',
    before: 'scrollTo(0, 900)',
  },
  'in a zoomed page that was scrolled': {
    css: 'body { zoom: 1.5 } main { height: 3000px } tidings-bell { top: 1000px; right: 10px }',
    before: 'scrollTo(0, 1400)',
    zoom: 1.5,
  },
  'in a box that was scrolled': {
    css: 'main { height: 500px; overflow: auto } section { height: 3000px } tidings-bell { top: 1000px; right: 10px }',
    before: 'document.querySelector("main").scrollTop = 900',
  },
  'in a moved and scaled ancestor': {
    css: `section { position: absolute; inset: 0; transform: translate(-200px, 40px) scale(0.8) } ${TOP_RIGHT}`,
  },
  'fixed in a moved ancestor': {
    css: `main { translate: -120px 30px } tidings-bell { position: fixed; top: 10px; right: 10px }`,
  },
  'in a rotated ancestor': {
    css: `section { position: absolute; inset: 0; rotate: 12deg } ${TOP_RIGHT} main { width: 600px }`,
  },
  'in an ancestor that cuts off': {
    css: `main { height: 60px; overflow: clip; contain: paint } ${TOP_RIGHT}`,
  },
  'from right to left': { css: TOP_LEFT, dir: 'rtl', edge: 'left' },
  'from right to left at the right edge': { css: TOP_RIGHT, dir: 'rtl', edge: null },
  'from right to left, zoomed to 1.5': {
    css: `body { zoom: 1.5 } ${TOP_LEFT}`,
    dir: 'rtl',
    zoom: 1.5,
    edge: 'left',
  },
  'from right to left in a section alone': {
    css: `section { direction: rtl } ${TOP_LEFT}`,
    edge: 'left',
  },
  'in a low window': { css: TOP_RIGHT, window: { width: 900, height: 260 } },
  'in a low window, zoomed to 2': {
    css: `body { zoom: 2 } ${TOP_RIGHT}`,
    zoom: 2,
    window: { width: 900, height: 400 },
  },
  'in a window narrower than the zoomed panel': {
    css: `body { zoom: 2 } ${TOP_RIGHT}`,
    zoom: 2,
    window: { width: 600, height: 700 },
    edge: null,
  },
};

/** Takes CSS anchor positioning away, as in browsers that do not know it. */
const withoutAnchors = (element: string): string =>
  element
    .replaceAll(/anchor-name|position-(?:anchor|area|try)/g, 'unknown-$&')
    .replaceAll('anchor(', 'unknown(');

interface Rect {
  readonly left: number;
  readonly top: number;
  readonly right: number;
  readonly bottom: number;
}

describeWith('chromium', 'the place of the panel of <tidings-bell>', () => {
  let browser: BrowserContext;
  let page: Page;

  beforeAll(async () => {
    browser = await startChromium();
    browser.setDefaultTimeout(20_000);
  }, 60_000);
  afterAll(() => browser?.close());

  async function open({ css, dir = '', window, before }: Case): Promise<void> {
    await page.evaluate(`{
      document.getElementById('bell').open = false;
      scrollTo(0, 0);
      document.querySelector('main').scrollTop = 0;
    }`);
    await page.setViewportSize(window ?? { width: 1000, height: 720 });
    await page.evaluate(`{
      const sheet = new CSSStyleSheet();
      sheet.replaceSync(${JSON.stringify(`${BASE} ${css}`)});
      document.adoptedStyleSheets = [sheet];
      document.documentElement.dir = ${JSON.stringify(dir)};
      ${before ?? ''}
    }`);
    await openPanel(page);
  }

  const measure = (): Promise<{
    bell: Rect;
    panel: Rect;
    width: number;
    height: number;
    measured: boolean;
  }> =>
    page.evaluate(`(() => {
      const root = document.getElementById('bell').shadowRoot;
      const rect = (selector) => {
        const { left, top, right, bottom } = root.querySelector(selector).getBoundingClientRect();
        return { left, top, right, bottom };
      };
      const measured = 'measured' in root.querySelector('.layer').dataset;
      return { bell: rect('.bell'), panel: rect('.panel'), width: innerWidth, height: innerHeight, measured };
    })()`);

  async function expectPlaced(one: Case): Promise<void> {
    const { side, zoom = 1, edge } = one;
    const { bell, panel, width, height } = await measure();
    const gap = 8 * zoom;
    const room = (side === 'above' ? bell.top : height - bell.bottom) - 2 * gap;
    const wanted = {
      gap,
      offEdge: 0,
      width: Math.min(400 * zoom, width - 2 * gap),
      height: Math.min(620 * zoom, room),
    };
    const seen: typeof wanted = {
      gap: side === 'above' ? bell.top - panel.bottom : panel.top - bell.bottom,
      offEdge: edge === null ? 0 : panel[edge ?? 'right'] - bell[edge ?? 'right'],
      width: panel.right - panel.left,
      height: panel.bottom - panel.top,
    };
    for (const [name, value] of Object.entries(wanted) as [keyof typeof wanted, number][]) {
      if (Math.abs(seen[name] - value) > 1) expect({ [name]: seen[name] }).toEqual({ [name]: value });
    }
    expect(panel.left).toBeGreaterThanOrEqual(gap - 1);
    expect(panel.top).toBeGreaterThanOrEqual(gap - 1);
    expect(panel.right).toBeLessThanOrEqual(width - gap + 1);
    expect(panel.bottom).toBeLessThanOrEqual(height - gap + 1);
  }

  describe.each([
    { name: 'by CSS anchor positioning', patch: undefined },
    { name: 'by measurement, in a browser without anchor positioning', patch: withoutAnchors },
  ])('$name', ({ patch }) => {
    beforeAll(async () => {
      page = await openBellPage(browser, { body: BODY, patch });
      await page.emulateMedia({ reducedMotion: 'reduce' });
      await give(page, 'new FakeFeed(many(40))');
    }, 60_000);
    afterAll(() => page.close());

    it.each(Object.keys(CASES))('is beside the bell and inside the window %s', async (name) => {
      const one = CASES[name]!;
      await open(one);
      expect((await measure()).measured).toBe(patch !== undefined);
      await expectPlaced(one);
    });

    it('follows the bell when the page scrolls and when the window changes', async () => {
      const one = { css: 'main { height: 3000px } tidings-bell { top: 400px; right: 10px }' };
      await open(one);
      await expectPlaced({ ...one, side: 'above' });
      await page.evaluate('scrollTo(0, 350)');
      await eventually(() => expectPlaced(one));
      await page.setViewportSize({ width: 700, height: 500 });
      await eventually(() => expectPlaced(one));
    });

    it('is a sheet at the bottom of a narrow window, zoomed or not', async () => {
      for (const zoom of [1, 1.5]) {
        await open({ css: `body { zoom: ${zoom} } ${TOP_RIGHT}`, window: { width: 400, height: 640 } });
        const { panel } = await measure();
        expect(panel).toMatchObject({ left: 0, right: 400, bottom: 640 });
        expect(panel.top).toBeGreaterThanOrEqual(0.13 * 640);
      }
    });
  });
});

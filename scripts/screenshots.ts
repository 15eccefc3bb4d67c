// Every state of <tidings-bell>, light and dark, desktop and phone, into `screenshots/`: `npm run screenshots [part of a name]`.
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { chromium, type BrowserContext, type Page } from 'playwright-core';
import { openBellPage, TOOLBAR } from '../test/support/bell-page.js';
import { BELL_SCENES, type Scene } from '../test/support/bell-scenes.js';
import { findTool } from '../test/support/find-tool.js';

const OUT = 'screenshots';
/** Relative times and days are the same in each run. */
const NOW = new Date('2026-11-20T15:24:00');
const VIEWPORTS = { desktop: { width: 720, height: 740 }, phone: { width: 390, height: 760 } } as const;
const SCHEMES = ['light', 'dark'] as const;

async function shoot(context: BrowserContext, scene: Scene, name: string): Promise<void> {
  const page: Page = await openBellPage(context, {
    body: scene.body ?? TOOLBAR,
    attributes: scene.attributes,
    now: NOW,
  });
  await scene.set(page);
  const { width, height } = page.viewportSize()!;
  const clip = { x: 0, y: 0, width, height: scene.height ?? height };
  // Images of a movement would differ from run to run; `finite` animations are at their end then.
  await page.screenshot({ path: join(OUT, `${name}.png`), animations: 'disabled', clip });
  await page.close();
}

const executablePath = findTool('chromium');
if (executablePath === null) throw new Error('Chromium is not installed.');
const wanted = process.argv[2] ?? '';
await mkdir(OUT, { recursive: true });
const profile = await mkdtemp(join(tmpdir(), 'tidings-screenshots-'));
try {
  for (const colorScheme of SCHEMES) {
    for (const [device, viewport] of Object.entries(VIEWPORTS)) {
      const context = await chromium.launchPersistentContext(join(profile, `${colorScheme}-${device}`), {
        executablePath,
        args: ['--no-sandbox', '--disable-gpu', '--hide-scrollbars'],
        colorScheme,
        viewport,
        deviceScaleFactor: 2,
        hasTouch: device === 'phone',
      });
      for (const [name, scene] of Object.entries(BELL_SCENES)) {
        const file = `${name}.${device}.${colorScheme}`;
        if (!file.includes(wanted)) continue;
        await shoot(context, scene, file);
        console.log(file);
      }
      await context.close();
    }
  }
} finally {
  await rm(profile, { recursive: true, force: true });
}

// Every state of <tidings-bell> and <tidings-toasts>, light and dark, desktop and phone, into `screenshots/`, and the demo page into
// `docs/images/`, for the README: `npm run screenshots [part of a name]`.
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { chromium, type BrowserContext, type Page } from 'playwright-core';
import { openBellPage, TOOLBAR } from '../test/support/bell-page.js';
import { BELL_SCENES, type Scene } from '../test/support/bell-scenes.js';
import { findTool } from '../test/support/find-tool.js';
import { buildService, killServices, spawnService } from '../test/support/service.js';

const OUT = 'screenshots';
/** Relative times and days are the same in each run. */
const NOW = new Date('2026-11-20T15:24:00');
const VIEWPORTS = { desktop: { width: 720, height: 740 }, phone: { width: 390, height: 760 } } as const;
const SCHEMES = ['light', 'dark'] as const;

async function shoot(context: BrowserContext, scene: Scene, name: string): Promise<void> {
  const page: Page = await openBellPage(context, {
    body: scene.body ?? TOOLBAR,
    attributes: scene.attributes,
    patch: scene.patch,
    now: NOW,
  });
  await scene.set(page);
  const { width, height } = page.viewportSize()!;
  const clip = { x: 0, y: 0, width, height: scene.height ?? height };
  // Images of a movement would differ from run to run; `finite` animations are at their end then.
  await page.screenshot({ path: join(OUT, `${name}.png`), animations: 'disabled', clip });
  await page.close();
}

/** A laptop's window. */
const LAPTOP = { width: 1280, height: 720 };
/** What the users of the demo press before the picture is taken. */
const PRESSED = {
  grace: ['Complete a task', 'Announce to everybody', 'Place an order'],
  ada: ['Place an order', 'Complete a task'],
};

async function shootDemo(context: BrowserContext, origin: string, file: string): Promise<void> {
  const page = await context.newPage();
  await page.goto(`${origin}/demo`);
  for (const [user, buttons] of Object.entries(PRESSED)) {
    const desk = page.locator(`.desk[data-name=${user}]`);
    await desk.locator('.state[data-state=live]').waitFor();
    for (const name of buttons) {
      const received = desk.locator('[data-fact=received]');
      const before = await received.innerText();
      await desk.getByRole('button', { name, exact: true }).click();
      await page.waitForFunction(
        `document.querySelector('.desk[data-name=${user}] [data-fact=received]').innerText !== '${before}'`,
      );
    }
  }
  await page.mouse.move(0, 0);
  // The movements of the last toast.
  await page.waitForTimeout(700);
  await page.screenshot({ path: join('docs/images', file) });
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
  if ('demo'.includes(wanted)) {
    await buildService();
    for (const colorScheme of SCHEMES) {
      // A new one for each picture: its feeds are empty.
      const service = await spawnService();
      await service.says(/listens on http/, 60_000);
      const context = await chromium.launchPersistentContext(join(profile, `demo-${colorScheme}`), {
        executablePath,
        args: ['--no-sandbox', '--disable-gpu', '--hide-scrollbars'],
        colorScheme,
        viewport: LAPTOP,
        deviceScaleFactor: 1.5,
      });
      await shootDemo(context, service.origin, `demo-${colorScheme}.png`);
      console.log(`demo-${colorScheme}`);
      await context.close();
    }
  }
} finally {
  await killServices();
  await rm(profile, { recursive: true, force: true });
}

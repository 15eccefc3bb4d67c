// Every state of <tidings-bell> and <tidings-toasts>, light and dark, desktop and phone, into `screenshots/`, and the demo page into
// `docs/images/`, for the README: `npm run screenshots [part of a name]`.
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { chromium, type BrowserContext, type Page } from 'playwright-core';
import { openBellPage, TOOLBAR } from '../test/support/bell-page.js';
import { BELL_SCENES, type Scene } from '../test/support/bell-scenes.js';
import { findTool } from '../test/support/find-tool.js';
import { freePort } from '../test/support/ports.js';

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
  // A click that waits for a movement to end scrolls the page meanwhile.
  await page.emulateMedia({ reducedMotion: 'reduce' });
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
  grace: ['Complete a task', 'Announce to everybody', 'Place an order', 'Invite'],
  ada: ['Place an order', 'Complete a task', 'Raise an alarm', 'Invite'],
};

/** Starts the service with data of its own, for as long as the picture takes. */
async function withService(dataDir: string, use: (origin: string) => Promise<void>): Promise<void> {
  const env = { PATH: process.env['PATH'], PORT: String(await freePort()), TIDINGS_DATA_DIR: dataDir };
  const service = spawn(process.execPath, ['dist/main.js'], { env, stdio: ['ignore', 'pipe', 'inherit'] });
  try {
    const origin = await new Promise<string>((resolve, reject) => {
      let output = '';
      service.stdout.setEncoding('utf8').on('data', (text: string) => {
        output += text;
        const listening = /listens on (http:\/\/[^\s"\\]+)/.exec(output);
        if (listening) resolve(listening[1]!);
      });
      service.once('exit', () => reject(new Error(`The service does not start:\n${output}`)));
    });
    await use(origin);
  } finally {
    if (service.exitCode === null) {
      service.kill('SIGTERM');
      await once(service, 'exit');
    }
  }
}

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
      // The policy of the page allows no script to wait in it.
      while ((await received.innerText()) === before) await page.waitForTimeout(50);
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
    spawnSync(process.execPath, ['scripts/build-if-changed.js'], { stdio: 'inherit' });
    for (const colorScheme of SCHEMES) {
      const context = await chromium.launchPersistentContext(join(profile, `demo-${colorScheme}`), {
        executablePath,
        args: ['--no-sandbox', '--disable-gpu', '--hide-scrollbars'],
        colorScheme,
        viewport: LAPTOP,
        deviceScaleFactor: 1.5,
      });
      // Empty feeds for each picture.
      await withService(join(profile, `data-${colorScheme}`), (origin) =>
        shootDemo(context, origin, `demo-${colorScheme}.png`),
      );
      console.log(`demo-${colorScheme}`);
      await context.close();
    }
  }
} finally {
  await rm(profile, { recursive: true, force: true });
}

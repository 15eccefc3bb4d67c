import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { chromium, type BrowserContext } from 'playwright-core';
import { findTool } from './find-tool.js';
import { testDirectory } from './test-root.js';

/**
 * The popups of the address bar are pages of their own, which take as much CPU time at each start as all the rest. The others are those of
 * Playwright's list that concern a page: of two such arguments Chromium takes the last one.
 */
const FEATURES_OFF = [
  ...['WebUIOmniboxPopup', 'WebUIOmniboxFullPopup', 'WebUIOmniboxAimPopup', 'PreloadTopChromeWebUI'],
  ...['HttpsUpgrades', 'HttpsFirstBalancedModeAutoEnable', 'PaintHolding', 'DestroyProfileOnBrowserClose'],
  ...['OptimizationHints', 'NetworkTimeServiceQuerying', 'MediaRouter', 'ThirdPartyStoragePartitioning'],
];

/** Nothing but what a page asks for, and as root. */
const ARGS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  `--disable-features=${FEATURES_OFF.join()}`,
];

/** A real Chromium with a new, empty profile; close it at the end of the suite. */
export function startChromium(options: { colorScheme?: 'light' | 'dark' } = {}): Promise<BrowserContext> {
  const executablePath = findTool('chromium');
  if (executablePath === null)
    throw new Error('chromium is not installed: guard the suite with describeWith().');
  return chromium.launchPersistentContext(testDirectory('chromium'), {
    executablePath,
    args: ARGS,
    ...options,
  });
}

/** A web application's own origin: an empty page on a port of its own. */
export async function startPageServer(): Promise<{ origin: string; close(): Promise<void> }> {
  const server = createServer((_, response) => {
    response.setHeader('content-type', 'text/html; charset=utf-8');
    response.end('<!doctype html><title>application</title><link rel="icon" href="data:," />');
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

import { afterAll, afterEach, beforeAll } from '@jest/globals';
import type { BrowserContext } from 'playwright-core';
import { startChromium, startPageServer } from './chromium.js';
import { ClientTab } from './client-tab.js';
import { COOKIE, Deployment } from './deployment.js';
import { freePort } from './ports.js';
import { buildService, killServices, type ServiceProcess } from './service.js';

/** Chromium with tabs of an application, and the service at another origin. */
export type ClientBench = ReturnType<typeof clientBench>;

/** Registers the hooks of the suite that it is called in. */
export function clientBench() {
  let browser: BrowserContext;
  let deployment: Deployment;
  let application: Awaited<ReturnType<typeof startPageServer>>;
  let server: ServiceProcess;
  let port: string;
  let users = 0;

  beforeAll(async () => {
    await buildService();
    browser = await startChromium();
    deployment = await Deployment.open('postgres');
    application = await startPageServer();
    port = String(await freePort());
    server = await start();
  }, 240_000);
  afterEach(async () => {
    await browser.setOffline(false);
    await Promise.all(browser.pages().map((page) => page.close()));
  });
  afterAll(async () => {
    await browser?.close();
    await application?.close();
    await killServices();
    await deployment?.close();
  });

  const start = (): Promise<ServiceProcess> =>
    deployment.start({ PORT: port, CORS_ORIGINS: application.origin, STREAM_HEARTBEAT_MS: '1000' });

  const newUser = (): string => `user ${(users += 1)}`;

  /** Somebody new, signed in by cookie. */
  async function signIn(): Promise<string> {
    const user = newUser();
    await browser.addCookies([{ name: COOKIE, value: await deployment.token(user), url: server.origin }]);
    return user;
  }

  const openTab = (options: object = {}): Promise<ClientTab> =>
    ClientTab.open(browser, application.origin, { url: server.origin, heartbeatMs: 2_000, ...options });

  async function openStreams(): Promise<number> {
    const metrics = await (await fetch(`${server.origin}/metrics`)).text();
    return Number(/^tidings_streams_open(?:\{.*\})? (\d+)$/m.exec(metrics)?.[1]);
  }

  /** Kills the service. */
  async function kill(): Promise<void> {
    await server.stop('SIGKILL');
  }

  /** Starts it again at the same address. */
  async function restart(): Promise<void> {
    server = await start();
  }

  return {
    get browser() {
      return browser;
    },
    get deployment() {
      return deployment;
    },
    get application() {
      return application;
    },
    get origin() {
      return server.origin;
    },
    kill,
    restart,
    newUser,
    signIn,
    openTab,
    openStreams,
  };
}

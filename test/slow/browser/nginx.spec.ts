import { afterAll, beforeAll, expect, it } from '@jest/globals';
import type { BrowserContext } from 'playwright-core';
import { startChromium, startPageServer } from '../../support/chromium.js';
import { COOKIE, Deployment } from '../../support/deployment.js';
import { startDns, type DnsServer } from '../../support/dns-server.js';
import { followInPage, type FeedLog, type FollowedFeed } from '../../support/event-source.js';
import { eventually } from '../../support/eventually.js';
import { startNginx, type Nginx } from '../../support/nginx.js';
import { freePort } from '../../support/ports.js';
import { buildService, killServices, type ServiceProcess } from '../../support/service.js';
import { describeWith } from '../../support/tools.js';

const INSTANCES = ['127.0.0.1', '127.0.0.2'];
const STEP = { timeoutMs: 60_000 };

describeWith('nginx', 'behind nginx', () => {
  describeWith('chromium', 'an EventSource in Chromium, in a page of another origin', () => {
    let deployment: Deployment;
    let dns: DnsServer;
    let nginx: Nginx;
    let page: Awaited<ReturnType<typeof startPageServer>>;
    let browser: BrowserContext;
    let feed: FollowedFeed;
    let port: string;
    const instances: ServiceProcess[] = [];
    const sent: string[] = [];

    const start = (HOST: string): Promise<ServiceProcess> =>
      deployment.start({ HOST, PORT: port, CORS_ORIGINS: page.origin });

    async function publish(...taskIds: string[]): Promise<void> {
      sent.push(...taskIds);
      await deployment.add('ada', ...taskIds);
    }

    async function untilAll(): Promise<FeedLog> {
      await eventually(async () => {
        const { received } = await feed.log();
        expect(received.map(({ taskId }) => taskId).sort()).toEqual([...sent].sort());
      }, STEP);
      return feed.log();
    }

    beforeAll(async () => {
      await buildService();
      [deployment, page, port] = await Promise.all([
        Deployment.open('postgres'),
        startPageServer(),
        freePort().then(String),
      ]);
      for (const address of INSTANCES) instances.push(await start(address));
      dns = await startDns('api', () => INSTANCES);
      nginx = await startNginx({
        'http://api:3000': `http://api:${port}`,
        'resolver 127.0.0.11 valid=2s': `resolver 127.0.0.1:${dns.port} valid=1s`,
      });
      browser = await startChromium();
      await browser.addCookies([
        { name: COOKIE, value: await deployment.token('ada'), url: nginx.origin, sameSite: 'Lax' },
      ]);
      feed = await followInPage(browser, page.origin, nginx.origin);
      await eventually(async () => (await feed.log()).control.includes('feed.ready'), STEP);
    }, 400_000);

    afterAll(async () => {
      await browser?.close();
      await nginx?.stop();
      await dns?.close();
      await page?.close();
      await killServices();
      await deployment?.close();
    });

    it('misses nothing while the instances are replaced one after the other', async () => {
      for (const [index, address] of INSTANCES.entries()) {
        await publish(`before ${index}`);
        await instances[index]!.stop('SIGTERM');
        await publish(`without ${index}`);
        const log = await untilAll();
        // There was always an instance to come back to.
        expect(log.control).not.toContain('feed.closing:unavailable');
        instances[index] = await start(address);
      }
    }, 400_000);

    it('keeps trying and misses nothing while both instances are down', async () => {
      await publish('while they are there');
      await untilAll();
      await Promise.all([instances[0]!.stop('SIGTERM'), instances[1]!.stop('SIGKILL')]);
      await publish('while they are away 1', 'while they are away 2');
      // What nginx says in their place, twice.
      await eventually(
        async () =>
          (await feed.log()).control.filter((frame) => frame === 'feed.closing:unavailable').length > 1,
        STEP,
      );
      await publish('while they are away 3');
      for (const [index, address] of INSTANCES.entries()) instances[index] = await start(address);
      await publish('when they are back');
      const log = await untilAll();
      expect(log.readyState).toBe(1);
      expect(log.control.filter((frame) => frame.startsWith('feed.reset'))).toEqual([]);
      const places = log.received.map(({ id }) => Number(id.split('-')[1]));
      expect(places).toEqual(places.map((_, index) => index + 1));
    }, 400_000);
  });
});

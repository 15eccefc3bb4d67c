import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { SignJWT } from 'jose';
import type { BrowserContext } from 'playwright-core';
import ts from 'typescript';
import { startChromium } from '../../support/chromium.js';
import { ClientTab } from '../../support/client-tab.js';
import { eventually } from '../../support/eventually.js';
import { freePort } from '../../support/ports.js';
import { createTestDatabase, type TestDatabase } from '../../support/postgres.js';
import { buildService } from '../../support/service.js';
import { describeWith } from '../../support/tools.js';

const PACKAGE = dirname(dirname(dirname(dirname(fileURLToPath(import.meta.url)))));
const SECRET = 'the secret of the host, 32 bytes or more';

/** Serves the application of the manual below the prefix `api`; a line on its standard input is a notification for Ada. */
const MAIN = `
import 'reflect-metadata';
import { createInterface } from 'node:readline';
import { NestFactory } from '@nestjs/core';
import { announcement, TidingsService } from 'tidings';
import { AppModule } from './module-async.js';
const app = await NestFactory.create(AppModule, { forceCloseConnections: true });
app.enableShutdownHooks();
app.setGlobalPrefix('api');
await app.listen(process.env.PORT, '127.0.0.1');
const tidings = app.get(TidingsService);
createInterface(process.stdin).on('line', (title) => tidings.notify(announcement, { to: 'ada', data: { title } }));
console.log('listening');
`;

describeWith('chromium', 'a feed that a host mounts elsewhere than at /v1', () => {
  let browser: BrowserContext;
  let database: TestDatabase;
  let directory: string;
  let host: ChildProcess;
  let origin: string;
  let element: string;

  beforeAll(async () => {
    const dist = dirname(await buildService());
    element = readFileSync(join(dist, 'browser/element/index.js'), 'utf8');
    // Inside of the built package, so that its name resolves to it.
    directory = mkdtempSync(join(dirname(dist), 'mount-'));
    const manual = readFileSync(join(PACKAGE, 'docs/module.md'), 'utf8');
    const [, sample] = /<!-- sample: module-async.ts -->\s*```ts\n([\s\S]*?)```/.exec(manual)!;
    expect(sample).toContain("controllers: { path: 'feed' }");
    const { outputText } = ts.transpileModule(sample!, {
      compilerOptions: {
        target: ts.ScriptTarget.ES2023,
        module: ts.ModuleKind.ESNext,
        experimentalDecorators: true,
        emitDecoratorMetadata: true,
      },
    });
    writeFileSync(join(directory, 'module-async.js'), outputText);
    writeFileSync(join(directory, 'main.js'), MAIN);
    database = await createTestDatabase();
    const port = await freePort();
    origin = `http://127.0.0.1:${port}`;
    host = spawn(process.execPath, [join(directory, 'main.js')], {
      env: {
        PATH: process.env['PATH'],
        PORT: String(port),
        DATABASE_URL: database.url,
        JWT_SECRET: SECRET,
      },
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    let output = '';
    host.stdout!.on('data', (chunk) => (output += String(chunk)));
    await eventually(() => expect(output).toContain('listening'), { timeoutMs: 60_000 });
    browser = await startChromium();
    browser.setDefaultTimeout(20_000);
    await browser.route(`${origin}/empty`, (route) =>
      route.fulfill({ contentType: 'text/html', body: '<!doctype html><title>application</title>' }),
    );
  }, 240_000);

  afterAll(async () => {
    await browser?.close();
    if (host?.exitCode === null) {
      host.kill('SIGTERM');
      await once(host, 'exit');
    }
    await database?.drop();
    rmSync(directory, { recursive: true, force: true });
  }, 60_000);

  const token = (): Promise<string> =>
    new SignJWT({ sub: 'ada' })
      .setProtectedHeader({ alg: 'HS256' })
      .setExpirationTime('1h')
      .sign(new TextEncoder().encode(SECRET));

  it.each(['/api/feed', 'api/feed/'])(
    'is reached by the client at the path %j',
    async (path) => {
      const tab = await ClientTab.open(browser, `${origin}/empty`, { path }, token);
      await tab.until(({ status }) => expect(status.state).toBe('live'));
      const { items } = await tab.state();
      host.stdin!.write('Hello\n');
      const { titles } = await tab.until((state) => expect(state.items).toHaveLength(items.length + 1));
      expect(titles[0]).toBe('Hello');
      await tab.do('feed.markAllRead()');
      expect((await tab.state()).unread).toBe(0);
      await tab.close();
    },
    60_000,
  );

  it('is reached by the bell, and a bell at a wrong path reports that', async () => {
    const page = await browser.newPage();
    // Without a session the mount answers 401.
    const html = `<!doctype html><title>application</title><script type="module" src="/element.js"></script>
      <tidings-bell id="right" path="/api/feed" inline></tidings-bell><tidings-bell id="wrong" url="" inline></tidings-bell>`;
    await page.route(`${origin}/app`, (route) => route.fulfill({ contentType: 'text/html', body: html }));
    await page.route(`${origin}/element.js`, (route) =>
      route.fulfill({ contentType: 'text/javascript', body: element }),
    );
    await page.goto(`${origin}/app`);
    await page.locator('#right').getByText('You are signed out').waitFor();
    await page.locator('#wrong').getByText('Notifications are unavailable').waitFor();
    await page.evaluate(`document.getElementById('wrong').setAttribute('path', '/api/feed')`);
    await page.locator('#wrong').getByText('You are signed out').waitFor();
    await page.close();
  }, 60_000);

  it('stops as refused where there is nothing at the path, and says why', async () => {
    const tab = await ClientTab.open(browser, `${origin}/empty`, { tabs: 'alone', open: false }, token);
    await tab.do(
      `window.errors = []; feed.on('error', ({ status, message }) => errors.push([status, message])); feed.open()`,
    );
    const { status, states } = await tab.until(({ status }) => expect(status.state).toBe('stopped'));
    expect(status).toEqual({ state: 'stopped', reason: 'refused' });
    expect(states).toEqual(['closed', 'connecting', 'stopped']);
    expect(await tab.do('errors')).toEqual([[404, expect.stringContaining('/v1/notifications')]]);
    await tab.close();
  }, 60_000);
});

describeWith('chromium', 'a server that answers 404', () => {
  let browser: BrowserContext;
  let server: Server;
  let origin: string;
  /** How many more requests a proxy answers, because the server is being deployed. */
  let notFound = 0;

  beforeAll(async () => {
    server = createServer((request, response) => {
      if (notFound > 0) {
        notFound -= 1;
        return response.writeHead(404).end('404 page not found');
      }
      if (request.url!.startsWith('/v1/notifications'))
        return response
          .setHeader('content-type', 'application/json')
          .end(JSON.stringify({ items: [], next: null, unread: 0, unseen: 0, cursor: 'e-1' }));
      if (!request.url!.startsWith('/v1/stream')) return response.end('<!doctype html>');
      response.setHeader('content-type', 'text/event-stream');
      const ready = { type: 'feed.ready', cursor: 'e-1', head: 'e-1', unread: 0, unseen: 0 };
      response.write(`retry: 1\nevent: feed.ready\nid: e-1\ndata: ${JSON.stringify(ready)}\n\n`);
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    browser = await startChromium();
  }, 60_000);
  afterAll(async () => {
    await browser?.close();
    server.closeAllConnections();
    server.close();
  });

  it('is tried again during a deploy, and given up when it stays like that', async () => {
    const tab = await ClientTab.open(browser, origin, { tabs: 'alone' });
    await tab.until(({ status }) => expect(status.state).toBe('live'));
    notFound = 3;
    server.closeAllConnections();
    const { states } = await tab.until(({ status }) => expect([status.state, notFound]).toEqual(['live', 0]));
    expect(states).not.toContain('stopped');

    notFound = Infinity;
    server.closeAllConnections();
    const { status } = await tab.until(({ status }) => expect(status.state).toBe('stopped'), 60_000);
    expect(status).toEqual({ state: 'stopped', reason: 'refused' });
    await tab.close();
  }, 120_000);
});

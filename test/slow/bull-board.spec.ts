import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, mkdirSync, readdirSync, symlinkSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { createMigratedDatabase, type TestDatabase } from '../support/postgres.js';
import { freePort } from '../support/ports.js';
import { startRedis, type RedisServer } from '../support/redis.js';
import { buildService, killServices, startService, type ServiceProcess } from '../support/service.js';
import { testDirectory } from '../support/test-root.js';
import { describeWith } from '../support/tools.js';

const PACKAGE = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
const ADMIN_KEY = 'admin-key-number-1';
const PRODUCER_KEY = 'producer-key-number-1';
const QUEUES = '/queues/api/queues?activeQueue=tidings&page=1&jobsPerPage=10&status=latest';

const basic = (key: string): Record<string, string> => ({
  authorization: `Basic ${Buffer.from(`anybody:${key}`).toString('base64')}`,
});
const production = (database: TestDatabase): Record<string, string> => ({
  NODE_ENV: 'production',
  DATABASE_URL: database.url,
  HOST: '127.0.0.1',
  AUTH_JWT_SECRET: 'a-secret-of-at-least-32-bytes-for-HS256',
  PRODUCER_API_KEYS: PRODUCER_KEY,
  ADMIN_API_KEYS: ADMIN_KEY,
});

let database: TestDatabase;
beforeAll(async () => {
  await buildService();
  database = await createMigratedDatabase();
}, 240_000);
afterAll(async () => {
  await killServices();
  await database?.drop();
});

/** A notification that is due in an hour: a job that stays. */
async function publishLater(origin: string): Promise<void> {
  const answer = await fetch(`${origin}/v1/notifications`, {
    method: 'POST',
    headers: { 'x-api-key': PRODUCER_KEY, 'content-type': 'application/json' },
    body: JSON.stringify({
      type: 'task-completed',
      to: 'ada',
      data: { taskId: '1', title: 'Done', status: 'succeeded' },
      deliverAt: new Date(Date.now() + 3_600_000).toISOString(),
    }),
  });
  expect([answer.status, await answer.text()]).toEqual([202, expect.any(String)]);
}

describe('Bull Board', () => {
  let service: ServiceProcess;
  let admin: string;
  const get = (path: string, headers: Record<string, string> = {}, method = 'GET'): Promise<Response> =>
    fetch(admin + path, { headers, method, redirect: 'manual' });

  beforeAll(async () => {
    const port = String(await freePort());
    admin = `http://127.0.0.1:${port}`;
    service = await startService({
      ...production(database),
      TIDINGS_ADMIN_PORT: port,
      TIDINGS_BULL_BOARD: 'read-only',
    });
  }, 120_000);

  it('shows the queue in Postgres to whoever has the admin key', async () => {
    await publishLater(service.origin);
    const page = await get('/queues', basic(ADMIN_KEY));
    expect([page.status, page.headers.get('content-type')]).toEqual([200, 'text/html; charset=utf-8']);
    expect(page.headers.get('content-security-policy')).toMatch(/^default-src 'none'; script-src 'self'; /);
    expect(page.headers.get('cache-control')).toBe('private, no-store');
    const html = await page.text();
    expect(html).toContain('<base href="/queues/" />');
    const assets = [...html.matchAll(/(?:src|href)="(static\/[^"]+)"/g)].map(([, path]) => path!);
    expect(assets.length).toBeGreaterThan(3);
    for (const path of assets) {
      const asset = await get(`/queues/${path}`, basic(ADMIN_KEY));
      expect([path, asset.status]).toEqual([path, 200]);
      await asset.arrayBuffer();
    }
    for (const headers of [basic(ADMIN_KEY), { 'x-api-key': ADMIN_KEY }]) {
      const { queues } = (await (await get(QUEUES, headers)).json()) as { queues: object[] };
      expect(queues).toMatchObject([
        { name: 'tidings', readOnlyMode: true, counts: { delayed: 1 }, jobs: [{ name: 'task-completed' }] },
      ]);
    }
  });

  it('asks a browser for the key, and tells nothing without it', async () => {
    const wrong = [
      {},
      basic('another-key-of-16'),
      basic(PRODUCER_KEY),
      { authorization: 'Basic ?' },
      basic(''),
    ];
    for (const path of ['/queues', '/queues/', '/queues/static/favicon.ico', QUEUES, '/queues/nothing']) {
      for (const headers of wrong) {
        const refused = await get(path, headers);
        expect([path, refused.status]).toEqual([path, 401]);
        expect(refused.headers.get('www-authenticate')).toBe('Basic realm="Tidings", charset="UTF-8"');
        expect(await refused.json()).toMatchObject({ code: 'unauthenticated' });
      }
    }
    expect((await get('/queues?api_key=' + ADMIN_KEY)).status).toBe(400);
  });

  it('changes nothing when it is read-only', async () => {
    for (const [method, path] of [
      ['PUT', '/queues/api/queues/tidings/pause'],
      ['PUT', '/queues/api/queues/pause'],
      ['PUT', '/queues/api/queues/tidings/empty'],
      ['POST', '/queues/api/queues/tidings/add'],
    ] as const) {
      const refused = await get(path, basic(ADMIN_KEY), method);
      expect([path, refused.status, refused.headers.get('allow')]).toEqual([path, 405, 'GET, HEAD']);
      // Which methods there are is told to nobody else.
      expect([path, (await get(path, {}, method)).status]).toEqual([path, 401]);
    }
    const { queues } = (await (await get(QUEUES, basic(ADMIN_KEY))).json()) as { queues: object[] };
    expect(queues).toMatchObject([{ isPaused: false, counts: { delayed: 1 } }]);
  });

  it('is on the admin port alone, under one spelling', async () => {
    for (const path of [
      '/queues',
      '/queues/',
      QUEUES,
      '/queues/static/favicon.ico',
      '//queues',
      '/%71ueues',
    ]) {
      const hidden = await fetch(service.origin + path, { headers: basic(ADMIN_KEY) });
      expect([path, hidden.status]).toEqual([path, 404]);
      expect(await hidden.json()).toMatchObject({ code: 'not-found', detail: `Cannot GET ${path}` });
    }
    for (const path of [
      '/QUEUES',
      '//queues',
      '/%71ueues',
      '/queuesx',
      '/static/favicon.ico',
      '/api/queues',
    ]) {
      expect([path, (await get(path, basic(ADMIN_KEY))).status]).toEqual([path, 404]);
    }
    for (const path of ['/queues/static/..%2f..%2fpackage.json', '/queues/static/%2e%2e/index.ejs']) {
      const outside = await get(path, basic(ADMIN_KEY));
      expect([path, await outside.text()]).not.toEqual([path, expect.stringContaining('"dependencies"')]);
      expect([403, 404]).toContain(outside.status);
    }
  });
});

describeWith('redis-server', 'Bull Board with the right to write', () => {
  let redis: RedisServer;
  let service: ServiceProcess;
  beforeAll(async () => {
    redis = await startRedis();
    const port = String(await freePort());
    service = await startService({
      ...production(database),
      PORT: port,
      TIDINGS_ADMIN_PORT: port,
      REDIS_URL: redis.url,
      TIDINGS_ACTIONS_QUEUE: 'actions',
      TIDINGS_ROLES: 'api',
      TIDINGS_BULL_BOARD: 'read-write',
    });
  }, 120_000);
  afterAll(async () => {
    await service?.stop();
    await redis?.stop();
  });

  it('pauses a queue in Redis for its own page, and for no other', async () => {
    const change = async (what: string, headers: Record<string, string>): Promise<number> =>
      (
        await fetch(`${service.origin}/queues/api/queues/tidings/${what}`, {
          method: 'PUT',
          headers: { ...basic(ADMIN_KEY), ...headers },
        })
      ).status;
    const paused = async (): Promise<unknown> => {
      const answer = await fetch(service.origin + QUEUES, { headers: basic(ADMIN_KEY) });
      const { queues } = (await answer.json()) as { queues: { name: string; isPaused: boolean }[] };
      return queues.map(({ name, isPaused }) => [name, isPaused]);
    };
    expect(await change('pause', { origin: 'https://evil.example' })).toBe(403);
    expect(await change('pause', { origin: 'null' })).toBe(403);
    expect(await change('pause', { 'sec-fetch-site': 'cross-site' })).toBe(403);
    expect(await paused()).toEqual([
      ['tidings', false],
      ['actions', false],
    ]);
    expect(await change('pause', { origin: service.origin, 'sec-fetch-site': 'same-origin' })).toBe(200);
    expect(await paused()).toContainEqual(['tidings', true]);
    expect(await change('resume', {})).toBe(200);
    expect(await paused()).toContainEqual(['tidings', false]);
  });
});

describe('a service without the packages of Bull Board', () => {
  it('does without them, and names them if it is asked for the board', async () => {
    // The built service with everything but them.
    const home = testDirectory('no-bull-board');
    cpSync(dirname(dirname(await buildService())), home, { recursive: true });
    mkdirSync(join(home, 'node_modules'));
    for (const name of readdirSync(join(PACKAGE, 'node_modules'))) {
      if (name === '@bull-board' || name.startsWith('.')) continue;
      symlinkSync(join(PACKAGE, 'node_modules', name), join(home, 'node_modules', name));
    }
    const start = async (mode: string) => {
      const port = String(await freePort());
      const env = { ...production(database), PORT: port, TIDINGS_ADMIN_PORT: port, TIDINGS_BULL_BOARD: mode };
      const child = spawn(process.execPath, [join(home, 'dist/main.js')], {
        cwd: home,
        env: { PATH: process.env['PATH'], ...env },
      });
      let said = '';
      const listens = new Promise<void>((resolve) => {
        for (const output of [child.stdout, child.stderr]) {
          output.setEncoding('utf8').on('data', (text: string) => {
            said += text;
            if (said.includes('listens on')) resolve();
          });
        }
      });
      const ended = once(child, 'close').then(([code]) => code as unknown);
      return { origin: `http://127.0.0.1:${port}`, child, listens, ended, said: () => said };
    };
    const refused = await start('read-only');
    expect(await refused.ended).toBe(1);
    expect(refused.said()).toContain(
      'TIDINGS_BULL_BOARD: is "read-only" and needs packages that are not installed: npm install @bull-board/api @bull-board/express',
    );
    const without = await start('off');
    await Promise.race([without.listens, without.ended]);
    const absent = await fetch(`${without.origin}/queues`, { headers: basic(ADMIN_KEY) });
    expect(absent.status).toBe(404);
    without.child.kill('SIGTERM');
    expect(await without.ended).toBe(0);
  }, 120_000);
});

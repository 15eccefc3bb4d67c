import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { SignJWT } from 'jose';
import { createTestDatabase, type TestDatabase } from '../../support/postgres.js';
import { hasRedis, startRedis, type RedisServer } from '../../support/redis.js';
import { connect, type SseClient } from '../../support/sse-client.js';
import { compile, HOSTS, install, outside, pack, PACKAGE, run } from './install.js';

const SECRET = 'the secret of the hosts, 32 bytes or more';
/** What an importer installs because of us, dependencies included. */
const INSTALLED_BUDGET_MB = 75;
/** What is ours of it. */
const OWN_BUDGET_MB = 3;

/** A warning about the requests that these tests send without a credential. */
const REFUSALS = /Requests refused for their credentials/;

interface Host {
  readonly origin: string;
  readonly report: { tables: { entities: string[]; migration: string[] }; queue: unknown };
  /** Sends SIGTERM; resolves with what the host says at its end. */
  stop(): Promise<unknown>;
}

const home = outside();
let tarball: string;
let redis: RedisServer | null = null;
const running: ChildProcess[] = [];

beforeAll(async () => {
  tarball = pack(home.path);
  redis = hasRedis() ? await startRedis() : null;
}, 180_000);

afterAll(async () => {
  await redis?.stop();
  home.remove();
});

it('resolves the types of every entry point as its code', () => {
  // It is of ES modules alone, which `require` of every Node that we support loads; whether its types agree, the CommonJS host below says.
  run(
    PACKAGE,
    process.execPath,
    'node_modules/@arethetypeswrong/cli/dist/index.js',
    tarball,
    '--profile',
    'esm-only',
  );
}, 60_000);

describe.each(Object.entries(HOSTS))('a host on %s', (name, project) => {
  const directory = join(home.path, name.replace(/\W+/g, '-').toLowerCase());
  let database: TestDatabase;

  beforeAll(() => {
    install(directory, tarball, project);
    compile(directory, join(PACKAGE, 'test/slow/hosts/host'));
  }, 300_000);
  afterEach(() => {
    for (const child of running.splice(0)) child.kill('SIGKILL');
  });

  async function start(adapter: string, credential: string): Promise<Host> {
    const child = spawn(process.execPath, ['dist/host.js'], {
      cwd: directory,
      env: {
        PATH: process.env.PATH,
        ADAPTER: adapter,
        CREDENTIAL: credential,
        DATABASE_URL: database.url,
        JWT_SECRET: SECRET,
        SCHEMA: 'tidings',
        ...(redis && { REDIS_URL: redis.url }),
      },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    running.push(child);
    let problems = '';
    createInterface({ input: child.stderr }).on('line', (line) => {
      if (!REFUSALS.test(line)) problems += `${line}\n`;
    });
    const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
    const next = async (): Promise<unknown> => {
      // What Nest logs (it has no errors to report here) is no JSON.
      for (;;) {
        const { value, done } = (await lines.next()) as { value?: string; done?: boolean };
        if (done || value === undefined) throw new Error(`The host ended:\n${problems}`);
        if (value.startsWith('{')) return JSON.parse(value) as unknown;
        if (!REFUSALS.test(value)) problems += `${value}\n`;
      }
    };
    const report = (await next()) as Host['report'] & { port: string };
    return {
      origin: `http://127.0.0.1:${report.port}`,
      report,
      stop: async () => {
        const ended = once(child, 'exit');
        child.kill('SIGTERM');
        const last = await next();
        const [code] = (await ended) as [number | null];
        expect({ code, problems }).toEqual({ code: 0, problems: '' });
        return last;
      },
    };
  }

  async function streamOf(host: Host, headers: Record<string, string>): Promise<SseClient> {
    const client = await connect(`${host.origin}/api/feed/stream`, {
      headers: { 'accept-encoding': 'gzip, br', origin: 'https://page.example', ...headers },
    });
    await client.waitFor(({ event }) => event === 'feed.ready');
    return client;
  }

  const greet = (host: Host): Promise<Response> =>
    fetch(`${host.origin}/api/v1/things/greet`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'x-session': 'cookie-of-ada' },
      body: JSON.stringify({ name: 'Grace' }),
    });

  describe.each(['express', 'fastify'])('with %s', (adapter) => {
    beforeAll(async () => {
      database = await createTestDatabase();
    });
    afterAll(() => database.drop());

    it('streams, lists and ends under the prefixes, versions, pipes, filters, guards, interceptors, throttling and compression of the host', async () => {
      const host = await start(adapter, 'jwt');
      const jwt = await new SignJWT({ sub: 'ada' })
        .setProtectedHeader({ alg: 'HS256' })
        .setExpirationTime('1h')
        .sign(new TextEncoder().encode(SECRET));
      const authorization = `Bearer ${jwt}`;
      const client = await streamOf(host, { authorization });
      expect(client.headers['content-encoding']).toBeUndefined();
      expect(client.headers['access-control-allow-origin']).toBe('https://page.example');

      // Longer than the time limit of the host's interceptor, during which a stream has nothing to say.
      await new Promise((resolve) => setTimeout(resolve, 900));
      const own = await greet(host);
      expect({ status: own.status, body: await own.json() }).toMatchObject({
        status: 201,
        body: { envelope: true, data: { outcome: 'delivered' } },
      });
      const frame = await client.waitFor(({ event }) => event === 'greeting');
      expect(frame.id).toMatch(/^\w+-\d+$/);
      expect(JSON.parse(frame.data!)).toMatchObject({ type: 'greeting', title: 'Grace says hello' });

      const page = await fetch(`${host.origin}/api/feed/notifications`, { headers: { authorization } });
      expect(page.status).toBe(200);
      expect(await page.json()).toMatchObject({ unread: 1, items: [{ type: 'greeting' }] });
      const read = await fetch(`${host.origin}/api/feed/notifications/read`, {
        method: 'POST',
        headers: { authorization, 'content-type': 'application/json' },
        body: JSON.stringify({ upTo: frame.id }),
      });
      expect({ status: read.status, body: await read.json() }).toMatchObject({
        status: 200,
        body: { unread: 0 },
      });
      const refused = await fetch(`${host.origin}/api/feed/notifications`);
      expect(refused.status).toBe(401);
      expect(refused.headers.get('content-type')).toContain('application/problem+json');

      const things = await fetch(`${host.origin}/api/v1/things`, {
        headers: { 'x-session': 'cookie-of-ada' },
      });
      expect(await things.json()).toEqual({ envelope: true, data: { name: 'one' } });
      expect(await (await fetch(`${host.origin}/api/v1/things`)).json()).toEqual({
        hosts: true,
        status: 403,
      });
      for (const path of [
        'healthz',
        'readyz',
        'metrics',
        'docs',
        'api/metrics',
        'api/healthz',
        'v1/stream',
      ]) {
        expect([path, (await fetch(`${host.origin}/${path}`)).status]).toEqual([path, 404]);
      }

      expect(host.report.tables).toEqual({ entities: ['HostThing'], migration: [] });
      expect(host.report.queue).toEqual(redis ? { result: { took: { to: 'ada' } } } : null);

      expect(await host.stop()).toEqual({ closed: true, pool: { one: 1 } });
      expect(client.events.at(-1)?.event).toBe('feed.closing');
      expect(await client.closed).toBe('ended');
    }, 60_000);

    it('uses its own guard and sessions, and ends the stream of a session that has ended', async () => {
      const host = await start(adapter, 'guard');
      const stranger = await fetch(`${host.origin}/api/feed/stream`);
      expect(stranger.status).toBe(403);
      await stranger.text();
      const headers = { 'x-session': 'cookie-of-ada' };
      const client = await streamOf(host, headers);
      await fetch(`${host.origin}/api/v1/things/log-out`, { method: 'POST', headers });
      const { data } = await client.waitFor(({ event }) => event === 'feed.closing');
      expect(JSON.parse(data!)).toMatchObject({ reason: 'revoked' });
      expect(await client.closed).toBe('ended');
      expect(await host.stop()).toMatchObject({ closed: true });
    }, 60_000);
  });

  it('requires and imports every entry point of a server', () => {
    const program = `${project.type === 'module' ? 'await import' : 'require'}`;
    for (const entry of ['tidings', 'tidings/producer', 'tidings/testing']) {
      run(directory, process.execPath, '-e', `(async () => { ${program}('${entry}'); })()`);
    }
  });

  it('names the packages that the service needs and an importer does not have', () => {
    const start = spawnSync(process.execPath, ['node_modules/tidings/dist/main.js'], {
      cwd: directory,
      encoding: 'utf8',
    });
    expect([start.status, start.stdout]).toEqual([1, '']);
    expect(start.stderr).toMatch(/^The service needs packages .*: npm install .*swagger-ui-dist yaml\n$/);
  });

  it('installs no more than the budget', () => {
    const size = megabytes(join(directory, 'node_modules', 'tidings'));
    // Nothing of these would be there without us; what they share with the host's own counts as ours.
    const names = [
      'tidings',
      'typeorm',
      'pg',
      'bullmq',
      'ioredis',
      'jose',
      'zod',
      'msgpackr',
      'luxon',
      'dayjs',
    ];
    const installed = names
      .map((dependency) => megabytes(join(directory, 'node_modules', dependency)))
      .reduce((sum, each) => sum + each, 0);
    console.log(
      `${name}: tidings ${size.toFixed(1)} MB, with its larger dependencies ${installed.toFixed(1)} MB`,
    );
    expect(size).toBeLessThan(OWN_BUDGET_MB);
    expect(installed).toBeLessThan(INSTALLED_BUDGET_MB);
  });
});

function megabytes(directory: string): number {
  const files = readdirSync(directory, { recursive: true, withFileTypes: true }).filter(
    (entry) => entry.isFile() && !entry.parentPath.includes('tidings/node_modules'),
  );
  return (
    files.reduce((sum, { parentPath, name }) => sum + statSync(join(parentPath, name)).size, 0) / 1_000_000
  );
}

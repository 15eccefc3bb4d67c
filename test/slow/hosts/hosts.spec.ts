import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { SignJWT } from 'jose';
import { createTestDatabase, type TestDatabase } from '../../support/postgres.js';
import { hasRedis, startRedis, type RedisServer } from '../../support/redis.js';
import { connect, type SseClient, type SseFrame } from '../../support/sse-client.js';
import { compile, HOSTS, install, installLinked, outside, pack, PACKAGE, run } from './install.js';
import { nodeOf, NODES } from './nodes.js';

const SECRET = 'the secret of the hosts, 32 bytes or more';
/** What an importer installs because of us, dependencies included. */
const INSTALLED_BUDGET_MB = 75;
/** What is ours of it. */
const OWN_BUDGET_MB = 3;

/** A warning about the requests that these tests send without a credential. */
const REFUSALS = /Requests refused for their credentials/;
/** Node 22.12 alone has it, when a CommonJS host requires us. */
const REQUIRE_WARNING =
  /ExperimentalWarning: CommonJS module .* is loading ES Module|^Support for loading ES Module in require|node --trace-warnings/;

/** Each Nest runs on each Node: the four hosts of a Nest share them out. */
const ADAPTERS = [
  ['express', { jwt: 20, guard: 22 }],
  ['fastify', { jwt: 24, guard: 22 }],
] as const;

const WAIT = { timeoutMs: 30_000 };

interface Host {
  readonly origin: string;
  readonly report: { node: string; tables: { entities: string[]; migration: string[] }; queue: unknown };
  /** Sends SIGTERM; resolves with what the host says at its end. */
  stop(): Promise<unknown>;
}

const home = outside();
const directoryOf = (name: string): string => join(home.path, name.replace(/\W+/g, '-').toLowerCase());
const nodes = new Map<number, string>();
let tarball: string;
let redis: RedisServer | null = null;
const running: ChildProcess[] = [];

/** Nest 11 is installed by npm, as a user does it; Nest 12 is that of the repository. */
async function prepare(name: keyof typeof HOSTS): Promise<void> {
  const project = HOSTS[name];
  await (project.type === 'commonjs' ? install : installLinked)(directoryOf(name), tarball, project);
  await compile(directoryOf(name), join(PACKAGE, 'test/slow/hosts/host'));
}

beforeAll(async () => {
  tarball = await pack(home.path);
  const names = Object.keys(HOSTS) as (keyof typeof HOSTS)[];
  const majors = Object.keys(NODES).map(Number) as (keyof typeof NODES)[];
  // At once: npm waits for the disk and the network, compilers do not.
  await Promise.all([
    ...names.map(prepare),
    ...majors.map(async (major) => nodes.set(major, await nodeOf(major))),
    (async () => {
      redis = hasRedis() ? await startRedis() : null;
    })(),
  ]);
}, 480_000);

afterAll(async () => {
  await redis?.stop();
  home.remove();
});

it('resolves the types of every entry point as its code', async () => {
  // It is of ES modules alone, which `require` of every Node that we support loads; whether its types agree, the CommonJS host below says.
  await run(
    PACKAGE,
    process.execPath,
    'node_modules/@arethetypeswrong/cli/dist/index.js',
    tarball,
    '--profile',
    'esm-only',
  );
}, 120_000);

describe.each(Object.entries(HOSTS))('a host on %s', (name, project) => {
  const directory = directoryOf(name);
  let database: TestDatabase;

  afterEach(() => {
    for (const child of running.splice(0)) child.kill('SIGKILL');
  });

  async function start(node: number, adapter: string, credential: string): Promise<Host> {
    const child = spawn(nodes.get(node)!, ['dist/host.js'], {
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
      if (!REFUSALS.test(line) && !REQUIRE_WARNING.test(line)) problems += `${line}\n`;
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
    expect(report.node).toMatch(new RegExp(`^v${node}\\.`));
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
    await client.waitFor(({ event }) => event === 'feed.ready', WAIT);
    return client;
  }

  const greet = (host: Host, name = 'Grace'): Promise<Response> =>
    fetch(`${host.origin}/api/v1/things/greet`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'x-session': 'cookie-of-ada' },
      body: JSON.stringify({ name }),
    });
  const isGreeting = ({ event }: SseFrame): boolean => event === 'greeting';

  /** Goes away after a greeting, and comes back for what it has missed. */
  async function comeBack(
    host: Host,
    client: SseClient,
    headers: Record<string, string>,
  ): Promise<SseClient> {
    const { id } = await client.waitFor(isGreeting, WAIT);
    await client.close();
    expect((await greet(host, 'Alan')).status).toBe(201);
    const again = await streamOf(host, { ...headers, 'last-event-id': id! });
    await again.waitFor(isGreeting, WAIT);
    const titles = again.frames.filter(isGreeting).map(({ data }) => JSON.parse(data!) as { title: string });
    expect(titles).toMatchObject([{ title: 'Alan says hello' }]);
    return again;
  }

  describe.each(ADAPTERS)('with %s', (adapter, { jwt: nodeOfJwt, guard: nodeOfGuard }) => {
    beforeAll(async () => {
      database = await createTestDatabase();
    });
    afterAll(() => database.drop());

    it(`streams, resumes, lists and ends under the prefixes, versions, pipes, filters, guards, interceptors, throttling and compression of the host, on Node ${nodeOfJwt}`, async () => {
      const host = await start(nodeOfJwt, adapter, 'jwt');
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
      const frame = await client.waitFor(isGreeting, WAIT);
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

      const again = await comeBack(host, client, { authorization });
      expect(await host.stop()).toEqual({ closed: true, pool: { one: 1 } });
      expect(again.events.at(-1)?.event).toBe('feed.closing');
      expect(await again.closed).toBe('ended');
    }, 120_000);

    it(`uses its own guard and sessions, and ends the stream of a session that has ended, on Node ${nodeOfGuard}`, async () => {
      const host = await start(nodeOfGuard, adapter, 'guard');
      const stranger = await fetch(`${host.origin}/api/feed/stream`);
      expect(stranger.status).toBe(403);
      await stranger.text();
      const headers = { 'x-session': 'cookie-of-ada' };
      const first = await streamOf(host, headers);
      expect((await greet(host)).status).toBe(201);
      const client = await comeBack(host, first, headers);
      await fetch(`${host.origin}/api/v1/things/log-out`, { method: 'POST', headers });
      const { data } = await client.waitFor(({ event }) => event === 'feed.closing', WAIT);
      expect(JSON.parse(data!)).toMatchObject({ reason: 'revoked' });
      expect(await client.closed).toBe('ended');
      expect(await host.stop()).toMatchObject({ closed: true });
    }, 120_000);
  });

  it('requires and imports every entry point of a server', async () => {
    const load = project.type === 'module' ? 'await import' : 'require';
    const entries = ['tidings', 'tidings/producer', 'tidings/testing'];
    const program = entries.map((entry) => `${load}('${entry}');`).join(' ');
    await run(directory, process.execPath, '-e', `(async () => { ${program} })()`);
  }, 60_000);

  it('names the packages that the service needs and an importer does not have', async () => {
    const start = run(directory, process.execPath, 'node_modules/tidings/dist/main.js');
    await expect(start).rejects.toThrow(
      / failed \(1\):\nThe service needs packages .*: npm install .*swagger-ui-dist yaml\n$/,
    );
  }, 60_000);

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

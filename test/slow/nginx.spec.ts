import { afterAll, beforeAll, beforeEach, expect, it } from '@jest/globals';
import { COOKIE, Deployment, PRODUCER_KEY } from '../support/deployment.js';
import { startDns, type DnsServer } from '../support/dns-server.js';
import { eventually } from '../support/eventually.js';
import { startNginx, type Nginx } from '../support/nginx.js';
import { readFileSync } from 'node:fs';
import { createConnection } from 'node:net';
import { parse } from 'yaml';
import { freePort } from '../support/ports.js';
import { buildService, killServices } from '../support/service.js';
import { connect, type SseClient } from '../support/sse-client.js';
import { describeWith } from '../support/tools.js';

const INSTANCES = ['127.0.0.1', '127.0.0.2'];
const NOBODY = '127.0.0.3';
const READ_TIMEOUT_S = 2;

describeWith('nginx', 'nginx in front of two instances', () => {
  let deployment: Deployment;
  let dns: DnsServer;
  let nginx: Nginx;
  let token: string;
  let servicePort: string;
  let addresses: readonly string[];

  beforeAll(async () => {
    await buildService();
    deployment = await Deployment.open('postgres');
    servicePort = String(await freePort());
    // One after the other: they share what the first one migrates.
    for (const HOST of INSTANCES) {
      await deployment.start({ HOST, PORT: servicePort, STREAM_HEARTBEAT_MS: '400' });
    }
    dns = await startDns('api', () => addresses);
    nginx = await startNginx({
      // Each process would have an idea of its own of where the name points.
      'worker_processes auto': 'worker_processes 1',
      'http://api:3000': `http://api:${servicePort}`,
      'resolver 127.0.0.11 valid=2s': `resolver 127.0.0.1:${dns.port} valid=1s`,
      'proxy_read_timeout 60s': `proxy_read_timeout ${READ_TIMEOUT_S}s`,
    });
    token = await deployment.token('ada');
  }, 300_000);

  beforeEach(async () => {
    addresses = INSTANCES;
    await eventually(async () => (await fetch(`${nginx.origin}/healthz`)).ok);
  });

  afterAll(async () => {
    await nginx?.stop();
    await dns?.close();
    await killServices();
    await deployment?.close();
  });

  function watch(headers: Record<string, string> = {}): Promise<SseClient> {
    return connect(`${nginx.origin}/v1/stream`, {
      headers: { Authorization: `Bearer ${token}`, ...headers },
    });
  }

  /** What the world looks like when no instance answers. */
  async function loseInstances(...found: string[]): Promise<void> {
    addresses = found;
    await eventually(async () => (await fetch(`${nginx.origin}/healthz`)).status === 503);
  }

  const ORIGIN = 'https://app.example.com';
  /** The request of a page of another origin, whose browser lets it read the answer and its Retry-After. */
  async function fetchFromPage(url: string, init: RequestInit = {}): Promise<Response> {
    const response = await fetch(url, { ...init, headers: { ...init.headers, Origin: ORIGIN } });
    const { headers } = response;
    expect({
      origin: headers.get('access-control-allow-origin'),
      credentials: headers.get('access-control-allow-credentials'),
      vary: headers.get('vary'),
    }).toEqual({ origin: ORIGIN, credentials: 'true', vary: 'Origin' });
    if (headers.has('retry-after')) expect(headers.get('access-control-expose-headers')).toBe('Retry-After');
    return response;
  }

  it('passes each frame at once, from both instances', async () => {
    const clients = await Promise.all(Array.from({ length: 8 }, () => watch({ 'Accept-Encoding': 'gzip' })));
    for (const client of clients) await client.waitFor(({ event }) => event === 'feed.ready');
    for (const n of ['one', 'two', 'three']) {
      await deployment.add('ada', n);
      for (const client of clients) await client.waitFor(({ raw }) => raw.includes(`"Task ${n}"`));
    }
    expect(clients[0]!.headers['content-type']).toMatch(/^text\/event-stream/);
    expect(clients[0]!.headers['content-encoding']).toBeUndefined();
    await Promise.all(clients.map((client) => client.close()));
  });

  it('passes Last-Event-ID, and the answer to an invalid one', async () => {
    // One after the other: workers are concurrent, two jobs at once may come in either order.
    const first = await watch({ 'Last-Event-ID': '0' });
    await deployment.add('ada', 'before');
    const seen = await first.waitFor(({ raw }) => raw.includes('"Task before"'));
    await deployment.add('ada', 'behind');
    await first.waitFor(({ raw }) => raw.includes('"Task behind"'));
    await first.close();
    const second = await watch({ 'Last-Event-ID': seen.id! });
    await second.waitFor(({ raw }) => raw.includes('"Task behind"'));
    expect(second.raw).not.toContain('"Task before"');
    await second.close();
    const third = await watch({ 'Last-Event-ID': 'nonsense' });
    expect((await third.waitFor(({ event }) => event === 'feed.reset')).data).toContain('malformed');
    await third.close();
  });

  it('keeps an idle stream longer than its read timeout, because the service sends heartbeats', async () => {
    const idle = await watch();
    const since = performance.now();
    await idle.waitFor(() => performance.now() - since > 2.5 * READ_TIMEOUT_S * 1_000, { timeoutMs: 15_000 });
    expect(idle.frames.filter(({ raw }) => raw === ': hb').length).toBeGreaterThan(4);
    await deployment.add('ada', 'after the silence');
    await idle.waitFor(({ raw }) => raw.includes('"Task after the silence"'));
    await idle.close();
  });

  it('passes answers unchanged: errors, cookies of its own origin, accepted jobs', async () => {
    const refused = await fetch(`${nginx.origin}/v1/stream`);
    expect([refused.status, await refused.json()]).toMatchObject([401, { code: 'unauthenticated' }]);
    const sameOrigin = await connect(`${nginx.origin}/v1/stream`, {
      headers: { Cookie: `${COOKIE}=${token}`, Origin: nginx.origin, 'Sec-Fetch-Site': 'same-origin' },
    });
    await sameOrigin.waitFor(({ event }) => event === 'feed.ready');
    await sameOrigin.close();
    const accepted = await fetch(`${nginx.origin}/v1/notifications`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json', 'X-API-Key': PRODUCER_KEY },
      body: JSON.stringify({ type: 'announcement', to: 'grace', data: { title: 'Through nginx' } }),
    });
    expect(accepted.status).toBe(202);
  });

  it('passes the operations of users and producers to the public, and those of operators on a port of their own', async () => {
    const document = parse(readFileSync(new URL('../../docs/openapi.yaml', import.meta.url), 'utf8')) as {
      paths: Record<string, Record<string, { security?: Record<string, unknown>[] }>>;
    };
    const AUDIENCES: Record<string, 'public' | 'operators'> = {
      token: 'public',
      producerKey: 'public',
      supportKey: 'operators',
      adminKey: 'operators',
    };
    const passed = { public: 0, operators: 0 };
    for (const [template, methods] of Object.entries(document.paths)) {
      const path = template
        .replace('{id}', '0190163d-8694-739b-aea5-966c26f8ad91')
        .replace('{recipient}', 'ada');
      for (const [method, { security = [] }] of Object.entries(methods)) {
        const audience = security.length > 0 ? AUDIENCES[Object.keys(security[0]!)[0]!]! : null;
        const codeAt = async (origin: string): Promise<number> =>
          (await fetch(origin + path, { method: method.toUpperCase() })).status;
        if (audience === null) continue;
        passed[audience] += 1;
        // Without a credential: the service refuses, nginx does not know.
        expect([method, path, await codeAt(nginx.origin)]).toEqual([
          method,
          path,
          audience === 'public' ? 401 : 404,
        ]);
        expect([method, path, await codeAt(nginx.operatorsOrigin)]).toEqual([
          method,
          path,
          audience === 'public' ? 404 : 401,
        ]);
      }
    }
    expect(passed.public).toBeGreaterThan(10);
    expect(passed.operators).toBeGreaterThan(2);
  });

  it('passes no path that means another one decoded', async () => {
    for (const path of [
      '/v1/feeds/x%2f..%2f..%2fpreferences',
      '/v1/feeds/%2e%2e/preferences',
      '/v1//preferences',
      '/V1/preferences',
      '/v1/preferences/',
    ]) {
      const response = await rawRequest(nginx.origin, path);
      expect([path, response]).toEqual([
        path,
        expect.stringMatching(/^HTTP\/1\.1 404 [^]*This path is not open to the outside/),
      ]);
    }
  });

  it('writes no names and no tickets into the log', async () => {
    await fetch(`${nginx.origin}/v1/stream?ticket=a-ticket`);
    await fetch(`${nginx.operatorsOrigin}/v1/feeds/ada-lovelace/notifications?tenant=analytical`, {
      headers: { Referer: 'https://app.example.com/users/ada-lovelace' },
    });
    await eventually(() => nginx.log().includes('"GET /v1/feeds/:recipient/notifications HTTP/1.1" 401'));
    expect(nginx.log()).not.toMatch(/ada-lovelace|analytical|a-ticket/);
  });

  it('exposes no other paths, and answers requests for them with a problem', async () => {
    for (const path of ['/metrics', '/readyz', '/docs', '/demo', '/', '/v1', '/v1/feeds/ada/notifications']) {
      const response = await fetchFromPage(nginx.origin + path, { redirect: 'manual' });
      const problem = (await response.json()) as { code: string };
      expect([path, response.status, response.headers.get('content-type'), problem.code]).toEqual([
        path,
        404,
        'application/problem+json',
        'not-found',
      ]);
    }
    const large = await fetchFromPage(`${nginx.origin}/v1/notifications`, {
      method: 'POST',
      body: 'x'.repeat(3e6),
    });
    expect([large.status, await large.json()]).toMatchObject([413, { status: 413, code: 'too-large' }]);
  });

  it('limits the requests of an address, and tells a stream and other requests when to come back', async () => {
    const limited = await startNginx({
      'http://api:3000': `http://api:${servicePort}`,
      'resolver 127.0.0.11 valid=2s': `resolver 127.0.0.1:${dns.port} valid=1s`,
      'rate=100r/s': 'rate=1r/m',
      'burst=1000': 'burst=2',
    });
    try {
      const statuses: number[] = [];
      for (let i = 0; i < 4; i += 1) statuses.push((await fetch(`${limited.origin}/v1/preferences`)).status);
      expect(statuses).toEqual([401, 401, 401, 429]);
      const refused = await fetchFromPage(`${limited.origin}/v1/preferences`);
      expect(refused.headers.get('retry-after')).toBe('1');
      expect([refused.headers.get('content-type'), await refused.json()]).toMatchObject([
        'application/problem+json',
        { status: 429, code: 'rate-limited' },
      ]);
      const stream = await connect(`${limited.origin}/v1/stream`, {
        headers: { 'Last-Event-ID': 'k3v9x2ab-41' },
      });
      expect([stream.status, await stream.waitFor(() => true)]).toMatchObject([
        200,
        { event: 'feed.closing', id: 'k3v9x2ab-41' },
      ]);
      await stream.close();
      // Producers have a limit of their own.
      expect((await fetch(`${limited.origin}/v1/notifications`, { method: 'POST' })).status).toBe(401);
    } finally {
      await limited.stop();
    }
  });

  it('limits the connections of an address', async () => {
    const limited = await startNginx({
      'http://api:3000': `http://api:${servicePort}`,
      'resolver 127.0.0.11 valid=2s': `resolver 127.0.0.1:${dns.port} valid=1s`,
      'limit_conn connections 2000': 'limit_conn connections 2',
    });
    const headers = { Authorization: `Bearer ${token}` };
    const open: SseClient[] = [];
    try {
      for (let i = 0; i < 2; i += 1) open.push(await connect(`${limited.origin}/v1/stream`, { headers }));
      for (const stream of open) await stream.waitFor(({ event }) => event === 'feed.ready');
      expect((await fetch(`${limited.origin}/v1/preferences`, { headers })).status).toBe(429);
      await open.pop()!.close();
      await eventually(async () =>
        expect((await fetch(`${limited.origin}/v1/preferences`, { headers })).status).toBe(200),
      );
    } finally {
      for (const stream of open) await stream.close();
      await limited.stop();
    }
  });

  it('skips an instance that is down', async () => {
    await loseInstances(NOBODY);
    addresses = [NOBODY, ...INSTANCES];
    const status = async (): Promise<number> => (await fetch(`${nginx.origin}/healthz`)).status;
    await eventually(async () => (await status()) === 200);
    // A third of them would have gone there.
    for (let i = 0; i < 30; i += 1) expect(await status()).toBe(200);
  });

  it.each([
    ['no instance takes connections', [NOBODY]],
    ['the name has no address', []],
  ])('answers a stream with 200 and a time to come back when %s', async (_, found) => {
    await loseInstances(...found);
    const retries = new Set<number>();
    for (const [sent, said] of [
      ['', ''],
      ['0', '0'],
      ['k3v9x2ab-41', 'k3v9x2ab-41'],
      ['nonsense "}', 'malformed'],
    ] as const) {
      const client = await watch({
        Origin: 'https://app.example.com',
        ...(sent && { 'Last-Event-ID': sent }),
      });
      expect(client.status).toBe(200);
      expect(client.headers).toMatchObject({
        'content-type': 'text/event-stream',
        'cache-control': 'no-store',
        'access-control-allow-origin': 'https://app.example.com',
        'access-control-allow-credentials': 'true',
      });
      expect(await client.closed).toBe('ended');
      const [frame] = client.frames;
      expect(client.frames).toHaveLength(1);
      expect(frame).toMatchObject({ event: 'feed.closing', id: said });
      expect(JSON.parse(frame!.data!)).toEqual({
        type: 'feed.closing',
        reason: 'unavailable',
        retryInMs: frame!.retry,
      });
      retries.add(frame!.retry!);
    }
    for (let i = 0; i < 20; i += 1) retries.add((await (await watch()).waitFor(() => true)).retry!);
    expect(Math.min(...retries)).toBeGreaterThanOrEqual(1_000);
    expect(Math.max(...retries)).toBeLessThanOrEqual(5_000);
    expect(retries.size).toBeGreaterThan(2);
  });

  it('answers other requests with a problem and Retry-After when no instance is up', async () => {
    await loseInstances(NOBODY);
    const response = await fetchFromPage(`${nginx.origin}/v1/notifications`, { method: 'POST', body: '{}' });
    expect(response.status).toBe(503);
    const sameOrigin = await fetch(`${nginx.origin}/v1/notifications`, { method: 'POST', body: '{}' });
    expect([...sameOrigin.headers.keys()].filter((name) => name.startsWith('access-control'))).toEqual([]);
    expect(response.headers.get('content-type')).toBe('application/problem+json');
    expect(response.headers.get('retry-after')).toBe('3');
    expect(await response.json()).toMatchObject({ status: 503, code: 'service-unavailable' });
  });
});

/** The answer to a path that is sent as it is: `fetch` would normalize it. */
function rawRequest(origin: string, path: string): Promise<string> {
  const { hostname, port, host } = new URL(origin);
  return new Promise((resolve, reject) => {
    let answer = '';
    const socket = createConnection(Number(port), hostname, () =>
      socket.write(`GET ${path} HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`),
    );
    socket.setEncoding('utf8').on('data', (text: string) => (answer += text));
    socket.on('error', reject).on('end', () => resolve(answer));
  });
}

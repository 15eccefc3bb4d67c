import { spawn, spawnSync } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { eventually } from '../support/eventually.js';
import { createTestDatabase, type TestDatabase } from '../support/postgres.js';
import {
  buildService,
  killServices,
  spawnService,
  startService,
  type ServiceProcess,
} from '../support/service.js';
import { connect, type SseClient } from '../support/sse-client.js';
import { testDirectory } from '../support/test-root.js';

// Processes start, and on a busy machine that takes a while.
jest.setTimeout(120_000);
beforeAll(() => buildService(), 180_000);

async function publish(service: ServiceProcess, job: object): Promise<{ status: number; body: unknown }> {
  const response = await fetch(`${service.origin}/v1/notifications`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json', 'X-API-Key': service.apiKey },
    body: JSON.stringify(job),
  });
  return { status: response.status, body: await response.json() };
}

function watch(service: ServiceProcess, lastEventId = '0'): Promise<SseClient> {
  const headers = { Authorization: `Bearer ${service.token}`, 'Last-Event-ID': lastEventId };
  return connect(`${service.origin}/v1/stream`, { headers });
}

const mediaType = (response: Response): string | undefined =>
  response.headers.get('content-type')?.split(';')[0];

describe('the service without any settings', () => {
  let service: ServiceProcess;
  beforeAll(async () => {
    service = await startService();
  });
  afterAll(async () => {
    await service.stop();
    await killServices();
  });

  it('prints two commands, to watch a feed and to publish to it, that work when pasted into a shell', async () => {
    const curl = spawn('sh', ['-c', `exec ${service.command('curl -N')}`], {
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    let frames = '';
    curl.stdout.setEncoding('utf8').on('data', (text: string) => (frames += text));
    try {
      await eventually(() => frames.includes('event: feed.ready'));
      const published = spawnSync('sh', ['-c', service.command('curl -X POST')], { encoding: 'utf8' });
      expect(JSON.parse(published.stdout)).toEqual({
        jobs: [{ id: expect.any(String) as unknown, outcome: 'delivered' }],
      });
      await eventually(() => frames.includes('event: task-completed'));
      expect(frames).toMatch(/event: task-completed\nid: [a-z0-9]+-\d+\ndata: \{.*"title":.*\}\n\n/);
    } finally {
      curl.kill();
    }
  });

  it('serves the page that it names', async () => {
    const url = /browser: (\S+)/.exec(service.stdout)?.[1];
    const page = await fetch(url!);
    expect(page.status).toBe(200);
    expect(await page.text()).toContain('<title>Tidings demo</title>');
    expect((await fetch(`${url}/demo.js`)).status).toBe(200);
  });

  it('listens on loopback only', () => {
    expect(service.origin).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/);
  });

  it('reports that it is alive and ready', async () => {
    const alive = await fetch(`${service.origin}/healthz`);
    expect([alive.status, await alive.json()]).toEqual([200, { status: 'alive' }]);
    const ready = await fetch(`${service.origin}/readyz`);
    const report = (await ready.json()) as { checks: { name: string; status: string }[] };
    expect(ready.status).toBe(200);
    expect(report.checks.map(({ status }) => status)).toEqual(report.checks.map(() => 'ok'));
    expect(report.checks.length).toBeGreaterThanOrEqual(2);
  });

  it('exports metrics to Prometheus', async () => {
    expect(
      (await publish(service, { type: 'announcement', to: 'ada', data: { title: 'Counted' } })).status,
    ).toBe(202);
    const stream = await watch(service);
    await stream.waitFor(({ raw }) => raw.includes('Counted'));
    const value = async (name: string): Promise<number> => {
      const response = await fetch(`${service.origin}/metrics`);
      expect(response.headers.get('content-type')).toMatch(/^text\/plain; version=0\.0\.4/);
      const text = await response.text();
      // With labels: their sum.
      const values = [...text.matchAll(new RegExp(`^${name}(?:\\{[^}]*\\})? (\\S+)$`, 'gm'))];
      if (values.length === 0) throw new Error(`no metric ${name}`);
      return values.reduce((sum, [, number]) => sum + Number(number), 0);
    };
    expect(await value('tidings_streams_open')).toBe(1);
    expect(await value('tidings_entries_appended_total')).toBeGreaterThan(0);
    expect(await value('tidings_entries_delivered_total')).toBeGreaterThan(0);
    expect(await value('tidings_append_batch_duration_seconds_count')).toBeGreaterThan(0);
    expect(await value('tidings_append_batch_entries_sum')).toBeGreaterThan(0);
    expect(await value('tidings_queue_jobs')).toBeGreaterThanOrEqual(0);
    expect(await value('process_resident_memory_bytes')).toBeGreaterThan(0);
    expect(await value('tidings_stream_heals_total')).toBe(0);
    await stream.close();
    await eventually(async () => (await value('tidings_streams_open')) === 0);
  });

  it('answers unknown paths and unacceptable bodies with problems', async () => {
    const send = async (body: string): Promise<unknown[]> => {
      const response = await fetch(`${service.origin}/v1/notifications`, {
        method: 'POST',
        headers: { 'Content-Type': 'application/json', 'X-API-Key': service.apiKey },
        body,
      });
      const { code } = (await response.json()) as { code: string };
      return [response.status, mediaType(response), code];
    };
    const unknown = await fetch(`${service.origin}/nothing/here`);
    expect([unknown.status, mediaType(unknown)]).toEqual([404, 'application/problem+json']);
    expect(unknown.headers.get('x-powered-by')).toBeNull();
    expect(await send('{"type":')).toEqual([400, 'application/problem+json', 'invalid-request']);
    expect(await send(JSON.stringify({ data: 'x'.repeat(2_000_000) }))).toEqual([
      413,
      'application/problem+json',
      'too-large',
    ]);
  });

  it('keeps its credentials in a file of the data directory', async () => {
    const file = join(service.dataDir, 'development-credentials.json');
    expect(JSON.parse(await readFile(file, 'utf8'))).toMatchObject({ producerApiKey: service.apiKey });
  });

  it('survives a second one on its port, which exits and names the fix', async () => {
    const { port } = new URL(service.origin);
    const second = await spawnService({ PORT: port, TIDINGS_DATA_DIR: service.dataDir });
    expect(await second.exited).toMatchObject({ code: 1 });
    expect(second.stderr).toBe(
      `Tidings cannot start. These settings are not valid:\n  - PORT: ${port} is taken on 127.0.0.1 by another program; take another, such as PORT=${Number(port) + 1}\n`,
    );
    expect((await fetch(`${service.origin}/readyz`)).status).toBe(200);
  });
});

describe('the service with settings', () => {
  let database: TestDatabase;
  beforeAll(async () => {
    database = await createTestDatabase();
  });
  afterEach(killServices);
  afterAll(() => database.drop());

  it("takes jobs of a team's own types", async () => {
    const folder = testDirectory('types');
    const file = join(folder, 'types.mjs');
    await writeFile(
      file,
      `export const parcel = {
        name: 'parcel', version: 1,
        schema: { '~standard': { version: 1, vendor: 'test', validate: (value) => ({ value }) } },
        render: (data) => ({ title: 'Parcel ' + data.number }),
      };`,
    );
    const service = await startService({ DATABASE_URL: database.url, TIDINGS_TYPES: file });
    const stream = await watch(service);
    expect(await publish(service, { type: 'parcel', to: 'ada', data: { number: 7 } })).toMatchObject({
      status: 202,
    });
    const frame = await stream.waitFor(({ event }) => event === 'parcel');
    expect(JSON.parse(frame.data!)).toMatchObject({ type: 'parcel', title: 'Parcel 7', data: { number: 7 } });
    await stream.close();
    expect(await service.stop()).toMatchObject({ code: 0 });
  });

  it('prints no credential in production, logs JSON lines, and accepts tokens of the given secret', async () => {
    const secret = 'a-secret-of-at-least-32-bytes-for-HS256';
    const key = 'producer-key-number-1';
    const service = await startService({
      NODE_ENV: 'production',
      DATABASE_URL: database.url,
      HOST: '127.0.0.1',
      AUTH_JWT_SECRET: secret,
      PRODUCER_API_KEYS: key,
    });
    const { origin } = service;
    for (const path of ['/demo', '/metrics', '/docs']) {
      expect((await fetch(origin + path)).status).toBe(404);
    }
    await eventually(async () => expect((await fetch(`${origin}/readyz`)).status).toBe(200));
    expect(await service.stop()).toMatchObject({ code: 0 });
    const output = service.stdout + service.stderr;
    expect(output).not.toMatch(/curl|Bearer|development/);
    expect(output).not.toContain(new URL(database.url).password);
    expect(output).not.toContain(secret);
    expect(output).not.toContain(key);
    for (const line of output.trim().split('\n')) expect(JSON.parse(line)).toHaveProperty('message');
  });

  it('serves only health and metrics as a worker', async () => {
    const service = await startService({ DATABASE_URL: database.url, TIDINGS_ROLES: 'worker' });
    for (const path of ['/v1/stream', '/demo']) {
      expect((await fetch(`${service.origin}${path}`)).status).toBe(404);
    }
    for (const path of ['/healthz', '/readyz', '/metrics']) {
      // Ready as soon as the worker takes jobs.
      await eventually(async () => expect((await fetch(`${service.origin}${path}`)).status).toBe(200));
    }
    expect(await service.stop()).toMatchObject({ code: 0 });
  });
});

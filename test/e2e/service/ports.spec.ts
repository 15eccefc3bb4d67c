import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { eventually } from '../../support/eventually.js';
import { createMigratedDatabase, type TestDatabase } from '../../support/postgres.js';
import { freePort } from '../../support/ports.js';
import { buildService, killServices, startService, type ServiceProcess } from '../../support/service.js';

const API_KEY = 'producer-key-number-1';
const SECRET = 'a-secret-of-at-least-32-bytes-for-HS256';

describe('the ports of the service', () => {
  let database: TestDatabase;
  let production: ServiceProcess;
  let admin: string;
  beforeAll(async () => {
    await buildService();
    database = await createMigratedDatabase();
    const adminPort = String(await freePort());
    admin = `http://127.0.0.1:${adminPort}`;
    production = await startService({
      NODE_ENV: 'production',
      DATABASE_URL: database.url,
      HOST: '127.0.0.1',
      AUTH_JWT_SECRET: SECRET,
      PRODUCER_API_KEYS: API_KEY,
      TIDINGS_ADMIN_PORT: adminPort,
    });
    // As soon as the worker takes jobs.
    await eventually(async () => expect((await fetch(`${production.origin}/readyz`)).status).toBe(200));
  }, 240_000);
  afterAll(async () => {
    await production?.stop();
    await killServices();
    await database?.drop();
  });

  const statuses = (origin: string, paths: readonly string[]): Promise<[string, number][]> =>
    Promise.all(
      paths.map(async (path): Promise<[string, number]> => [path, (await fetch(origin + path)).status]),
    );

  it('keep metrics and docs to the admin port, health on both, and the rest to the public one', async () => {
    const paths = [
      '/metrics',
      '/docs',
      '/docs/openapi.yaml',
      '/healthz',
      '/readyz',
      '/v1/stream',
      '/nothing',
    ];
    expect(await statuses(production.origin, paths)).toEqual([
      ['/metrics', 404],
      ['/docs', 404],
      ['/docs/openapi.yaml', 404],
      ['/healthz', 200],
      ['/readyz', 200],
      ['/v1/stream', 401],
      ['/nothing', 404],
    ]);
    expect(await statuses(admin, paths)).toEqual([
      ['/metrics', 200],
      ['/docs', 200],
      ['/docs/openapi.yaml', 200],
      ['/healthz', 200],
      ['/readyz', 200],
      ['/v1/stream', 404],
      ['/nothing', 404],
    ]);
    // Whether a path exists on the other port does not show.
    const [hidden, unknown] = await Promise.all(
      ['/metrics', '/nothing'].map(async (path) => (await fetch(production.origin + path)).json()),
    );
    expect(hidden).toEqual({ ...(unknown as object), detail: 'Cannot GET /metrics' });
  });

  it('answer only to the one spelling of each path', async () => {
    const spellings = ['/HEALTHZ', '/healthz/', '/Readyz', '/V1/stream', '/v1/stream/', '/v1//stream'];
    expect(await statuses(production.origin, spellings)).toEqual(spellings.map((path) => [path, 404]));
    const onAdmin = ['/METRICS', '/metrics/', '/Docs', '/docs/', '/docs/OpenAPI.yaml'];
    expect(await statuses(admin, onAdmin)).toEqual(onAdmin.map((path) => [path, 404]));
    const wrongMethod = await fetch(`${production.origin}/v1/Notifications/read`, { method: 'PUT' });
    expect(wrongMethod.status).toBe(404);
  });

  it('send the usual headers, and no name of the software', async () => {
    for (const path of ['/healthz', '/v1/stream', '/nothing']) {
      const { headers } = await fetch(production.origin + path);
      expect([path, Object.fromEntries(headers)]).toEqual([
        path,
        expect.objectContaining({
          'content-security-policy':
            "default-src 'none';base-uri 'none';form-action 'none';frame-ancestors 'none'",
          'cross-origin-opener-policy': 'same-origin',
          'cross-origin-resource-policy': 'same-origin',
          'referrer-policy': 'no-referrer',
          'x-content-type-options': 'nosniff',
          'x-frame-options': 'DENY',
        }),
      ]);
      expect(headers.has('x-powered-by')).toBe(false);
      // For whoever ends TLS.
      expect(headers.has('strict-transport-security')).toBe(false);
    }
    const docs = await fetch(`${admin}/docs`);
    expect(docs.headers.get('content-security-policy')).toMatch(/^default-src 'none'; script-src 'self'/);
    expect(docs.headers.get('x-content-type-options')).toBe('nosniff');
  });

  it('give each request an id, in its answer and in the lines that it causes', async () => {
    const idOf = async (headers: Record<string, string>): Promise<string | null> =>
      (await fetch(`${production.origin}/nothing`, { headers })).headers.get('x-request-id');
    expect(await idOf({ 'x-request-id': 'edge-17/a' })).toBe('edge-17/a');
    for (const given of ['a b', 'x'.repeat(129), '{"a":1}']) {
      expect(await idOf({ 'x-request-id': given })).toMatch(/^[0-9a-f-]{36}$/);
    }
    await fetch(`${production.origin}/v1/notifications/recall`, {
      method: 'POST',
      headers: { 'x-api-key': API_KEY, 'x-request-id': 'recall-1', 'content-type': 'application/json' },
      body: JSON.stringify({ to: 'ada', dedupeKey: 'k' }),
    });
    await production.says(/recall-1/);
    const lines = production.stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as object);
    expect(lines.find((line) => 'requestId' in line && line.requestId === 'recall-1')).toEqual({
      level: 'info',
      time: expect.stringMatching(/^\d{4}-.*Z$/),
      pid: production.child.pid,
      context: 'TidingsAudit',
      requestId: 'recall-1',
      message: expect.stringContaining('recall'),
    });
    expect(production.stdout + production.stderr).not.toContain(API_KEY);
  });

  it('close together', async () => {
    expect(await production.stop()).toMatchObject({ code: 0 });
    await expect(fetch(`${admin}/healthz`)).rejects.toThrow();
  });
});

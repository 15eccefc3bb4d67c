import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { createECDH } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';
import { parse } from 'yaml';
import { ERROR_TABLE, type ErrorCode } from '../../../src/contract/errors.js';
import { eventually } from '../../support/eventually.js';
import { FakeBrowser } from '../../support/push-service.js';
import { createMigratedDatabase, type TestDatabase } from '../../support/postgres.js';
import { buildService, killServices, startService, type ServiceProcess } from '../../support/service.js';

interface Example {
  readonly value: { readonly code: string; readonly status: number; readonly title: string };
}
interface Content {
  readonly schema: object;
  readonly examples?: Readonly<Record<string, Example>>;
}
interface Answer {
  readonly headers?: object;
  readonly content?: Record<string, Content>;
}
interface Parameter {
  readonly name: string;
  readonly in: string;
}
interface Operation {
  readonly summary?: string;
  readonly operationId: string;
  readonly parameters?: readonly Parameter[];
  readonly responses: Record<string, Answer>;
}
interface Document {
  readonly openapi: string;
  readonly info: { readonly version: string };
  readonly paths: Record<string, Record<string, Operation>>;
  readonly components: Record<string, Record<string, object>>;
}

const SUPPORT_KEY = 'a-key-of-the-support-1';
const ADMIN_KEY = 'a-key-of-the-admins-1';
/** Reported at the start, at every path, and by `/readyz` as a readiness report. */
const NOT_OF_A_ROUTE = ['invalid-settings', 'method-not-allowed', 'draining'];
/** Pages for people, and what they load. */
const PAGES = /^\/(docs|demo)(\/|$)/;

const text = readFileSync(new URL('../../../docs/openapi.yaml', import.meta.url), 'utf8');
const raw = parse(text) as Document;

/** What a `$ref` of the document leads to. */
function lookUp(reference: string): unknown {
  return reference
    .replace('#/', '')
    .split('/')
    .reduce<unknown>((node, key) => (node as Record<string, unknown>)?.[key], raw);
}

/** The document with every reference outside of the schemas replaced by what it leads to. */
function dereferenced(node: unknown): unknown {
  if (Array.isArray(node)) return node.map(dereferenced);
  if (typeof node !== 'object' || node === null) return node;
  const { $ref } = node as { $ref?: string };
  if ($ref !== undefined && !$ref.startsWith('#/components/schemas/')) return dereferenced(lookUp($ref));
  return Object.fromEntries(Object.entries(node).map(([key, value]) => [key, dereferenced(value)]));
}
const document = dereferenced(raw) as Document;
const operations = Object.entries(document.paths).flatMap(([path, methods]) =>
  Object.entries(methods).map(([method, operation]): [method: string, path: string, operation: Operation] => [
    method.toUpperCase(),
    path,
    operation,
  ]),
);

describe('docs/openapi.yaml', () => {
  let database: TestDatabase;
  let service: ServiceProcess;
  const ajv = new Ajv2020({ strict: false, allErrors: true });

  beforeAll(async () => {
    await buildService();
    database = await createMigratedDatabase();
    const curve = createECDH('prime256v1');
    // With the lines that name each route.
    service = await startService({
      DATABASE_URL: database.url,
      SUPPORT_API_KEYS: SUPPORT_KEY,
      ADMIN_API_KEYS: ADMIN_KEY,
      LOG_LEVEL: 'debug',
      TIDINGS_PUSH_SUBJECT: 'mailto:ops@example.com',
      TIDINGS_PUSH_PUBLIC_KEY: curve.generateKeys('base64url'),
      TIDINGS_PUSH_PRIVATE_KEY: Buffer.concat([Buffer.alloc(32), curve.getPrivateKey()])
        .subarray(-32)
        .toString('base64url'),
    });
    addFormats.default(ajv);
    ajv.addSchema({ $id: 'doc', components: raw.components });
  }, 240_000);
  afterAll(async () => {
    await service.stop();
    await killServices();
    await database.drop();
  });

  const compiled = new Map<string, ValidateFunction>();
  const conforms = (schema: object, value: unknown): void => {
    const key = JSON.stringify(schema);
    const validate =
      compiled.get(key) ??
      ajv.compile(JSON.parse(key.replaceAll('"#/components', '"doc#/components')) as object);
    compiled.set(key, validate);
    expect([validate(value), validate.errors ?? [], value]).toEqual([true, [], value]);
  };
  /** Sends a request and validates the answer against the document's schema of this route and status. */
  const ask = async (
    method: string,
    route: string,
    options: {
      path?: string;
      key?: string;
      token?: string | null;
      body?: unknown;
      headers?: Record<string, string>;
    } = {},
  ): Promise<{ status: number; body: Record<string, unknown> }> => {
    const { path = route, key, token = service.token, body, headers = {} } = options;
    const response = await fetch(`${service.origin}${path}`, {
      method,
      headers: {
        ...(key ? { 'x-api-key': key } : token && { authorization: `Bearer ${token}` }),
        ...(body !== undefined && { 'content-type': 'application/json' }),
        ...headers,
      },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    });
    const [template = route] = route.split('?');
    const operation = document.paths[template]?.[method.toLowerCase()];
    const mediaType = response.headers.get('content-type')!.split(';')[0]!;
    const content = operation?.responses[response.status]?.content?.[mediaType];
    expect([method, template, response.status, mediaType, Boolean(content)]).toEqual([method, template, response.status, mediaType, true]); // prettier-ignore
    if (mediaType.endsWith('json')) {
      const answer = (await response.json()) as Record<string, unknown>;
      conforms(content!.schema, answer);
      if (answer['code']) expect(Object.keys(content!.examples ?? {})).toContain(answer['code']);
      return { status: response.status, body: answer };
    }
    await response.body?.cancel();
    return { status: response.status, body: {} };
  };

  it('is version 3.1, of this version of the package, and every reference leads somewhere', () => {
    const { version } = createRequire(import.meta.url)('../../../package.json') as { version: string };
    expect([raw.openapi, raw.info.version]).toEqual(['3.1.0', version]);
    const references = new Set(
      [...text.matchAll(/\$ref: '(#\/[\w/-]+)'/g)].map(([, reference]) => reference!),
    );
    expect(references.size).toBeGreaterThan(60);
    for (const reference of references)
      expect([reference, typeof lookUp(reference)]).toEqual([reference, 'object']);
    for (const [kind, components] of Object.entries(raw.components)) {
      if (kind === 'securitySchemes') continue;
      const unused = Object.keys(components).filter(
        (name) => !references.has(`#/components/${kind}/${name}`),
      );
      expect([kind, unused]).toEqual([kind, []]);
    }
    for (const schema of Object.values(raw.components['schemas']!))
      for (const example of (schema as { examples?: unknown[] }).examples ?? []) conforms(schema, example);
  });

  it('is served as it is, as JSON, and as a page that loads nothing from elsewhere', async () => {
    const yaml = await fetch(`${service.origin}/docs/openapi.yaml`);
    expect(yaml.headers.get('content-type')).toBe('application/yaml; charset=utf-8');
    expect(await yaml.text()).toBe(text);
    const json = await fetch(`${service.origin}/docs/openapi.json`);
    expect(json.headers.get('content-type')).toContain('application/json');
    expect(await json.json()).toEqual(raw);

    const page = await fetch(`${service.origin}/docs`);
    expect([page.status, page.headers.get('content-type')]).toEqual([200, 'text/html; charset=utf-8']);
    expect(page.headers.get('content-security-policy')).toContain("default-src 'none'");
    const links = [...(await page.text()).matchAll(/ (?:src|href)="([^"]+)"/g)].map(([, link]) => link!);
    expect(links).toHaveLength(5);
    for (const link of links) {
      const asset = await fetch(new URL(link, `${service.origin}/docs`));
      expect([link, asset.status]).toEqual([link, 200]);
      expect(asset.headers.get('content-type')).toMatch(
        /^(text\/(css|javascript)|image\/png|application\/yaml)/,
      );
      expect((await asset.arrayBuffer()).byteLength).toBeGreaterThan(100);
    }
    for (const path of ['package.json', '..%2Fpackage.json', '..%2fajv%2fpackage.json'])
      expect([path, (await fetch(`${service.origin}/docs/${path}`)).status]).toEqual([path, 404]);
  });

  it('has exactly the routes of the running service', () => {
    const mapped = [...service.stdout.matchAll(/Mapped \{([^,]+), ([A-Z]+)\} route/g)]
      .map(([, path, method]) => ({ path: path!, route: `${method!} ${path!.replace(/:(\w+)/g, '{$1}')}` }))
      .filter(({ path }) => !PAGES.test(path))
      .map(({ route }) => route);
    expect(mapped.length).toBeGreaterThan(15);
    expect(operations.map(([method, path]) => `${method} ${path}`).toSorted()).toEqual(mapped.toSorted());
  });

  it('has for each operation a name, a summary, the parameters of its path and its problems', () => {
    const names = operations.map(([, , { operationId }]) => operationId);
    expect(new Set(names).size).toBe(names.length);
    for (const [method, path, { operationId, summary, parameters = [], responses }] of operations) {
      expect([method, path, operationId, summary]).toEqual([method, path, expect.stringMatching(/^\w+$/), expect.stringMatching(/./)]); // prettier-ignore
      const inPath = parameters.filter((parameter) => parameter.in === 'path').map(({ name }) => name);
      expect([path, inPath]).toEqual([path, [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name)]);
      if (path.startsWith('/v1/'))
        expect(Object.keys(responses)).toEqual(expect.arrayContaining(['400', '401', '403']));
    }
  });

  it('lists every problem code, each with a valid example', () => {
    const codes = new Set<string>();
    for (const [, , { responses }] of operations) {
      for (const [status, { content = {} }] of Object.entries(responses)) {
        const { schema, examples = {} } = content['application/problem+json'] ?? {};
        for (const [code, { value }] of Object.entries(examples)) {
          const entry = ERROR_TABLE[code as ErrorCode];
          expect(value).toMatchObject({ code, status: entry.status, title: entry.title });
          expect(value.status).toBe(Number(status));
          conforms(schema!, value);
          codes.add(code);
        }
      }
    }
    expect([...codes, ...NOT_OF_A_ROUTE].toSorted()).toEqual(Object.keys(ERROR_TABLE).toSorted());
    const { properties } = raw.components['schemas']!['Problem'] as {
      properties: { code: { enum: string[] } };
    };
    expect(properties.code.enum.toSorted()).toEqual(Object.keys(ERROR_TABLE).toSorted());
  });

  it('describes what the service answers', async () => {
    const key = service.apiKey;
    const order = { taskId: '1', title: 'Export', status: 'succeeded' };
    const job = { type: 'task-completed', to: 'ada', data: order, dedupeKey: 'k' };
    await ask('GET', '/healthz');
    await ask('GET', '/readyz');
    await ask('GET', '/metrics');
    await ask('GET', '/v1/stream');
    const ticket = String((await ask('POST', '/v1/tickets')).body['ticket']);
    const opened = { path: `/v1/stream?ticket=${ticket}`, token: null };
    expect((await ask('GET', '/v1/stream', opened)).status).toBe(200);
    expect((await ask('GET', '/v1/stream', opened)).status).toBe(401);
    const accepted = await ask('POST', '/v1/notifications', { key, body: job });
    expect(accepted.status).toBe(202);
    const [{ id: delivered }] = accepted.body['jobs'] as [{ id: string }];
    const late = await ask('DELETE', '/v1/jobs/{id}', { key, path: `/v1/jobs/${delivered}` });
    expect(late.status).toBe(409);
    const several = await ask('POST', '/v1/notifications', { key, body: [job, { ...job, type: 'x' }] });
    expect(several.status).toBe(207);
    const page = await eventually(async () => {
      const { body } = await ask('GET', '/v1/notifications');
      expect(body['items']).toHaveLength(1);
      return body;
    });
    const [{ id }] = page['items'] as [{ id: string }];
    await ask('GET', '/v1/notifications/count');
    for (const change of ['read', 'unread', 'archive', 'unarchive'])
      await ask('POST', `/v1/notifications/${change}`, { body: { ids: [id] } });
    await ask('POST', '/v1/notifications/seen', { body: { upTo: page['cursor'] } });
    const invitation = {
      title: 'x',
      image: '/a.png',
      actions: [
        { id: 'accept', label: 'A' },
        { id: 'decline', label: 'D' },
      ],
    };
    await ask('POST', '/v1/notifications', {
      key,
      body: { type: 'announcement', to: 'ada', data: invitation },
    });
    const [{ id: invited }] = (
      await ask('GET', '/v1/notifications', { path: '/v1/notifications?category=news' })
    ).body['items'] as [{ id: string }];
    await ask('GET', '/v1/notifications/count', { path: '/v1/notifications/count?by=category' });
    const until = new Date(Date.now() + 3_600_000);
    await ask('POST', '/v1/notifications/snooze', { body: { ids: [invited], until } });
    const snoozed = await ask('GET', '/v1/notifications', { path: '/v1/notifications?snoozed=true' });
    expect(snoozed.body['items']).toMatchObject([{ id: invited, snoozedUntil: until.toISOString() }]);
    await ask('POST', '/v1/notifications/unsnooze', { body: { ids: [invited] } });
    const action = '/v1/notifications/{id}/actions/{action}';
    for (const status of [200, 200, 409]) {
      const path = `/v1/notifications/${invited}/actions/${status === 409 ? 'decline' : 'accept'}`;
      expect((await ask('POST', action, { path })).status).toBe(status);
    }
    await ask('GET', '/v1/types');
    await ask('PUT', '/v1/preferences', { body: { muted: ['announcement'], mutedCategories: ['news'] } });
    await ask('GET', '/v1/preferences');
    const { subscription } = new FakeBrowser('https://push.example/x');
    const browser = (await ask('POST', '/v1/push/subscriptions', { body: subscription })).body;
    expect((await ask('GET', '/v1/push')).body['subscriptions']).toEqual([browser]);
    const own = `/v1/push/subscriptions/${browser['id'] as string}`;
    await ask('DELETE', '/v1/push/subscriptions/{id}', { path: own });
    await ask('DELETE', '/v1/notifications/{id}', { path: `/v1/notifications/${id}` });
    await ask('POST', '/v1/notifications/recall', { key, body: { to: ['ada', 'bob'], dedupeKey: 'k' } });
    const later = { ...job, dedupeKey: 'later', deliverAt: new Date(Date.now() + 3_600_000) };
    const [{ id: jobId }] = (await ask('POST', '/v1/notifications', { key, body: later })).body['jobs'] as [
      { id: string },
    ];
    expect((await ask('DELETE', '/v1/jobs/{id}', { key, path: `/v1/jobs/${jobId}` })).status).toBe(200);
    await ask('GET', '/v1/feeds/{recipient}/notifications', {
      key: SUPPORT_KEY,
      path: '/v1/feeds/ada/notifications',
    });
    await ask('DELETE', '/v1/feeds/{recipient}', { key: ADMIN_KEY, path: '/v1/feeds/ada' });
    await ask('DELETE', '/v1/feeds', { key: ADMIN_KEY, path: '/v1/feeds?tenant=acme' });
  });

  it('describes how the service refuses', async () => {
    const key = service.apiKey;
    const unknown = '0193f5e2-7c1b-7abc-8def-0123456789ab';
    const codes: unknown[] = [];
    const refused = async (...args: Parameters<typeof ask>): Promise<void> =>
      void codes.push((await ask(...args)).body['code']);
    await refused('POST', '/v1/notifications/read', { body: { ids: [] } });
    await refused('POST', '/v1/notifications/read', { body: { ids: [unknown] } });
    await refused('POST', '/v1/notifications/read', { token: null, body: {} });
    await refused('POST', '/v1/notifications/read', { body: 'x'.repeat(600_000) });
    await refused('PUT', '/v1/preferences', { headers: { 'content-type': 'text/plain' }, body: {} });
    await refused('DELETE', '/v1/notifications/{id}', { path: '/v1/notifications/x' });
    await refused('POST', '/v1/notifications', { key, body: { type: 'task-completed', data: {} } });
    await refused('POST', '/v1/notifications', { key, body: { type: 'x', to: 'ada', data: {} } });
    await refused('DELETE', '/v1/jobs/{id}', { key, path: '/v1/jobs/nobody' });
    await refused('DELETE', '/v1/feeds', { key, path: '/v1/feeds?tenant=acme' });
    await refused('GET', '/v1/feeds/{recipient}/notifications', {
      key: SUPPORT_KEY,
      path: '/v1/feeds/x/notifications',
    });
    await refused('GET', '/v1/stream', { path: '/v1/stream?as=x' });
    await refused('POST', '/v1/push/subscriptions', { body: { endpoint: 'https://127.0.0.1/' } });
    expect(codes).toEqual([
      ...['invalid-request', 'not-found', 'unauthenticated', 'too-large', 'unsupported-media-type'],
      ...[
        'invalid-request',
        'invalid-job',
        'unknown-type',
        'not-found',
        'forbidden',
        'not-found',
        'invalid-request',
        'invalid-request',
      ],
    ]);
  });
});

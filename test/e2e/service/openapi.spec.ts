import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';
import { ERROR_TABLE } from '../../../src/contract/errors.js';
import { eventually } from '../../support/eventually.js';
import { buildService, killServices, startService, type ServiceProcess } from '../../support/service.js';

interface Content {
  readonly schema: object;
  readonly examples?: Readonly<Record<string, { value: { code: string; status: number } }>>;
}
interface Operation {
  readonly summary?: string;
  readonly operationId: string;
  readonly requestBody?: { content: Record<string, Content> };
  readonly responses: Record<string, { content?: Record<string, Content> }>;
}
interface Document {
  readonly openapi: string;
  readonly paths: Record<string, Record<string, Operation>>;
  readonly components: { schemas: Record<string, object> };
}

const SUPPORT_KEY = 'a-key-of-the-support-1';
const ADMIN_KEY = 'a-key-of-the-admins-1';
/** Said at the start, at every path, and by `/readyz` in words of its own. */
const NOT_OF_A_ROUTE = ['invalid-settings', 'method-not-allowed', 'draining'];

describe('The OpenAPI document at /docs', () => {
  let service: ServiceProcess;
  let document: Document;
  const ajv = new Ajv2020({ strict: false, allErrors: true });

  beforeAll(async () => {
    await buildService();
    service = await startService({ SUPPORT_API_KEYS: SUPPORT_KEY, ADMIN_API_KEYS: ADMIN_KEY });
    document = (await (await fetch(`${service.origin}/docs/openapi.json`)).json()) as Document;
    addFormats.default(ajv);
    ajv.addSchema({ $id: 'doc', components: document.components });
  }, 240_000);
  afterAll(async () => {
    await service.stop();
    await killServices();
  });

  const operations = (): [method: string, path: string, operation: Operation][] =>
    Object.entries(document.paths).flatMap(([path, methods]) =>
      Object.entries(methods).map(([method, operation]): [string, string, Operation] => [
        method,
        path,
        operation,
      ]),
    );
  const absolute = (schema: object): object =>
    JSON.parse(JSON.stringify(schema).replaceAll('"#/components', '"doc#/components')) as object;
  const compiled = new Map<string, ValidateFunction>();
  const conforms = (schema: object, value: unknown): void => {
    const key = JSON.stringify(schema);
    const validate = compiled.get(key) ?? ajv.compile(absolute(schema));
    compiled.set(key, validate);
    expect([validate(value), validate.errors ?? [], value]).toEqual([true, [], value]);
  };
  /** Asks, and holds the answer against what the document says of this route and status. */
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

  it('is a page, of the service alone, and a valid document of version 3.1', async () => {
    const page = await fetch(`${service.origin}/docs`);
    expect([page.status, page.headers.get('content-type')]).toEqual([200, 'text/html; charset=utf-8']);
    expect(await page.text()).toContain('Tidings');
    expect(document.openapi).toBe('3.1.0');
    for (const [name, schema] of Object.entries(document.components.schemas)) {
      const validate = ajv.compile(absolute(schema));
      for (const example of (schema as { examples?: unknown[] }).examples ?? [])
        expect([name, validate(example), validate.errors]).toEqual([name, true, null]);
    }
  });

  it('has every route of the application, each with a summary, an answer and its problems', () => {
    const routes = operations().map(([method, path]) => `${method.toUpperCase()} ${path}`);
    expect(routes.toSorted()).toEqual(
      [
        'GET /healthz',
        'GET /metrics',
        'GET /readyz',
        'GET /v1/stream',
        'GET /v1/notifications',
        'POST /v1/notifications',
        'GET /v1/notifications/count',
        ...['read', 'unread', 'seen', 'archive', 'unarchive', 'recall'].map(
          (name) => `POST /v1/notifications/${name}`,
        ),
        'DELETE /v1/notifications/{id}',
        'GET /v1/preferences',
        'PUT /v1/preferences',
        'DELETE /v1/jobs/{id}',
        'GET /v1/feeds/{recipient}/notifications',
        'DELETE /v1/feeds/{recipient}',
        'DELETE /v1/feeds',
      ].toSorted(),
    );
    for (const [, path, { summary, responses }] of operations()) {
      expect([path, summary]).toEqual([path, expect.stringMatching(/./)]);
      if (path.startsWith('/v1/'))
        expect(Object.keys(responses)).toEqual(expect.arrayContaining(['400', '401']));
    }
  });

  it('has every code of a problem, with an example that is one', () => {
    const codes = new Set<string>();
    for (const [, , { responses }] of operations()) {
      for (const [status, { content = {} }] of Object.entries(responses)) {
        const { schema, examples = {} } = content['application/problem+json'] ?? {};
        for (const [code, { value }] of Object.entries(examples)) {
          expect([value.code, value.status]).toEqual([code, Number(status)]);
          conforms(schema!, value);
          codes.add(code);
        }
      }
    }
    expect([...codes, ...NOT_OF_A_ROUTE].toSorted()).toEqual(Object.keys(ERROR_TABLE).toSorted());
  });

  it('says what the service really answers', async () => {
    const key = service.apiKey;
    const order = { taskId: '1', title: 'Export', status: 'succeeded' };
    const job = { type: 'task-completed', to: 'ada', data: order, dedupeKey: 'k' };
    await ask('GET', '/healthz');
    await ask('GET', '/readyz');
    await ask('GET', '/metrics');
    await ask('GET', '/v1/stream');
    const accepted = await ask('POST', '/v1/notifications', { key, body: job });
    expect(accepted.status).toBe(202);
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
    await ask('PUT', '/v1/preferences', { body: { muted: ['announcement'] } });
    await ask('GET', '/v1/preferences');
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

  it('says how the service really refuses', async () => {
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
      ],
    ]);
  });
});

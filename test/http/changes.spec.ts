import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { randomUUID } from 'node:crypto';
import { FeedBusyError, LogUnavailableError, NotFoundError } from '../../src/contract/errors.js';
import { MAX_RECIPIENT_BODY_BYTES } from '../../src/http/index.js';
import { ALLOWED_ORIGIN, API_KEY, startHttpApp, type HttpApp } from './http-app.js';
import { problemOf } from './problem-of.js';
import { sign } from './tokens.js';

const ID = '0193f5e2-7c1b-7abc-8def-0123456789ab';
const FEED = { tenant: '', recipient: 'ada' };
const COUNTS = { unread: 0, unseen: 0, cursor: 'e-0' };

describe('a change by the recipient', () => {
  let app: HttpApp;
  let token: string;
  beforeAll(async () => {
    app = await startHttpApp();
    token = await sign();
  });
  beforeEach(() => {
    app.ports.calls.splice(0);
    app.ports.failure = null;
  });
  afterAll(() => app.close());

  const send = (
    method: string,
    path: string,
    body?: unknown,
    headers: Record<string, string> = { authorization: `Bearer ${token}` },
  ): Promise<Response> =>
    app.get(`/v1/${path}`, {
      method,
      headers: { ...(body !== undefined && { 'content-type': 'application/json' }), ...headers },
      ...(body !== undefined && { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    });
  const change = (name: string, body: unknown): Promise<Response> =>
    send('POST', `notifications/${name}`, body);

  it.each(['read', 'unread', 'archive', 'unarchive'])(
    'passes ids to %s, each once and in lower case',
    async (name) => {
      const other = randomUUID();
      const response = await change(name, { ids: [ID.toUpperCase(), other, ID] });
      expect(response.status).toBe(200);
      expect(response.headers.get('cache-control')).toBe('private, no-store');
      expect(await response.json()).toEqual(COUNTS);
      expect(app.ports.calls).toEqual([['change', FEED, name, { ids: [ID, other] }]]);
    },
  );

  it.each(['read', 'seen', 'archive'])('passes a cursor to %s', async (name) => {
    expect((await change(name, { upTo: 'k3v9x2ab-42' })).status).toBe(200);
    expect(app.ports.calls).toEqual([['change', FEED, name, { upTo: { epoch: 'k3v9x2ab', seq: 42 } }]]);
  });

  it('removes one by the id in the path', async () => {
    const response = await send('DELETE', `notifications/${ID.toUpperCase()}`);
    expect([response.status, await response.json()]).toEqual([200, COUNTS]);
    expect(app.ports.calls).toEqual([['change', FEED, 'remove', { ids: [ID] }]]);
  });

  it('accepts 10,000 ids, each on a line of its own', async () => {
    const ids = Array.from({ length: 10_000 }, () => randomUUID());
    const body = JSON.stringify({ ids }, null, 4);
    expect(body.length).toBeGreaterThan(450_000);
    expect((await change('read', body)).status).toBe(200);
    expect(app.ports.calls).toEqual([['change', FEED, 'read', { ids }]]);
  });

  it('rejects a larger body', async () => {
    const response = await change('read', { ids: ['x'.repeat(MAX_RECIPIENT_BODY_BYTES)] });
    expect(response.status).toBe(413);
    expect(await problemOf(response)).toMatchObject({
      code: 'too-large',
      detail: `The body must have at most ${MAX_RECIPIENT_BODY_BYTES} bytes.`,
    });
  });

  const NOT_IDS_OR = 'is not a known field; use ids or upTo';
  it.each<[string, string, unknown, [field: string, problem: string][]]>([
    ['nothing', 'read', {}, [['ids or upTo', 'must be given']]],
    ['nothing', 'unread', {}, [['ids', 'must be given']]],
    ['nothing', 'seen', {}, [['upTo', 'must be given']]],
    ['both', 'read', { ids: [ID], upTo: 'e-1' }, [['upTo', 'must not be given beside ids']]],
    ['upTo', 'unread', { upTo: 'e-1' }, [['upTo', 'is not a known field; use ids'], ['ids', 'must be given']]], // prettier-ignore
    ['ids', 'seen', { ids: [ID] }, [['ids', 'is not a known field; use upTo'], ['upTo', 'must be given']]], // prettier-ignore
    ['an unknown field', 'read', { ids: [ID], recipient: 'eve' }, [['recipient', NOT_IDS_OR]]],
    ['an unknown field', 'archive', '{"upTo":"e-1","__proto__":{}}', [['__proto__', NOT_IDS_OR]]],
    ['an empty list', 'read', { ids: [] }, [['ids', 'must name at least one notification']]],
    ['no list', 'read', { ids: ID }, [['ids', 'must be an array, is a string']]],
    ['null', 'read', { ids: null }, [['ids', 'must be an array, is null']]],
    [
      '10,001 ids',
      'read',
      { ids: Array.from({ length: 10_001 }, () => ID) },
      [['ids', 'must name at most 10000 notifications, names 10001']],
    ],
    [
      'malformed ids',
      'read',
      { ids: [ID, 'x', 7, `${ID} `, null, `{${ID}}`] },
      [
        ['ids[1]', 'must be a UUID, is "x"'],
        ['ids[2]', 'must be a UUID, is a number'],
        ['ids[3]', `must be a UUID, is "${ID} "`],
        ['ids[4]', 'must be a UUID, is null'],
        ['ids[5]', `must be a UUID, is "{${ID}}"`],
      ],
    ],
    ...[
      [42, 'a number'],
      ['0', '"0"'],
      ['', '""'],
      ['e-01', '"e-01"'],
      [['e-1'], 'an array'],
      [null, 'null'],
    ].map(([upTo, shown]): [string, string, unknown, [string, string][]] => [
      'a malformed cursor',
      'read',
      { upTo },
      [['upTo', `must be a cursor, such as that of a page, is ${String(shown)}`]],
    ]),
  ])('rejects %s (%s), names each invalid field, and changes nothing', async (_, name, body, errors) => {
    const response = await change(name, body);
    expect(response.status).toBe(400);
    const problem = await problemOf(response);
    expect(problem.code).toBe('invalid-request');
    expect(problem.errors).toEqual(errors.map(([field, text]) => ({ field, problem: text })));
    expect(app.ports.calls).toEqual([]);
  });

  it.each(['x', `${ID}0`, '%00', ID.replaceAll('-', '')])('rejects the removal of %j', async (id) => {
    const response = await send('DELETE', `notifications/${id}`);
    expect(response.status).toBe(400);
    expect((await problemOf(response)).errors).toMatchObject([{ field: 'id' }]);
    expect(app.ports.calls).toEqual([]);
  });

  it('rejects query parameters', async () => {
    for (const [method, path] of [
      ['POST', 'notifications/read?upTo=e-1'],
      ['DELETE', `notifications/${ID}?tenant=acme`],
      ['GET', 'preferences?type=x'],
      ['PUT', 'preferences?muted=x'],
    ] as const) {
      const response = await send(
        method,
        path,
        method === 'GET' || method === 'DELETE' ? undefined : { ids: [ID] },
      );
      expect([path, response.status]).toEqual([path, 400]);
    }
    expect(app.ports.calls).toEqual([]);
  });

  it.each([
    ['not-found', 404, new NotFoundError([{ field: 'ids[0]', problem: 'is not in this feed' }])],
    ['feed-busy', 503, new FeedBusyError('feed 17 is locked')],
    ['log-unavailable', 503, new LogUnavailableError('10.0.0.5 is away')],
  ])('answers an error of the inbox with a problem (%s, %d)', async (code, status, failure) => {
    app.ports.failure = failure;
    const response = await change('read', { ids: [ID] });
    expect(response.status).toBe(status);
    const problem = await problemOf(response);
    expect(problem.code).toBe(code);
    if (status === 503) {
      expect(problem.detail).not.toContain(failure.message);
      expect(response.headers.get('retry-after')).toMatch(/^[1-5]$/);
    } else expect(problem.errors).toEqual(failure.fields);
  });

  describe('a change with the cookie alone', () => {
    const ROUTES: [string, string, unknown?][] = [
      ...['read', 'unread', 'archive', 'unarchive'].map((name): [string, string, unknown] => [
        'POST',
        `notifications/${name}`,
        { ids: [ID] },
      ]),
      ['POST', 'notifications/seen', { upTo: 'e-1' }],
      ['DELETE', `notifications/${ID}`, undefined],
      ['PUT', 'preferences', { muted: [] }],
    ];

    it.each(ROUTES)(
      'is rejected from another site or without a browser (%s %s)',
      async (method, path, body) => {
        const cookie = `session=${token}`;
        for (const headers of [
          { origin: 'https://evil.example' },
          { origin: 'null' },
          { 'sec-fetch-site': 'cross-site' },
          { 'sec-fetch-site': 'none' },
          {},
        ]) {
          const response = await send(method, path, body, { cookie, ...(headers as Record<string, string>) });
          expect(response.status).toBe(403);
          expect((await problemOf(response)).code).toBe('origin-not-allowed');
        }
        expect(app.ports.calls).toEqual([]);
        const allowed = await send(method, path, body, { cookie, origin: ALLOWED_ORIGIN });
        expect(allowed.status).toBe(200);
        expect(allowed.headers.get('access-control-allow-origin')).toBe(ALLOWED_ORIGIN);
        expect(app.ports.calls).toHaveLength(1);
      },
    );

    it.each(ROUTES)('passes its preflight from an allowed origin (%s %s)', async (method, path) => {
      const preflight = await app.get(`/v1/${path}`, {
        method: 'OPTIONS',
        headers: {
          origin: ALLOWED_ORIGIN,
          'access-control-request-method': method,
          'access-control-request-headers': 'content-type',
        },
      });
      expect(preflight.status).toBe(204);
      expect(preflight.headers.get('access-control-allow-methods')?.split(',')).toContain(method);
    });
  });

  it('requires a token of its recipient: an API key is none', async () => {
    for (const headers of [{}, { 'x-api-key': API_KEY }, { authorization: `Bearer ${API_KEY}` }]) {
      expect(
        (await send('POST', 'notifications/read', { ids: [ID] }, headers as Record<string, string>)).status,
      ).toBe(401);
    }
    expect(app.ports.calls).toEqual([]);
  });

  describe('the preferences', () => {
    it('replace the muted types as a whole', async () => {
      const got = await send('GET', 'preferences');
      expect([got.status, await got.json()]).toEqual([200, { muted: ['new-order'], mutedCategories: [] }]);
      const put = await send('PUT', 'preferences', { muted: ['announcement', 'new-order', 'announcement'] });
      expect([put.status, await put.json()]).toEqual([
        200,
        { muted: ['announcement', 'new-order'], mutedCategories: [] },
      ]);
      expect(app.ports.calls).toEqual([
        ['get', FEED],
        ['put', FEED, { muted: ['announcement', 'new-order'] }],
      ]);
    });

    it.each<[unknown, [field: string, problem: string | RegExp][]]>([
      [{}, [['muted', 'must be an array of types, is missing']]],
      [{ muted: 'new-order' }, [['muted', 'must be an array of types, is a string']]],
      [{ muted: [7, 'feed.read', 'ok'] }, [['muted[0]', /must be a string/], ['muted[1]', /feed\./]]], // prettier-ignore
      [{ muted: [], mute: ['x'] }, [['mute', 'is not a known field; use muted and mutedCategories']]],
    ])('reject %j', async (body, errors) => {
      const response = await send('PUT', 'preferences', body);
      expect(response.status).toBe(400);
      expect((await problemOf(response)).errors).toEqual(
        errors.map(([field, text]) => ({
          field,
          problem: typeof text === 'string' ? text : expect.stringMatching(text),
        })),
      );
      expect(app.ports.calls).toEqual([]);
    });
  });

  it.each([
    ['GET', 'notifications/read', 'POST'],
    ['DELETE', 'notifications/seen', 'POST'],
    ['GET', `notifications/${ID}`, 'DELETE'],
    ['POST', `notifications/${ID}`, 'DELETE'],
    ['POST', 'preferences', 'GET, HEAD, PUT'],
    ['GET', 'jobs/7', 'DELETE'],
    ['GET', 'feeds', 'DELETE'],
    ['GET', 'feeds/ada', 'DELETE'],
    ['DELETE', 'feeds/ada/notifications', 'GET, HEAD'],
    ['PUT', 'notifications/recall', 'POST'],
  ])('answers %s %s with 405 and Allow', async (method, path, allow) => {
    const response = await send(method, path);
    expect([response.status, response.headers.get('allow')]).toEqual([405, allow]);
    expect((await problemOf(response)).code).toBe('method-not-allowed');
    expect(app.ports.calls).toEqual([]);
  });
});

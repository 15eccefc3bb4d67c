import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { Logger } from '@nestjs/common';
import { IdempotencyKeyReusedError, QueueUnavailableError } from '../../src/contract/errors.js';
import { MAX_BODY_BYTES } from '../../src/http/index.js';
import { API_KEY, startHttpApp, type HttpApp } from './http-app.js';
import { INVALID_BODIES, job } from './invalid-bodies.js';
import { problemOf } from './problem-of.js';
import { sign } from './tokens.js';

const OTHER_KEY = 'producer-key-0002';
const NAMED = 'orders:producer-key-0003@acme';

describe('POST /v1/notifications', () => {
  let app: HttpApp;
  beforeAll(async () => {
    app = await startHttpApp({
      http: { identify: () => null, producerApiKeys: [API_KEY, OTHER_KEY, NAMED] },
    });
  });
  beforeEach(() => {
    // Nest has one logger a process, that of the application made last.
    Logger.overrideLogger(app.logger);
    app.producer.jobs.splice(0);
    app.producer.failure = null;
  });
  afterAll(() => app.close());

  const post = (
    body: unknown,
    headers: Record<string, string> = { authorization: `Bearer ${API_KEY}` },
    path = '/v1/notifications',
  ): Promise<Response> =>
    app.get(path, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...headers },
      body: typeof body === 'string' ? body : JSON.stringify(body),
    });
  const withKey = (headers: Record<string, string>): Record<string, string> => ({
    'x-api-key': API_KEY,
    ...headers,
  });

  it('answers 202 with the job, whose data is the body without its type', async () => {
    const expiresAt = '2030-01-01T00:00:00Z';
    const response = await post(job({ tenant: 'acme', to: ['ada', 'bob'], dedupeKey: 'd', expiresAt }));
    expect(response.status).toBe(202);
    expect(await response.json()).toEqual({ jobs: [{ id: 'job-1', outcome: 'queued' }] });
    expect(app.producer.jobs).toEqual([
      {
        type: 'task-completed',
        data: {
          tenant: 'acme',
          to: ['ada', 'bob'],
          data: { taskId: '7', title: 'Export' },
          dedupeKey: 'd',
          expiresAt,
        },
        options: {},
      },
    ]);
  });

  it('answers each notification of an array by itself, in order, with 207 where some are refused', async () => {
    const all = await post([job(), job({ to: 'bob' })]);
    expect(all.status).toBe(202);
    expect(await all.json()).toEqual({
      jobs: [
        { id: 'job-1', outcome: 'queued' },
        { id: 'job-2', outcome: 'queued' },
      ],
    });
    const some = await post([job(), 'nonsense', job({ data: {} }), job({ type: 'Bad' })]);
    expect(some.status).toBe(207);
    const { jobs } = (await some.json()) as {
      jobs: { id?: string; error?: { code: string; errors: object[] } }[];
    };
    expect(jobs.map(({ id, error }) => id ?? error!.code)).toEqual([
      'job-3',
      'invalid-request',
      'invalid-job',
      'invalid-job',
    ]);
    expect(jobs[1]!.error!.errors).toEqual([{ field: '[1]', problem: 'must be a JSON object, is string' }]);
    app.producer.failure = new QueueUnavailableError('connect ECONNREFUSED');
    expect((await post([job(), job()])).status).toBe(503);
  });

  it('gives each place of an array an Idempotency-Key of its own', async () => {
    await post([job(), job()], withKey({ 'idempotency-key': 'k' }));
    const keys = app.producer.jobs.map(({ options }) => options?.idempotency?.key);
    expect(new Set(keys).size).toBe(2);
    await post([job(), job()], withKey({ 'idempotency-key': 'k' }));
    expect(app.producer.jobs.slice(2).map(({ options }) => options?.idempotency?.key)).toEqual(keys);
  });

  describe('the API key of a producer', () => {
    it.each([
      ['none', {}, 'Bearer', 'The API key is missing: send it as Authorization: Bearer or as X-API-Key.'],
      ['a wrong one', { 'x-api-key': 'producer-key-9999' }, /invalid_token/, 'The API key is unknown.'],
      [
        'the beginning of one',
        { 'x-api-key': API_KEY.slice(0, -1) },
        /invalid_token/,
        'The API key is unknown.',
      ],
      ['one with more behind it', { 'x-api-key': `${API_KEY}0` }, /invalid_token/, 'The API key is unknown.'],
      [
        'the token of a recipient',
        { authorization: 'Bearer eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhZGEifQ.c2lnbmF0dXJl' },
        /invalid_token/,
        'The API key is unknown. This looks like a JWT, which recipients have.',
      ],
      [
        'one with its name and tenant',
        { 'x-api-key': NAMED },
        /invalid_token/,
        'The API key is unknown. Send the key without its name, tenant and scopes',
      ],
      ['one as Basic', { authorization: `Basic ${API_KEY}` }, 'Bearer', /^The API key is missing/],
    ])('answers %s with 401', async (_what, headers, challenge, detail) => {
      const response = await post(job(), headers);
      expect(response.status).toBe(401);
      expect(response.headers.get('www-authenticate')).toMatch(challenge);
      const problem = await problemOf(response);
      expect(problem.code).toBe('unauthenticated');
      expect(problem.detail).toMatch(detail);
      expect(app.producer.jobs).toHaveLength(0);
    });

    it("rejects a recipient's token, and a key in the URL", async () => {
      expect((await post(job(), { authorization: `Bearer ${await sign()}` })).status).toBe(401);
      const inUrl = await post(job(), withKey({}), `/v1/notifications?api_key=${API_KEY}`);
      expect(inUrl.status).toBe(400);
      expect((await problemOf(inUrl)).errors).toMatchObject([{ field: 'api_key' }]);
      expect(app.producer.jobs).toHaveLength(0);
    });

    it('is read from either header, of which X-API-Key wins', async () => {
      expect((await post(job(), { authorization: `bearer ${OTHER_KEY}` })).status).toBe(202);
      expect(
        (await post(job(), { 'x-api-key': OTHER_KEY, authorization: 'Bearer of-a-gateway' })).status,
      ).toBe(202);
    });

    it('scopes the Idempotency-Key, and is not stored', async () => {
      for (const key of [API_KEY, API_KEY, OTHER_KEY]) {
        await post(job(), { 'x-api-key': key, 'idempotency-key': 'k-1' });
      }
      const [first, again, other] = app.producer.jobs.map(({ options }) => options?.idempotency);
      expect(first).toEqual({ scope: expect.stringMatching(/^[0-9a-f]{16}$/), key: 'k-1' });
      expect(again).toEqual(first);
      expect(other).not.toEqual(first);
    });

    it('is never valid where no key is configured', async () => {
      const keyless = await startHttpApp({ http: { identify: () => null } });
      try {
        const init = {
          method: 'POST',
          headers: { 'x-api-key': API_KEY, 'content-type': 'application/json' },
        };
        expect(
          (await keyless.get('/v1/notifications', { ...init, body: JSON.stringify(job()) })).status,
        ).toBe(401);
      } finally {
        await keyless.close();
      }
    });
  });

  it.each([
    ['is empty', '', 'must not be empty'],
    ['is too long', 'k'.repeat(257), 'must have at most 256 characters, has 257'],
    ['has a control character', 'a\u0085b', 'must not contain control characters'],
  ])('rejects an Idempotency-Key that %s', async (_what, key, problem) => {
    const response = await post(job(), withKey({ 'idempotency-key': key }));
    expect(response.status).toBe(400);
    expect(await problemOf(response)).toMatchObject({
      code: 'invalid-request',
      errors: [{ field: 'Idempotency-Key', problem }],
    });
  });

  describe('the fields of the body', () => {
    it.each(INVALID_BODIES)('are checked: %s', async (_what, body, code, errors) => {
      const response = await post(body);
      expect(response.status).toBe(400);
      expect(await problemOf(response)).toMatchObject({ code, errors });
      expect(app.producer.jobs).toHaveLength(0);
    });

    it('are named, up to twenty of them', async () => {
      const response = await post(job({ to: Array.from({ length: 1000 }, () => '') }));
      const problem = await problemOf(response);
      expect(problem.errors).toHaveLength(20);
      expect(problem.detail).toContain('(1000 problems, of which these are the first)');
      expect(problem.detail.length).toBeLessThanOrEqual(1_000);
    });
  });

  describe('the content type', () => {
    it.each([
      ['text/plain', 415, 'The Content-Type must be application/json, is "text/plain".'],
      ['application/x-www-form-urlencoded', 415, /is "application\/x-www-form-urlencoded"\.$/],
      [
        'application/json; charset=iso-8859-1',
        415,
        'The body must be JSON in UTF-8; its charset is not supported.',
      ],
    ])('rejects %s', async (type, status, detail) => {
      const response = await post(job(), withKey({ 'content-type': type }));
      expect(response.status).toBe(status);
      const problem = await problemOf(response);
      expect(problem.code).toBe('unsupported-media-type');
      expect(problem.detail).toMatch(detail);
    });

    it('rejects an unsupported Content-Encoding', async () => {
      const response = await post(job(), withKey({ 'content-encoding': 'snappy' }));
      expect(response.status).toBe(415);
      expect((await problemOf(response)).detail).toBe('The Content-Encoding of the body is not supported.');
    });

    it('accepts JSON with its charset, in upper and lower case', async () => {
      expect((await post(job(), withKey({ 'content-type': 'Application/JSON; charset=UTF-8' }))).status).toBe(
        202,
      );
    });

    it('is required', async () => {
      const nothing = await app.get('/v1/notifications', { method: 'POST', headers: withKey({}) });
      expect(nothing.status).toBe(415);
      expect((await problemOf(nothing)).detail).toBe(
        'The Content-Type must be application/json, is missing.',
      );
      const empty = await app.get('/v1/notifications', {
        method: 'POST',
        headers: withKey({ 'content-type': 'application/json' }),
      });
      expect(empty.status).toBe(400);
      expect((await problemOf(empty)).errors).toEqual([
        { field: 'body', problem: 'must be a JSON object, is missing' },
      ]);
    });

    it.each([
      ['{"type": "task-completed", }', /^The body is not valid JSON: .*position 27/],
      ['"text"', /body must be a JSON object, is string/],
      ['null', /body must be a JSON object/],
      // oxlint-disable-next-line no-control-regex -- finding them is the purpose
      ['{"\u0007\u009b2J": \u0007}', /^The body is not valid JSON: [^\u0000-\u001f\u007f-\u009f]*$/],
    ])('rejects the body %j with the reason and without control characters', async (body, detail) => {
      const response = await post(body);
      expect(response.status).toBe(400);
      const problem = await problemOf(response);
      expect(problem.code).toBe('invalid-request');
      expect(problem.detail).toMatch(detail);
    });
  });

  describe('the size of the body', () => {
    it('accepts the largest valid one, also with every character escaped', async () => {
      const names = Array.from({ length: 1000 }, (_, i) => `é${i}`.padEnd(256, 'é'));
      const data = { taskId: 'é', title: 'é'.repeat(32_700) };
      const body = JSON.stringify(job({ to: names, data, dedupeKey: 'é'.repeat(256) })).replace(
        /é/g,
        '\\u00e9',
      );
      expect(body.length).toBeGreaterThan(1_700_000);
      expect((await post(body)).status).toBe(202);
      expect(app.producer.jobs[0]?.data.to).toEqual(names);
    });

    it('answers 413 for 2 MB, also when the length is not declared', async () => {
      const body = JSON.stringify(job({ to: 'x'.repeat(2_000_000) }));
      const chunked = new ReadableStream({
        start(controller) {
          controller.enqueue(new TextEncoder().encode(body));
          controller.close();
        },
      });
      const responses = [
        await post(body),
        await app.get('/v1/notifications', {
          method: 'POST',
          headers: withKey({ 'content-type': 'application/json' }),
          body: chunked,
          duplex: 'half',
        }),
      ];
      for (const response of responses) {
        expect(response.status).toBe(413);
        expect(await problemOf(response)).toMatchObject({
          code: 'too-large',
          detail: `The body must have at most ${MAX_BODY_BYTES} bytes.`,
        });
      }
    });
  });

  it('answers 422 for a key that was used with another body', async () => {
    app.producer.failure = new IdempotencyKeyReusedError();
    const response = await post(job(), withKey({ 'idempotency-key': 'k' }));
    expect(response.status).toBe(422);
    expect((await problemOf(response)).code).toBe('idempotency-key-reused');
  });

  it('answers 503 with Retry-After while the queue is unavailable, without its address', async () => {
    app.producer.failure = new QueueUnavailableError('connect ECONNREFUSED 10.0.0.5:6379');
    const response = await post(job());
    expect(response.status).toBe(503);
    expect(response.headers.get('retry-after')).toMatch(/^[1-5]$/);
    expect(await problemOf(response)).toMatchObject({
      code: 'queue-unavailable',
      detail: 'The queue did not take the job in time. Try again in a moment.',
    });
    expect(app.logger.lines.join('\n')).toContain('10.0.0.5');
  });

  it.each(['PUT', 'PATCH', 'DELETE'])('answers %s with 405 and Allow', async (method) => {
    const response = await app.get('/v1/notifications', { method });
    expect(response.status).toBe(405);
    expect(response.headers.get('allow')).toBe('GET, HEAD, POST');
    expect((await problemOf(response)).code).toBe('method-not-allowed');
  });
});

import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { Logger } from '@nestjs/common';
import { ADMIN_KEY, API_KEY, startHttpApp, SUPPORT_KEY, type HttpApp } from './http-app.js';
import { problemOf } from './problem-of.js';
import { sign } from './tokens.js';

describe('Routes with API keys', () => {
  let app: HttpApp;
  beforeAll(async () => {
    app = await startHttpApp();
  });
  beforeEach(() => {
    Logger.overrideLogger(app.logger);
    app.ports.calls.splice(0);
    app.ports.failure = null;
    app.logger.logged.splice(0);
  });
  afterAll(() => app.close());

  const send = (method: string, path: string, key: string, body?: unknown): Promise<Response> =>
    app.get(`/v1/${path}`, {
      method,
      headers: { 'x-api-key': key, ...(body !== undefined && { 'content-type': 'application/json' }) },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    });
  const errorsOf = async (response: Response): Promise<unknown> => {
    expect(response.status).toBe(400);
    return (await problemOf(response)).errors?.map(({ field, problem }) => [field, problem]);
  };

  describe('the cancellation of a job', () => {
    it('removes a job that has not run', async () => {
      const response = await send('DELETE', 'jobs/cancelled', API_KEY);
      expect([response.status, await response.json()]).toEqual([200, { outcome: 'cancelled' }]);
    });

    it.each(['running', 'done'])(
      'answers a job that is %s with a conflict that names the way out',
      async (state) => {
        const response = await send('DELETE', `jobs/${state}`, API_KEY);
        expect(response.status).toBe(409);
        const problem = await problemOf(response);
        expect(problem.code).toBe('conflict');
        expect(problem.detail).toContain('POST /v1/notifications/recall');
      },
    );

    it('answers an unknown job with 404', async () => {
      const response = await send('DELETE', 'jobs/17', API_KEY);
      expect(response.status).toBe(404);
      expect(await problemOf(response)).toMatchObject({ code: 'not-found', errors: [{ field: 'id' }] });
    });

    it('rejects an id with control characters, or one that is too long', async () => {
      for (const id of ['%00', 'x'.repeat(300), 'a%0Ab'])
        expect(await errorsOf(await send('DELETE', `jobs/${id}`, API_KEY))).toMatchObject([['id', /must/]]); // prettier-ignore
      expect(app.ports.calls).toEqual([]);
    });
  });

  describe('a recall', () => {
    it('reports the outcome for each recipient, once and in order', async () => {
      const body = { to: ['bob', 'ada', 'bob'], tenant: 'acme', dedupeKey: 'order-17' };
      const response = await send('POST', 'notifications/recall', API_KEY, body);
      expect(response.status).toBe(200);
      expect(await response.json()).toEqual({
        results: [
          { to: 'bob', outcome: 'recalled' },
          { to: 'ada', outcome: 'recalled' },
        ],
      });
      const feeds = ['bob', 'ada'].map((recipient) => ({ tenant: 'acme', recipient }));
      expect(app.ports.calls).toEqual([['recall', feeds, 'order-17', null]]);
    });

    it('names each invalid field', async () => {
      const recall = async (body: unknown): Promise<unknown> =>
        errorsOf(await send('POST', 'notifications/recall', API_KEY, body));
      expect(await recall({})).toEqual([
        ['to', 'must be a string, not missing'],
        ['dedupeKey', 'must be a string, not missing'],
      ]);
      expect(await recall({ to: [], tenant: 7, dedupeKey: '', id: 'x' })).toEqual(
        expect.arrayContaining([
          ['to', 'must name at least one recipient'],
          ['tenant', 'must be a string, not a number'],
          ['dedupeKey', 'must not be empty'],
          ['id', 'is not a known field; known are to, tenant, dedupeKey, sender'],
        ]),
      );
      expect(app.ports.calls).toEqual([]);
    });
  });

  describe('the support view', () => {
    it('shows a feed with what was dropped, and is logged itself', async () => {
      const response = await send(
        'GET',
        'feeds/ada%2F%20l%C3%B6/notifications?tenant=acme&limit=5',
        SUPPORT_KEY,
      );
      expect(response.status).toBe(200);
      expect(response.headers.get('cache-control')).toBe('private, no-store');
      expect(await response.json()).toEqual({
        items: [{ id: 1 }],
        next: null,
        unread: 0,
        unseen: 0,
        cursor: 'e-1',
        dropped: [{ reason: 'muted', type: 'new-order', jobId: '7', at: '2026-01-01T00:00:00.000Z' }],
      });
      const feed = { tenant: 'acme', recipient: 'ada/ lö' };
      const page = {
        limit: 5,
        before: null,
        unread: null,
        archived: false,
        snoozed: false,
        type: null,
        category: null,
      };
      expect(app.ports.calls).toEqual([['feed', feed, page]]);
      expect(app.logger.logged).toHaveLength(1);
      const [line] = app.logger.logged;
      expect(line).toMatch(/support key [0-9a-f]{16} reads the feed .*"acme".*"ada\/ lö"/);
      expect(line).not.toContain(SUPPORT_KEY);
    });

    it('is logged also for a feed that does not exist', async () => {
      const response = await send('GET', 'feeds/nobody/notifications', SUPPORT_KEY);
      expect(response.status).toBe(404);
      expect((await problemOf(response)).code).toBe('not-found');
      expect(app.logger.logged.join()).toContain('"nobody"');
    });

    it('cannot inject a line into the log', async () => {
      await send('GET', 'feeds/a%E2%80%AEb%E2%80%A8c/notifications', SUPPORT_KEY);
      expect(app.logger.logged.join()).toContain('a\\u202eb\\u2028c');
      expect(await errorsOf(await send('GET', 'feeds/a%0Ab/notifications', SUPPORT_KEY))).toEqual([
        ['recipient', 'must not contain control characters'],
      ]);
    });

    it('names invalid parameters', async () => {
      expect(
        await errorsOf(
          await send('GET', 'feeds/ada/notifications?limit=0&x=1&tenant=a&tenant=b', SUPPORT_KEY),
        ),
      ).toEqual([
        ['limit', 'must be a whole number from 1 to 100, is "0"'],
        ['x', expect.stringContaining('is not a parameter of this route')],
        ['tenant', 'must be given once'],
      ]);
      expect(app.ports.calls).toEqual([]);
    });
  });

  describe('an erasure', () => {
    it('erases one recipient, whose name is not logged', async () => {
      const response = await send('DELETE', 'feeds/ada%40example.com?tenant=acme', ADMIN_KEY);
      expect([response.status, await response.json()]).toEqual([200, { feeds: 1, entries: 2, jobs: 3 }]);
      expect(app.ports.calls).toEqual([['eraseRecipient', { tenant: 'acme', recipient: 'ada@example.com' }]]);
      await send('DELETE', 'feeds/bob', ADMIN_KEY);
      expect(app.ports.calls[1]).toEqual(['eraseRecipient', { tenant: '', recipient: 'bob' }]);
      expect(app.logger.logged[0]).toMatch(/admin key [0-9a-f]{16} erases the recipient [0-9a-f]{16}/);
      expect(app.logger.logged.join('\n')).not.toMatch(/ada|acme|bob/);
    });

    it('erases a whole tenant only on an explicit request', async () => {
      const response = await send('DELETE', 'feeds?tenant=acme', ADMIN_KEY);
      expect([response.status, await response.json()]).toEqual([200, { feeds: 4, entries: 5, jobs: 6 }]);
      expect(app.ports.calls).toEqual([['eraseTenant', 'acme']]);
      app.ports.calls.splice(0);
      for (const [path, field] of [
        ['feeds', 'tenant'],
        ['feeds?tenant=', 'tenant'],
        ['feeds?tenant', 'tenant'],
        ['feeds?tenant=a&tenant=b', 'tenant'],
        ['feeds?Tenant=acme', 'Tenant'],
        // A script whose variable for the recipient is not set.
        ['feeds/?tenant=acme', 'recipient'],
      ] as const) {
        expect(await errorsOf(await send('DELETE', path, ADMIN_KEY))).toMatchObject([[field, expect.any(String)]]); // prettier-ignore
      }
      expect(app.ports.calls).toEqual([]);
    });
  });

  it('ends the streams of a recipient, whose name is not logged', async () => {
    const response = await send('POST', 'feeds/ada%40example.com/disconnect?tenant=acme', ADMIN_KEY);
    expect([response.status, await response.json()]).toEqual([202, {}]);
    expect((await send('POST', 'feeds/bob/disconnect', ADMIN_KEY)).status).toBe(202);
    expect(app.streams.disconnected).toEqual([
      { tenant: 'acme', recipient: 'ada@example.com' },
      { tenant: '', recipient: 'bob' },
    ]);
    expect(app.logger.logged.join('\n')).toMatch(/admin key [0-9a-f]{16} ends the streams of the recipient/);
    expect(app.logger.logged.join('\n')).not.toMatch(/ada|acme|bob/);
    expect((await send('POST', 'feeds/bob/disconnect?Tenant=acme', ADMIN_KEY)).status).toBe(400);
    expect((await send('POST', 'feeds/bob/disconnect', SUPPORT_KEY)).status).toBe(403);
  });

  it('accepts the key of the scope, forbids those of other scopes, and rejects unknown ones', async () => {
    const token = await sign();
    for (const [method, path, right, body] of [
      ['DELETE', 'jobs/cancelled', API_KEY],
      ['POST', 'notifications/recall', API_KEY, { to: 'ada', dedupeKey: 'k' }],
      ['GET', 'feeds/ada/notifications', SUPPORT_KEY],
      ['DELETE', 'feeds/ada', ADMIN_KEY],
      ['DELETE', 'feeds?tenant=acme', ADMIN_KEY],
    ] as const) {
      for (const key of [API_KEY, SUPPORT_KEY, ADMIN_KEY, 'a-key-of-somebody', token]) {
        const response = await send(method, path, key, body);
        const known = [API_KEY, SUPPORT_KEY, ADMIN_KEY].includes(key);
        expect([path, key, response.status]).toEqual([path, key, key === right ? 200 : known ? 403 : 401]);
        if (!response.ok)
          expect((await problemOf(response)).code).toBe(known ? 'forbidden' : 'unauthenticated');
      }
    }
    expect(app.ports.calls).toHaveLength(5);
  });
});

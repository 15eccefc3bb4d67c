import { afterEach, describe, expect, it } from '@jest/globals';
import { Controller, ForbiddenException, Get, ServiceUnavailableException } from '@nestjs/common';
import type { HttpOptions, Identity } from '../../src/contract/options/options.js';
import { startHttpApp, type HttpApp } from './http-app.js';
import { problemOf } from './problem-of.js';

/** A route of the host, which must not notice us. */
@Controller('hosts-own')
class HostController {
  @Get()
  fail(): never {
    throw new ForbiddenException('the host says no');
  }
}

describe('a host with an identify of its own', () => {
  let app: HttpApp;
  afterEach(() => app.close());

  async function start(identify: NonNullable<HttpOptions['identify']>): Promise<void> {
    app = await startHttpApp({ http: { identify }, controllers: [HostController], asHost: true });
  }

  it('receives the request, and returns the feed', async () => {
    const expiresAt = new Date(Date.now() + 60_000);
    await start((request) => {
      const { user } = (request as { headers: Record<string, string> }).headers;
      return Promise.resolve({ tenant: 'acme', recipient: user ?? '', expiresAt });
    });
    const response = await app.get('/v1/stream?token=is-the-hosts-business', { headers: { user: 'ada' } });
    expect(response.status).toBe(200);
    await response.text();
    expect(app.streams.opened).toMatchObject([{ feed: { tenant: 'acme', recipient: 'ada' }, expiresAt }]);
  });

  it('may leave out the tenant and the end', async () => {
    await start(() => ({ recipient: 'ada' }));
    await (await app.get('/v1/stream')).text();
    expect(app.streams.opened).toMatchObject([{ feed: { tenant: '', recipient: 'ada' }, expiresAt: null }]);
  });

  it.each([
    ['null', null],
    ['undefined', undefined],
    ['an identity that has expired', { recipient: 'ada', expiresAt: new Date(0) }],
  ])('answers 401 for %s', async (_what, identity) => {
    await start(() => identity as Identity | null);
    const response = await app.get('/v1/stream');
    expect(response.status).toBe(401);
    expect((await problemOf(response)).code).toBe('unauthenticated');
  });

  it.each([
    ['an empty recipient', { recipient: '' }, 'recipient must not be empty'],
    ['a recipient with a lone surrogate', { recipient: 'a\udc00' }, 'recipient must be well-formed'],
    ['a numeric recipient', { recipient: 7 }, 'recipient must be a string'],
    ['a tenant with a control character', { recipient: 'ada', tenant: 'a\u0000' }, 'tenant must not contain'],
    [
      'an end that is no date',
      { recipient: 'ada', expiresAt: new Date(NaN) },
      'expiresAt is not a valid Date',
    ],
    ['a text', 'ada', 'must return an identity or null'],
  ])(
    'never opens a feed for %s, and logs the reason instead of answering it',
    async (_what, identity, line) => {
      await start(() => identity as Identity);
      const response = await app.get('/v1/stream');
      expect(response.status).toBe(200);
      const text = await response.text();
      expect(text).toContain('"unavailable"');
      expect(text).not.toContain(line);
      expect(app.streams.opened).toHaveLength(0);
      expect(app.logger.lines.join('\n')).toContain(line);
    },
  );

  it.each([
    ['throws', () => new Error('database of the host: 10.0.0.7')],
    ['is unavailable', () => new ServiceUnavailableException('later')],
  ])('makes a stream reconnect later when it %s', async (_what, makeError) => {
    await start(() => {
      throw makeError();
    });
    const response = await app.get('/v1/stream', { headers: { 'last-event-id': 'abc-7' } });
    expect(response.status).toBe(200);
    expect(await response.text()).not.toContain('10.0.0.7');
    expect(app.streams.refused).toEqual([{ reason: 'unavailable', lastEventId: 'abc-7' }]);
  });

  it('may reject with an exception of its own, which becomes a problem', async () => {
    await start(() => {
      throw new ForbiddenException('not on Sundays');
    });
    const response = await app.get('/v1/stream');
    expect(response.status).toBe(403);
    expect(await problemOf(response)).toMatchObject({ code: 'forbidden', detail: 'not on Sundays' });
  });

  it('keeps its own errors as they are', async () => {
    await start(() => null);
    const own = await app.get('/hosts-own');
    expect(own.headers.get('content-type')).toContain('application/json');
    expect(await own.json()).toMatchObject({ statusCode: 403, message: 'the host says no' });
    expect(await (await app.get('/nowhere')).json()).toMatchObject({ statusCode: 404 });
  });
});

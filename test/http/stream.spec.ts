import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { once } from 'node:events';
import { request as httpRequest, type IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import { Logger } from '@nestjs/common';
import { NEVER, Observable, throwError } from 'rxjs';
import type { Identity } from '../../src/contract/options/options.js';
import { startHttpApp, type HttpApp } from './http-app.js';
import { problemOf } from './problem-of.js';
import { bearer, sign } from './tokens.js';

describe('GET /v1/stream', () => {
  let app: HttpApp;
  let token: string;
  let defaultFrames: HttpApp['streams']['frames'];
  beforeAll(async () => {
    app = await startHttpApp();
    token = await sign();
    defaultFrames = app.streams.frames;
  });
  beforeEach(() => {
    // Nest has one logger a process, that of the application made last.
    Logger.overrideLogger(app.logger);
    app.streams.opened.splice(0);
    app.streams.refused.splice(0);
    app.streams.frames = defaultFrames;
  });
  afterAll(() => app.close());

  const open = (query = '', headers: Record<string, string> = {}): Promise<Response> =>
    app.get(`/v1/stream${query}`, { headers: { authorization: `Bearer ${token}`, ...headers } });

  it('answers an event stream that no proxy may cache, change or buffer', async () => {
    const response = await open();
    expect(response.status).toBe(200);
    expect(Object.fromEntries(response.headers)).toMatchObject({
      'content-type': 'text/event-stream',
      'cache-control': expect.stringMatching(/no-store.*no-transform/),
      'x-accel-buffering': 'no',
    });
    expect(await response.text()).toBe('\nevent: feed.ready\nid: e-0\ndata: {"type":"feed.ready"}\n\n');
  });

  it.each([
    ['nothing', '', undefined, { kind: 'live' }, ''],
    ['a cursor in the URL', '?lastEventId=abc-41', undefined, after('abc', 41), 'abc-41'],
    ['a cursor in the header', '', 'abc-41', after('abc', 41), 'abc-41'],
    ['both, of which the header wins', '?lastEventId=abc-1', 'abc-41', after('abc', 41), 'abc-41'],
    ['an empty header, which is none', '?lastEventId=abc-1', '', after('abc', 1), 'abc-1'],
    ['0, the oldest kept entry', '?lastEventId=0', undefined, { kind: 'oldest' }, '0'],
    ['now, as a client without a cursor is told to send', '', 'now', { kind: 'live' }, 'now'],
    ['an empty id', '?lastEventId=', undefined, { kind: 'live' }, ''],
    [
      'a number beyond 2^53',
      '',
      'abc-99999999999999999999',
      after('abc', Infinity),
      'abc-99999999999999999999',
    ],
    ['nonsense', '', 'nonsense', { kind: 'malformed' }, 'malformed'],
    ['nonsense with a line break', '?lastEventId=a%0Adata:x', undefined, { kind: 'malformed' }, 'malformed'],
    ['nonsense with NUL', '?lastEventId=abc-1%00', undefined, { kind: 'malformed' }, 'malformed'],
    ['bad percent-encoding', '?lastEventId=%FF%', undefined, { kind: 'malformed' }, 'malformed'],
    ['a negative number', '?lastEventId=abc--1', undefined, { kind: 'malformed' }, 'malformed'],
  ])('reads its position from %s', async (_what, query, header, position, lastEventId) => {
    const response = await open(query, header === undefined ? {} : { 'last-event-id': header });
    expect(response.status).toBe(200);
    await response.text();
    expect(app.streams.opened).toMatchObject([{ position, lastEventId, eventName: 'type' }]);
  });

  it('accepts ?as=message, and ignores unrelated parameters', async () => {
    await (await open('?as=message&_=123&r=1&r=2')).text();
    expect(app.streams.opened).toMatchObject([{ eventName: 'message' }]);
  });

  it.each([
    ['?as=foo', [{ field: 'as', problem: 'must be message or left out, is "foo"' }]],
    ['?as=', [{ field: 'as', problem: 'must be message or left out, is ""' }]],
    ['?as=message&as=message', [{ field: 'as', problem: 'must be given once' }]],
    ['?lastEventId=abc-1&lastEventId=abc-2', [{ field: 'lastEventId', problem: 'must be given once' }]],
    ['?last-event-id=abc-1', [{ field: 'last-event-id', problem: 'must be spelt lastEventId' }]],
    ['?lastEventID=abc-1', [{ field: 'lastEventID', problem: 'must be spelt lastEventId' }]],
    [
      '?as=%0D%0Ax%9B&lastEventId=1&lastEventId=2',
      [
        { field: 'lastEventId', problem: 'must be given once' },
        { field: 'as', problem: 'must be message or left out, is "\\r\\nx\ufffd"' },
      ],
    ],
  ])('refuses %s with 400 and names what is wrong', async (query, errors) => {
    const response = await open(query);
    expect(response.status).toBe(400);
    expect(await problemOf(response)).toMatchObject({
      code: 'invalid-request',
      title: 'The request is not valid',
      errors,
    });
    expect(app.streams.opened).toHaveLength(0);
  });

  it('answers HEAD with the headers alone and opens nothing', async () => {
    const response = await app.get('/v1/stream', { method: 'HEAD', ...bearer(token) });
    expect(response.status).toBe(200);
    expect(response.headers.get('content-type')).toBe('text/event-stream');
    expect(app.streams.opened).toHaveLength(0);
    expect((await app.get('/v1/stream', { method: 'HEAD' })).status).toBe(401);
  });

  it.each(['POST', 'PUT', 'PATCH', 'DELETE'])('answers %s with 405 and Allow', async (method) => {
    const response = await app.get('/v1/stream', { method, ...bearer(token) });
    expect(response.status).toBe(405);
    expect(response.headers.get('allow')).toBe('GET, HEAD');
    expect(await problemOf(response)).toMatchObject({
      code: 'method-not-allowed',
      detail: 'This method is not allowed here; allowed are GET, HEAD.',
    });
  });

  it('unsubscribes when the client disconnects', async () => {
    const left = new Promise<void>((resolve) => {
      app.streams.frames = () => new Observable(() => resolve);
    });
    const { response } = await openRaw();
    response.destroy();
    await left;
  });

  it('subscribes to nothing for a client that left while its credential was checked', async () => {
    let finishCheck!: () => void;
    let checking!: () => void;
    const checkBegan = new Promise<void>((resolve) => (checking = resolve));
    const identify = (): Promise<Identity> =>
      new Promise((resolve) => {
        finishCheck = () => resolve({ recipient: 'ada', expiresAt: new Date(Date.now() + 60_000) });
        checking();
      });
    const host = await startHttpApp({ http: { identify } });
    try {
      let subscriptions = 0;
      host.streams.frames = () => new Observable(() => void (subscriptions += 1));
      const left = new Promise((resolve) =>
        host.nest.getHttpServer().once('connection', (socket: Socket) => socket.once('close', resolve)),
      );
      const client = httpRequest(`${host.url}/v1/stream`).on('error', () => {});
      client.end();
      await checkBegan;
      client.destroy();
      await left;
      finishCheck();
      await new Promise((resolve) => setImmediate(resolve));
      expect(host.streams.opened).toHaveLength(1);
      expect(subscriptions).toBe(0);
    } finally {
      await host.close();
    }
  });

  it('answers 500, without the text of the error, when a port fails before anything was sent', async () => {
    app.streams.frames = () => throwError(() => new Error('password of the database'));
    const response = await open();
    expect(response.status).toBe(500);
    const problem = await problemOf(response);
    expect(problem).toMatchObject({ code: 'internal', instance: expect.stringMatching(/^urn:uuid:/) });
    expect(JSON.stringify(problem)).not.toContain('password');
    expect(app.logger.lines.join('\n')).toContain(`${problem.instance}: Error: password of the database`);
  });

  it('passes the outlet that ends the connection', async () => {
    app.streams.frames = () => NEVER;
    const { response } = await openRaw();
    const closed = new Promise((resolve) => response.once('close', resolve));
    app.streams.opened[0]?.outlet.destroy();
    await closed;
    expect(response.complete).toBe(false);
  });

  async function openRaw(): Promise<{ response: IncomingMessage }> {
    const client = httpRequest(`${app.url}/v1/stream`, { headers: { authorization: `Bearer ${token}` } });
    client.end();
    const [response] = (await once(client, 'response')) as [IncomingMessage];
    response.on('error', () => {});
    response.resume();
    return { response };
  }
});

function after(epoch: string, seq: number): object {
  return { kind: 'after', cursor: { epoch, seq } };
}

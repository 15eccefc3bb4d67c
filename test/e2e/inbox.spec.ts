import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { HttpAdapterHost, NestFactory } from '@nestjs/core';
import type { NestExpressApplication } from '@nestjs/platform-express';
import type { JWTPayload } from 'jose';
import { FeedBusyError } from '../../src/contract/errors.js';
import { parseCursor } from '../../src/contract/model/cursor.js';
import type { Appender, NewNotification } from '../../src/contract/ports/append.js';
import { APPENDER } from '../../src/contract/tokens.js';
import { corsOptions, ProblemFilter } from '../../src/http/index.js';
import { TidingsModule } from '../../src/module/tidings.module.js';
import { notification } from '../log/open-log.js';
import { eventually } from '../support/eventually.js';
import { createMigratedDatabase, type TestDatabase } from '../support/postgres.js';
import { connect, type SseClient } from '../support/sse-client.js';
import { ALLOWED_ORIGIN, API_KEY, SECRET } from '../http/http-app.js';
import { problemOf } from '../http/problem-of.js';
import { sign } from '../http/tokens.js';

/** On a busy machine a transaction may hold the feed for longer than others wait for it. */
function ignoreBusy(error: unknown): void {
  if (!(error instanceof FeedBusyError)) throw error;
}

/** One instance of the service, as far as a recipient sees it. */
class Instance {
  private constructor(
    private readonly app: NestExpressApplication,
    readonly origin: string,
    readonly appender: Appender,
  ) {}

  static async start(databaseUrl: string): Promise<Instance> {
    const module = TidingsModule.forRoot({
      roles: ['api'],
      database: { url: databaseUrl, poolSize: 5 },
      types: [],
      http: {
        jwt: { secret: SECRET, cookie: 'session', tenantClaim: 'org' },
        allowedOrigins: [ALLOWED_ORIGIN],
        producerApiKeys: [API_KEY],
      },
    });
    const app = await NestFactory.create<NestExpressApplication>(module, {
      logger: ['error', 'warn'],
      abortOnError: false,
      forceCloseConnections: true,
    });
    app.enableCors(corsOptions([ALLOWED_ORIGIN]));
    app.useGlobalFilters(new ProblemFilter(app.get(HttpAdapterHost)));
    await app.listen(0, '127.0.0.1');
    const { port } = app.getHttpServer().address() as AddressInfo;
    return new Instance(app, `http://127.0.0.1:${port}`, app.get<Appender>(APPENDER));
  }

  close(): Promise<void> {
    return this.app.close();
  }
}

interface Page {
  items: { cursor: string; title: string; id: string }[];
  next: string | null;
  unread: number;
  unseen: number;
  cursor: string;
}

describe('the notifications of a recipient over HTTP', () => {
  let test: TestDatabase;
  let instances: readonly Instance[];
  let one: Instance;

  beforeAll(async () => {
    test = await createMigratedDatabase();
    one = await Instance.start(test.url);
    instances = [one, await Instance.start(test.url)];
  }, 60_000);

  afterAll(async () => {
    await Promise.all(instances.map((instance) => instance.close()));
    await test.drop();
  });

  const headersOf = async (sub: string, org = 'acme', claims: JWTPayload = {}) => ({
    authorization: `Bearer ${await sign({ sub, org, ...claims })}`,
  });
  const get = async (path: string, sub = 'ada', org?: string, at = one): Promise<Response> =>
    fetch(`${at.origin}/v1/notifications${path}`, { headers: await headersOf(sub, org) });
  const page = async (query: string, sub: string, org?: string, at?: Instance): Promise<Page> => {
    const response = await get(query, sub, org, at);
    expect(response.status).toBe(200);
    return (await response.json()) as Page;
  };
  const stream = async (at: Instance, lastEventId: string, sub: string): Promise<SseClient> =>
    connect(`${at.origin}/v1/stream?lastEventId=${lastEventId}`, { headers: await headersOf(sub) });
  const to = (recipient: string, parts: Partial<NewNotification> = {}): NewNotification =>
    notification(recipient, { feed: { tenant: 'acme', recipient }, ...parts });
  const seqOf = (cursor: string | null): number => parseCursor(cursor ?? '')!.seq;

  it('are returned as a page with the JSON of the frames, which no cache may store', async () => {
    const watching = await stream(one, '0', 'texts');
    await one.appender.append([
      to('texts', { title: 'quotes " and \\, a line\nbreak\u2028, ünïcödé 🔔', body: 'b', link: '/x' }),
      to('texts', { dataJson: '{"a":[1,2.50,"\\u0041"],"a":2}', version: 2 }),
      to('texts', { type: 'new-order', expiresAt: new Date(Date.now() + 60_000) }),
    ]);
    const [ready, ...frames] = await watching.waitForEvents(4);
    await watching.close();
    const items = frames.map(({ data }) => data!).toReversed();
    const cursor = `${parseCursor(ready!.id!)!.epoch}-3`;

    const response = await get('', 'texts');
    expect(response.status).toBe(200);
    expect(Object.fromEntries(response.headers)).toMatchObject({
      'content-type': 'application/json; charset=utf-8',
      'cache-control': 'private, no-store',
      vary: 'Origin, Authorization, Cookie',
    });
    expect(await response.text()).toBe(
      `{"items":[${items.join(',')}],"next":null,"unread":3,"unseen":3,"cursor":"${cursor}"}`,
    );
    const replayed = await stream(instances[1]!, '0', 'texts');
    expect((await replayed.waitForEvents(4)).slice(1).map(({ data }) => data)).toEqual(items.toReversed());
    await replayed.close();

    const count = await get('/count', 'texts');
    expect(count.headers.get('cache-control')).toBe('private, no-store');
    expect(count.headers.get('vary')).toBe('Origin, Authorization, Cookie');
    expect(await count.json()).toEqual({ unread: 3, unseen: 3, cursor });
    const head = await fetch(`${one.origin}/v1/notifications`, {
      method: 'HEAD',
      headers: await headersOf('texts'),
    });
    expect([head.status, await head.text()]).toEqual([200, '']);
  });

  it('begin as an empty page, from which a stream continues, for a new recipient', async () => {
    const empty = await page('', 'newcomer');
    expect(empty).toEqual({ items: [], next: null, unread: 0, unseen: 0, cursor: empty.cursor });
    expect(empty.cursor).toMatch(/^[a-z0-9]{10}-0$/);
    const watching = await stream(one, empty.cursor, 'newcomer');
    await one.appender.append([to('newcomer', { title: 'the first' })]);
    const [ready, first] = await watching.waitForEvents(2);
    expect(ready!.event).toBe('feed.ready');
    expect(first!.data).toContain('the first');
    await watching.close();
    expect(await (await get('/count', 'newcomer')).json()).toMatchObject({ unread: 1 });
  });

  it('appear once each, on a page or on the stream from its cursor, while others append', async () => {
    await one.appender.append([to('busy')]);
    let reading = true;
    const writer = async ({ appender }: Instance): Promise<void> => {
      while (reading) {
        const burst = 1 + Math.floor(Math.random() * 6);
        await appender.append(Array.from({ length: burst }, () => to('busy'))).catch(ignoreBusy);
      }
    };
    const reader = async (number: number): Promise<void> => {
      for (let round = 0; round < 6; round += 1) {
        const [near, far] = number % 2 === 0 ? instances : instances.toReversed();
        const limit = 20 + Math.floor(Math.random() * 81);
        const first = await page(`?limit=${limit}`, 'busy', 'acme', near);
        // Counts and items are of the same moment as the cursor.
        expect([first.unread, seqOf(first.items[0]!.cursor)]).toEqual([
          seqOf(first.cursor),
          seqOf(first.cursor),
        ]);
        const watching = await stream(far!, first.cursor, 'busy');
        const listed = [first];
        while (listed.at(-1)!.next !== null) {
          listed.push(await page(`?limit=${limit}&before=${listed.at(-1)!.next}`, 'busy', 'acme', far));
        }
        const { cursor: target } = await page('?limit=1', 'busy', 'acme', near);
        if (target !== first.cursor) await watching.waitFor(({ id, event }) => id === target && event !== 'feed.ready'); // prettier-ignore
        await watching.close();

        const paged = listed.flatMap(({ items }) => items.map(({ cursor }) => seqOf(cursor))).toReversed();
        const streamed = watching.events.slice(1).map(({ id }) => seqOf(id));
        const upTo = Math.max(seqOf(target), streamed.at(-1) ?? 0);
        expect([...paged, ...streamed]).toEqual(Array.from({ length: upTo }, (_, index) => index + 1));
        expect(paged.length).toBe(seqOf(first.cursor));
      }
    };
    const writers = Promise.all(instances.map(writer));
    await Promise.all([0, 1, 2, 3].map(reader)).finally(() => (reading = false));
    await writers;
    expect(await (await get('/count', 'busy')).json()).toMatchObject({
      unread: seqOf((await page('', 'busy')).cursor),
    });
  }, 60_000);

  it('disappear from pages and counts when they expire, though nobody writes', async () => {
    await one.appender.append([to('late'), to('late', { expiresAt: new Date(Date.now() + 500) })]);
    const before = await page('', 'late');
    expect([before.items.length, before.unread, before.unseen]).toEqual([2, 2, 2]);
    const after = await eventually(async () => {
      const now = await page('', 'late');
      expect([now.unread, now.unseen]).toEqual([now.items.length, now.items.length]);
      return now.items.length === 1 && now;
    });
    expect(after).toEqual({ ...before, items: [before.items[1]], unread: 1, unseen: 1 });
    expect(await (await get('/count', 'late')).json()).toEqual({
      unread: 1,
      unseen: 1,
      cursor: before.cursor,
    });
  });

  it('honour the filters', async () => {
    await one.appender.append([to('filters', { type: 'new-order' }), to('filters'), to('filters')]);
    const seqs = async (query: string): Promise<number[]> =>
      (await page(query, 'filters')).items.map(({ cursor }) => seqOf(cursor));
    expect(await seqs('?type=new-order')).toEqual([1]);
    expect(await seqs('?type=never-heard-of')).toEqual([]);
    expect(await seqs('?unread=true&archived=false')).toEqual([3, 2, 1]);
    expect(await seqs('?unread=false')).toEqual([]);
    expect(await seqs('?archived=true')).toEqual([]);
    expect(await seqs('?limit=2')).toEqual([3, 2]);
  });

  it('stay hidden from other recipients, and from the same name in another tenant', async () => {
    await one.appender.append([
      to('eve', { title: 'of eve' }),
      to('adam', { title: 'of adam' }),
      notification('eve', { feed: { tenant: 'other', recipient: 'eve' }, title: 'of the other eve' }),
    ]);
    const titles = async (sub: string, org?: string): Promise<string[]> =>
      (await page('', sub, org)).items.map(({ title }) => title);
    expect(await titles('eve')).toEqual(['of eve']);
    expect(await titles('adam')).toEqual(['of adam']);
    expect(await titles('eve', 'other')).toEqual(['of the other eve']);
    expect(await titles('eve', 'third')).toEqual([]);

    const foreign = (await page('', 'adam')).cursor;
    const response = await get(`?before=${foreign}`, 'eve');
    expect(response.status).toBe(400);
    expect((await problemOf(response)).errors).toEqual([
      {
        field: 'before',
        problem:
          'is from an earlier history of this feed or from another feed: start again with the first page',
      },
    ]);
  });

  const LIMIT = 'must be a whole number from 1 to 100, is';
  const UNKNOWN =
    'is not a parameter of this route; known: limit, before, unread, archived, type, category, snoozed';
  const TYPE = 'must match ^[a-z][a-z0-9.-]{0,63}$, is';

  it.each<[string, [field: string, problem: string][]]>([
    ['?limit=0', [['limit', `${LIMIT} "0"`]]],
    ['?limit=101', [['limit', `${LIMIT} "101"`]]],
    ['?limit=', [['limit', `${LIMIT} ""`]]],
    ['?limit=-1', [['limit', `${LIMIT} "-1"`]]],
    ['?limit=2.5', [['limit', `${LIMIT} "2.5"`]]],
    ['?limit=1e1', [['limit', `${LIMIT} "1e1"`]]],
    ['?limit=%2010', [['limit', `${LIMIT} " 10"`]]],
    ['?limit=%D9%A3', [['limit', `${LIMIT} "٣"`]]],
    ['?limit=10&limit=10', [['limit', 'must be given once']]],
    ['?limit[]=10', [['limit[]', UNKNOWN]]],
    ['?unread=1', [['unread', 'must be true or false, is "1"']]],
    ['?unread', [['unread', 'must be true or false, is ""']]],
    ['?archived=True', [['archived', 'must be true or false, is "True"']]],
    ['?before=', [['before', 'must be the "next" of a page, is ""']]],
    ['?before=0', [['before', 'must be the "next" of a page, is "0"']]],
    ['?before=abc-01', [['before', 'must be the "next" of a page, is "abc-01"']]],
    ['?before=abc--1', [['before', 'must be the "next" of a page, is "abc--1"']]],
    ['?before=abc-1%00', [['before', 'must be the "next" of a page, is "abc-1\\u0000"']]],
    [`?before=${'9'.repeat(200)}`, [['before', `must be the "next" of a page, is "${'9'.repeat(100)}"`]]],
    [
      '?before=abc-99999999999999999999',
      [
        [
          'before',
          'is from an earlier history of this feed or from another feed: start again with the first page',
        ],
      ],
    ],
    ['?type=', [['type', `${TYPE} ""`]]],
    ['?type=New', [['type', `${TYPE} "New"`]]],
    ["?type='%20OR%201=1", [['type', `${TYPE} "' OR 1=1"`]]],
    ['?type=feed.read', [['type', 'must not begin with "feed."']]],
    ['?type=message', [['type', 'must not be "message": EventSource has its own event of that name']]],
    ['?recipient=eve', [['recipient', UNKNOWN]]],
    ['?tenant=other', [['tenant', UNKNOWN]]],
    ['?Unread=true', [['Unread', UNKNOWN]]],
    ['?__proto__=1&constructor=1', [['__proto__', UNKNOWN], ['constructor', UNKNOWN]]], // prettier-ignore
    ['?%00=1', [['\\u0000', UNKNOWN]]],
    ['?=1', [['', UNKNOWN]]],
    [
      '?offset=20&limit=x&unread=yes&unread=no&type=message&before=latest',
      [
        ['offset', UNKNOWN],
        ['limit', `${LIMIT} "x"`],
        ['unread', 'must be given once'],
        ['type', 'must not be "message": EventSource has its own event of that name'],
        ['before', 'must be the "next" of a page, is "latest"'],
      ],
    ],
    ['/count?limit=1', [['limit', 'is not a parameter of this route; known: by']]],
    ['/count?unread=true&x=1', [['unread', 'is not a parameter of this route; known: by'], ['x', 'is not a parameter of this route; known: by']]], // prettier-ignore
  ])('reject %s and name each invalid parameter', async (query, errors) => {
    const response = await get(query);
    expect(response.status).toBe(400);
    const problem = await problemOf(response);
    expect(problem).toMatchObject({ code: 'invalid-request', title: 'The request is not valid' });
    expect(problem.errors).toEqual(errors.map(([field, text]) => ({ field, problem: text })));
  });

  it('reject a position ahead of the feed', async () => {
    const { cursor } = await page('', 'ada');
    const ahead = [cursor.replace(/-\d+$/, '-1'), cursor.replace(/-\d+$/, '-99999999999999999999')];
    for (const before of ahead) {
      const problem = await problemOf(await get(`?before=${before}`));
      expect(problem.errors).toEqual([
        { field: 'before', problem: 'is ahead of the feed: use the "next" of a page' },
      ]);
    }
  });

  it.each(['', '/count'])('require a credential of their recipient (%s)', async (path) => {
    const url = `${one.origin}/v1/notifications${path}`;
    const answer = async (headers: Record<string, string>): Promise<unknown[]> => {
      const response = await fetch(url, { headers });
      return [response.status, response.ok || (await problemOf(response)).code];
    };
    const { authorization } = await headersOf('ada');
    const cookie = authorization.replace('Bearer ', 'session=');
    expect(await answer({})).toEqual([401, 'unauthenticated']);
    expect(await answer({ authorization: `Bearer ${API_KEY}` })).toEqual([401, 'unauthenticated']);
    expect(await answer({ 'x-api-key': API_KEY })).toEqual([401, 'unauthenticated']);
    expect(await answer(await headersOf('ada', 'acme', { exp: 1 }))).toEqual([401, 'unauthenticated']);
    expect(await answer({ cookie, origin: 'https://evil.example' })).toEqual([403, 'origin-not-allowed']);
    expect(await answer({ cookie, origin: ALLOWED_ORIGIN })).toEqual([200, true]);
    const inUrl = await fetch(`${url}?access_token=${authorization.slice(7)}`, {
      headers: { authorization },
    });
    expect([inUrl.status, (await problemOf(inUrl)).errors?.[0]?.field]).toEqual([400, 'access_token']);
  });

  it.each([
    ['PUT', '', 'GET, HEAD, POST'],
    ['PATCH', '', 'GET, HEAD, POST'],
    ['DELETE', '', 'GET, HEAD, POST'],
    ['POST', '/count', 'GET, HEAD'],
    ['PUT', '/count', 'GET, HEAD'],
    ['DELETE', '/count', 'GET, HEAD'],
  ])('answer %s %s with 405 and Allow', async (method, path, allow) => {
    const response = await fetch(`${one.origin}/v1/notifications${path}`, { method });
    expect([response.status, response.headers.get('allow')]).toEqual([405, allow]);
    expect((await problemOf(response)).code).toBe('method-not-allowed');
  });
});

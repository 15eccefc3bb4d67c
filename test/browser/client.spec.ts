import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, expect, it } from '@jest/globals';
import { createParser as createReferenceParser } from 'eventsource-parser';
import fc from 'fast-check';
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { gzipSync } from 'node:zlib';
import type { NotificationItem } from '../../src/contract/model/entry.js';
import { createClient } from '../../src/browser/client/client.js';
import { createFeed, type FeedOptions } from '../../src/browser/client/index.js';
import { createParser, type ParsedFrame } from '../../src/browser/client/parser.js';
import { createStore, type Page, type Store } from '../../src/browser/client/store.js';
import { buildService } from '../support/service.js';

describe('the size, minified and gzipped,', () => {
  it.each([
    ['client', 7],
    ['element', 28],
    ['push', 3],
  ])(
    'of tidings/%s stays under %d KiB',
    async (name, kib) => {
      const file = join(dirname(await buildService()), `browser/${name}/index.js`);
      expect(gzipSync(readFileSync(file)).length).toBeLessThan(kib * 1_024);
    },
    180_000,
  );
});

describe('createFeed', () => {
  it.each([
    [
      { ulr: 'https://notify.example.com' },
      'createFeed: ulr is https://notify.example.com, must be left out (unknown)',
    ],
    [{ tabs: 'alon' }, 'createFeed: tabs is alon, must be shared|alone'],
    [{ pageSize: '25' }, 'createFeed: pageSize is 25, must be number'],
    [{ getToken: null }, 'createFeed: getToken is null, must be function'],
    [{ open: 0 }, 'createFeed: open is 0, must be boolean'],
  ])('refuses %j', (options, message) => {
    expect(() => createFeed(options as never)).toThrow(new TypeError(message));
  });

  it('takes every option, and undefined for each', () => {
    const options: Required<FeedOptions> = {
      url: new URL('https://notify.example.com'),
      path: '/feed',
      getToken: () => null,
      credentials: 'same-origin',
      pageSize: 10,
      tabs: 'alone',
      transport: 'eventsource',
      heartbeatMs: 1_000,
      open: false,
    };
    expect(createFeed(options).status).toEqual({ state: 'closed' });
    const without = Object.fromEntries(Object.keys(options).map((name) => [name, undefined]));
    expect(createFeed(without).status).toEqual({ state: 'closed' });
  });
});

describe('the addresses of the client', () => {
  it.each([
    [{}, '/v1/'],
    [{ url: 'https://a.example/' }, 'https://a.example/v1/'],
    [{ url: new URL('https://a.example/sub/') }, 'https://a.example/sub/v1/'],
    [{ url: 'https://a.example', path: '/api/feed/' }, 'https://a.example/api/feed/'],
    [{ path: 'feed' }, '/feed/'],
    [{ path: '/' }, '/'],
    [{ url: '//a.example', path: '' }, '//a.example/'],
  ])('are of %j', (options, base) => {
    expect(createClient(options).base).toBe(base);
  });
});

describe("the client's parser", () => {
  const parse = (chunks: readonly string[]): ParsedFrame[] => {
    const frames: ParsedFrame[] = [];
    const push = createParser((frame) => frames.push(frame));
    chunks.forEach(push);
    return frames;
  };

  it('reads frames, ids alone and delays, and passes over comments', () => {
    const text =
      'event: feed.ready\nid: e-1\nretry: 2000\ndata: {}\n\nid: e-2\n\n: hb\n\nid: e-3\ndata: a\ndata:b\n\n';
    expect(parse([text])).toEqual([
      { event: 'feed.ready', id: 'e-1', data: '{}', retryMs: 2_000 },
      { event: '', id: 'e-2', data: '', retryMs: undefined },
      { event: '', id: 'e-3', data: 'a\nb', retryMs: undefined },
    ]);
  });

  it('agrees with eventsource-parser on any stream, wherever it is cut', () => {
    const name = fc.constantFrom('data', 'id', 'event', 'retry', 'dat', '');
    const value = fc.stringMatching(/^[ :0-9a-c]{0,6}$/);
    const line = fc.oneof(
      fc.tuple(name, fc.constantFrom(':', ': ', ''), value).map((parts) => parts.join('')),
      fc.constant(''),
    );
    // A lone CR before the very end of a chunk may be half of a CRLF; the reference takes it otherwise.
    const end = fc.constantFrom('\n', '\r\n');
    const stream = fc
      .array(fc.tuple(line, end).map((parts) => parts.join('')))
      .map((lines) => lines.join(''));
    fc.assert(
      fc.property(stream, fc.array(fc.nat(20)), (text, cuts) => {
        const expected: unknown[] = [];
        const reference = createReferenceParser({
          onEvent: ({ event = '', id = '', data }) => expected.push({ event, id, data }),
        });
        reference.feed(text);
        const chunks: string[] = [];
        let rest = text;
        for (const cut of cuts) {
          chunks.push(rest.slice(0, cut));
          rest = rest.slice(cut);
        }
        // It does not report what has no data.
        const frames = parse([...chunks, rest]).filter(({ data }) => data !== '');
        expect(frames.map(({ event, id, data }) => ({ event, id, data }))).toEqual(
          expected.filter((frame) => (frame as ParsedFrame).data !== ''),
        );
      }),
      { numRuns: 500 },
    );
  });

  it('takes a lone CR as the end of a line, and a CR and an LF in two pieces as one end', () => {
    expect(
      parse(['id: 1\rdata: x\r\rid: 2\r', '\ndata: y\r', '\n\r', '\n']).map(({ id, data }) => [id, data]),
    ).toEqual([
      ['1', 'x'],
      ['2', 'y'],
    ]);
  });
});

describe('the store of a feed', () => {
  const item = (seq: number, more: Partial<NotificationItem> = {}): NotificationItem => ({
    type: 'task-completed',
    id: `id ${seq}`,
    cursor: `e-${seq}`,
    title: '',
    body: null,
    link: null,
    data: {},
    version: 1,
    createdAt: '',
    readAt: null,
    count: 1,
    replaces: [],
    ...more,
  });
  const page = (seqs: readonly number[], more: Partial<Page> = {}): Page => ({
    items: seqs.map((seq) => item(seq)),
    next: null,
    unread: seqs.length,
    unseen: seqs.length,
    cursor: `e-${seqs[0] ?? 0}`,
    ...more,
  });
  /** An id as the log makes it: the number is between the variant and 26 random bits. */
  const idAt = (seq: number): string => {
    const digits = ((1n << 63n) | (BigInt(seq) << 26n) | 12_345n).toString(16);
    return `01a20577-e386-793f-${digits.slice(0, 4)}-${digits.slice(4)}`;
  };
  const shows = (store: Store) => ({
    items: store.view.items.map(({ cursor, readAt }) => `${cursor}${readAt === null ? '' : ' read'}`),
    counts: [store.view.unread, store.view.unseen],
  });
  const add = (store: Store, seq: number, more: Partial<NotificationItem> = {}): void => {
    store.cursor = `e-${seq}`;
    store.addItem(item(seq, more));
  };

  it('shows a change at once, rolls it back on failure, and keeps it once the server has confirmed it', () => {
    const store = createStore(page([3, 2, 1]));
    const pending = store.propose('read', { ids: ['id 2'] });
    expect(shows(store)).toEqual({ items: ['e-3', 'e-2 read', 'e-1'], counts: [2, 2] });
    store.rollBack(pending);
    expect(shows(store)).toEqual({ items: ['e-3', 'e-2', 'e-1'], counts: [3, 3] });
    store.confirm(store.propose('remove', { ids: ['id 2'] }), { unread: 2, unseen: 2, cursor: 'e-4' });
    expect(shows(store)).toEqual({ items: ['e-3', 'e-1'], counts: [2, 2] });
  });

  it('takes a snoozed notification off the list and counts, and puts it at the top when it is back', () => {
    const store = createStore(page([3, 2, 1]));
    const pending = store.propose('snooze', { ids: ['id 2'], until: '2030-01-01T00:00:00Z' });
    expect(shows(store)).toEqual({ items: ['e-3', 'e-1'], counts: [2, 2] });
    store.rollBack(pending);
    expect(shows(store)).toEqual({ items: ['e-3', 'e-2', 'e-1'], counts: [3, 3] });
    store.cursor = 'e-4';
    const until = '2030-01-01T00:00:00.000Z';
    store.addState({ type: 'feed.snoozed', ids: ['id 2'], until, unread: 2, unseen: 2 });
    expect(shows(store)).toEqual({ items: ['e-3', 'e-1'], counts: [2, 2] });
    add(store, 5, { id: 'id 2' });
    expect(shows(store)).toEqual({ items: ['e-5', 'e-3', 'e-1'], counts: [3, 3] });
  });

  it('keeps a notification that is back when the answer to its snoozing comes later', () => {
    const store = createStore(page([3, 2, 1]));
    const until = '2030-01-01T00:00:00.000Z';
    const pending = store.propose('snooze', { ids: ['id 2'], until });
    store.cursor = 'e-20';
    store.addState({ type: 'feed.snoozed', ids: ['id 2'], until, unread: 2, unseen: 2 });
    // Another device has brought it back meanwhile.
    add(store, 21, { id: 'id 2' });
    store.confirm(pending, { unread: 2, unseen: 2, cursor: 'e-20' });
    expect(shows(store)).toEqual({ items: ['e-21', 'e-3', 'e-1'], counts: [3, 3] });
  });

  it('shows a notification that is back also if it was archived or is still there', () => {
    const store = createStore(page([3, 2, 1]));
    store.cursor = 'e-4';
    store.addState({ type: 'feed.archived', ids: ['id 2'], unread: 2, unseen: 2 });
    add(store, 6, { id: 'id 2' });
    expect(shows(store)).toEqual({ items: ['e-6', 'e-3', 'e-1'], counts: [3, 3] });
    add(store, 7, { id: 'id 2' });
    expect(shows(store)).toEqual({ items: ['e-7', 'e-3', 'e-1'], counts: [3, 3] });
  });

  it('shows an answer at once, once it is confirmed, and as the server has it', () => {
    const store = createStore(page([2, 1]));
    const acted = () => store.view.items.map((one) => one.acted?.action);
    const pending = store.propose('acted', { ids: ['id 2'], action: 'accept' });
    expect([acted(), shows(store).counts]).toEqual([
      ['accept', undefined],
      [1, 1],
    ]);
    store.rollBack(pending);
    expect([acted(), shows(store).counts]).toEqual([
      [undefined, undefined],
      [2, 2],
    ]);
    store.confirm(store.propose('acted', { ids: ['id 2'], action: 'accept' }), {});
    expect([acted(), shows(store).counts]).toEqual([
      ['accept', undefined],
      [1, 1],
    ]);
    store.cursor = 'e-3';
    const at = '2026-01-01T00:00:00.000Z';
    store.addState({ type: 'feed.acted', ids: ['id 2'], action: 'decline', at, unread: 1, unseen: 1 });
    expect(store.view.items[0]!.acted).toEqual({ action: 'decline', at });
    expect(shows(store)).toEqual({ items: ['e-2 read', 'e-1'], counts: [1, 1] });
  });

  it('leaves unread what arrives after `upTo`, also while the request is under way', () => {
    const store = createStore(page([3, 2, 1], { unread: 40, unseen: 2 }));
    const pending = store.propose('read', { upTo: 'e-3' });
    add(store, 4);
    expect(shows(store)).toEqual({ items: ['e-4', 'e-3 read', 'e-2 read', 'e-1 read'], counts: [1, 1] });
    store.rollBack(pending);
    expect(shows(store).counts).toEqual([41, 3]);
    store.propose('seen', { upTo: 'e-3' });
    expect(shows(store).counts).toEqual([41, 1]);
  });

  it('counts a notification once if the server has counted it already', () => {
    const store = createStore(page([1]));
    store.setCounts({ unread: 3, unseen: 3, cursor: 'e-3' });
    add(store, 2);
    add(store, 3);
    expect(shows(store).counts).toEqual([3, 3]);
    add(store, 4);
    expect(shows(store).counts).toEqual([4, 4]);
  });

  it('keeps newer counts when it is told a change again that was written before the retention took something', () => {
    const store = createStore(page([2, 1]));
    store.setCounts({ unread: 1, unseen: 0, cursor: 'e-3' });
    store.cursor = 'e-3';
    store.addState({ type: 'feed.seen', upTo: 'e-2', unread: 2, unseen: 0 });
    expect(shows(store).counts).toEqual([1, 0]);
    store.cursor = 'e-4';
    store.addState({ type: 'feed.read', ids: ['id 2'], unread: 0, unseen: 0 });
    expect(shows(store).counts).toEqual([0, 0]);
  });

  it('replaces the notification that a new one supersedes, loaded or not', () => {
    const store = createStore(page([3, 2], { unread: 9, unseen: 1 }));
    add(store, 4, { replaces: ['id 2'], count: 2 });
    expect(shows(store)).toEqual({ items: ['e-4', 'e-3'], counts: [9, 2] });
    add(store, 5, { replaces: [idAt(1)], count: 2 });
    expect(shows(store)).toEqual({ items: ['e-5', 'e-4', 'e-3'], counts: [9, 3] });
    // A replay passes over what was replaced meanwhile: the counts, which are of before it, never had it.
    add(store, 7, { replaces: [idAt(6)], count: 2 });
    expect(shows(store)).toEqual({ items: ['e-7', 'e-5', 'e-4', 'e-3'], counts: [10, 4] });
    store.setCounts({ unread: 12, unseen: 6, cursor: 'e-9' });
    add(store, 10, { replaces: [idAt(8)], count: 2 });
    expect(shows(store).counts).toEqual([12, 6]);
  });

  it('restores an entry that was archived while open, and reports when it cannot', () => {
    const store = createStore(page([2, 1]));
    store.cursor = 'e-3';
    store.addState({ type: 'feed.archived', ids: ['id 2'], unread: 1, unseen: 1 });
    expect(shows(store)).toEqual({ items: ['e-1'], counts: [1, 1] });
    store.cursor = 'e-4';
    expect(store.addState({ type: 'feed.unarchived', ids: ['id 2'], unread: 2, unseen: 2 })).toBe(true);
    expect(shows(store)).toEqual({ items: ['e-2', 'e-1'], counts: [2, 2] });
    expect(store.addState({ type: 'feed.unarchived', ids: ['id 0'], unread: 3, unseen: 2 })).toBe(false);
  });

  it('ignores an older page that was read before the last change', () => {
    const store = createStore(page([3, 2], { next: 'e-2' }));
    store.cursor = 'e-5';
    store.addState({ type: 'feed.removed', reason: 'deleted', ids: ['id 1'], unread: 2, unseen: 2 });
    expect(store.append(page([1], { cursor: 'e-4' }))).toBe(false);
    expect(store.append(page([], { cursor: 'e-5' }))).toBe(true);
    expect(store.next).toBeNull();
  });

  it('returns the same snapshot until something changes', () => {
    const store = createStore(page([1]));
    const { view } = store;
    expect(store.view).toBe(view);
    store.setCounts({ unread: 0, unseen: 0, cursor: 'e-0' });
    expect(store.view).toBe(view);
    add(store, 2);
    expect(store.view).not.toBe(view);
  });
});

describe('too many requests', () => {
  it('sends a change again after Retry-After', async () => {
    const times: number[] = [];
    const server = createServer((_request, response) => {
      times.push(performance.now());
      const isFirst = times.length === 1;
      response.writeHead(isFirst ? 429 : 200, { 'Content-Type': 'application/json', 'Retry-After': '1' });
      response.end(
        JSON.stringify(isFirst ? { code: 'rate-limited' } : { unread: 0, unseen: 0, cursor: 'e-1' }),
      );
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    try {
      const { port } = server.address() as AddressInfo;
      const feed = createFeed({ url: `http://127.0.0.1:${port}`, open: false });
      await feed.markRead('0190163d-8694-739b-aea5-966c26f8ad91');
      expect(times).toHaveLength(2);
      expect(times[1]! - times[0]!).toBeGreaterThan(950);
    } finally {
      server.close();
    }
  });
});

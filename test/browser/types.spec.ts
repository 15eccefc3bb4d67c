import { describe, expect, it } from '@jest/globals';
import { createElement } from 'react';
import { z } from 'zod';
import type { ResetReason as ServerResetReason } from '../../src/contract/ports/stream.js';
import { defineNotification } from '../../src/contract/model/notification-type.js';
import { createFeed, type Feed, type Item, type ResetReason } from '../../src/browser/client/index.js';
import type { TidingsBell } from '../../src/browser/element/index.js';
import { FeedProvider, typedHooks } from '../../src/browser/react/index.js';

const invoice = defineNotification('invoice', {
  version: 1,
  schema: z.object({ total: z.number(), due: z.date() }),
  render: ({ total }) => ({ title: String(total) }),
});
const hello = defineNotification('hello', {
  version: 1,
  schema: z.object({ name: z.string() }),
  render: ({ name }) => ({ title: name }),
});
const types = [invoice, hello] as const;

type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
const is =
  <T>() =>
  <Value>(_value: Value, _: Same<T, Value>): void => {};
const same = <A, B>(_: Same<A, B>): void => {};

/** Compiled and never run: each line is a promise of the types, each `@ts-expect-error` one, too. */
export function promises(
  feed: Feed<typeof types>,
  plain: Feed<{ ping: { at: number } }>,
  any: Feed,
  bell: TidingsBell,
): void {
  feed.on('hello', (item) => is<string>()(item.data.name, true));
  // JSON has no dates.
  feed.on('invoice', ({ data }) => {
    is<number>()(data.total, true);
    is<string>()(data.due, true);
  });
  feed.on('message', (item) => {
    if (item.type === 'hello') is<string>()(item.data.name, true);
    // @ts-expect-error it may be an invoice
    is<string>()(item.data.name, true);
  });
  feed.on('feed.read', ({ unread }) => is<number>()(unread, true));
  feed.on('error', ({ status }) => is<number>()(status, true));
  // @ts-expect-error not declared
  feed.on('helo', () => {});
  plain.on('ping', ({ data }) => is<number>()(data.at, true));
  any.on('whatever', ({ data }) => is<unknown>()(data, true));
  is<readonly Item<typeof types>[]>()(feed.items, true);
  same<ResetReason, ServerResetReason>(true);

  const { useFeed, useNotification } = typedHooks<typeof types>();
  useNotification('hello', ({ data }) => is<string>()(data.name, true));
  // @ts-expect-error not declared
  useNotification('helo', () => {});
  is<readonly Item<typeof types>[]>()(useFeed().items, true);
  createElement(FeedProvider, { feed });
  createElement(FeedProvider, { url: '', pageSize: 10 });

  bell.feed = feed;
  bell.addEventListener('tidings-select', ({ detail }) => is<string>()(detail.item.id, true));
  bell.addEventListener('tidings-toggle', ({ detail }) => is<boolean>()(detail.open, true));
}

describe('the types of tidings/client', () => {
  it('add no code to a bundle: a feed is created without the declarations', () => {
    const feed = createFeed<typeof types>();
    expect(types).toHaveLength(2);
    expect(feed.getSnapshot()).toMatchObject({ items: [], status: { state: 'closed' }, loaded: false });
  });
});

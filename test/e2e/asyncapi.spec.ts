import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { readFileSync } from 'node:fs';
import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';
import { parse } from 'yaml';
import { MAX_RECIPIENTS, parseJobData } from '../../src/contract/model/job.js';
import { House, task, type Instance } from '../guarantees/house.js';
import type { SseClient } from '../support/sse-client.js';
import { ADMIN_KEY, frameOf, OPTIONS, Person, withKey } from './inbox-house.js';

interface Message {
  readonly name: string;
  readonly payload: object;
  readonly examples?: readonly { readonly payload: Record<string, unknown> }[];
}
interface Document {
  readonly asyncapi: string;
  readonly channels: Record<string, { readonly messages: Record<string, { $ref: string }> }>;
  readonly components: { readonly messages: Record<string, Message> };
}

const text = readFileSync(new URL('../../docs/asyncapi.yaml', import.meta.url), 'utf8');
const document = parse(text) as Document;

describe('The AsyncAPI document', () => {
  let house: House;
  let service: Instance;
  const validators = new Map<string, ValidateFunction>();

  beforeAll(async () => {
    const ajv = new Ajv2020({ strict: false, allErrors: true });
    addFormats.default(ajv);
    ajv.addSchema({ $id: 'doc', ...document });
    for (const [key, { payload }] of Object.entries(document.components.messages)) {
      const absolute = JSON.parse(JSON.stringify(payload).replaceAll('"#/', '"doc#/')) as object;
      validators.set(key, ajv.compile(absolute));
    }
    house = await House.open('Postgres');
    service = await house.start(OPTIONS);
  }, 60_000);
  afterAll(() => house.close(), 30_000);

  /** The message that a frame or a job is, by the document. */
  const fits = (value: unknown): string[] =>
    [...validators].filter(([, validate]) => validate(value)).map(([key]) => key);

  it('has version 3 and no dangling reference', () => {
    expect(document.asyncapi).toBe('3.0.0');
    const places = [...text.matchAll(/\$ref: '?#\/([\w/]+)/g)].map(([, place]) => place!.split('/'));
    expect(places.length).toBeGreaterThan(20);
    for (const place of places) {
      const found = place.reduce<unknown>((node, key) => (node as Record<string, unknown>)?.[key], document);
      expect([place.join('/'), typeof found]).toEqual([place.join('/'), 'object']);
    }
    const messages = Object.values(document.channels).flatMap(({ messages: all }) => Object.keys(all));
    expect(messages.toSorted()).toEqual(Object.keys(document.components.messages).toSorted());
  });

  it('describes a stream: each frame is one of its messages, and each message occurs', async () => {
    const ada = new Person('ada');
    await new Person('cy').page(service);
    const watching = await service.stream('ada');
    // Trimmed before cy looks.
    await house.queue().add('announcement', { to: { audience: 'all' }, data: { title: 'missed' } });
    await frameOf(watching, 'announcement');
    await house.sql(`DELETE FROM tidings.entry e USING tidings.feed f
                      WHERE e.feed_id = f.id AND f.recipient = chr(1) || 'all'`);
    await house.sql(`UPDATE tidings.feed SET floor = head WHERE recipient = chr(1) || 'all'`);
    const missing = await service.stream('cy', { after: '0' });
    await frameOf(missing, 'feed.missed', { audience: 'all', count: 1 });
    const { items } = await ada.gets(service, 'a', 'b');
    const first = items[1]!.id;
    const order = { orderId: '1', customer: 'Zoe', items: 1, total: { amount: 1, currency: 'EUR' } };
    for (const change of ['read', 'unread', 'archive', 'unarchive'])
      await ada.does(service, change, { ids: [first] });
    await ada.does(service, 'seen', { upTo: (await ada.page(service)).cursor });
    await ada.ask(service, 'DELETE', `notifications/${first}`);
    for (const count of [1, 2]) {
      await service.publish({ type: 'new-order', to: 'ada', data: order, collapseKey: 'orders' });
      await frameOf(watching, 'new-order', { count });
    }
    const invitation = { title: 'x', actions: [{ id: 'accept', label: 'Accept' }], image: '/a.png' };
    await service.publish({ type: 'announcement', to: 'ada', data: invitation });
    const { id: invited } = (await ada.page(service)).items[0]!;
    await ada.does(service, 'snooze', { ids: [invited], until: new Date(Date.now() + 60_000) });
    await ada.does(service, 'unsnooze', { ids: [invited] });
    await ada.ask(service, 'POST', `notifications/${invited}/actions/accept`);
    await frameOf(watching, 'feed.acted', { ids: [invited], action: 'accept' });
    const soon = new Date(Date.now() + 700);
    await service.publish({ type: 'task-completed', to: 'ada', data: task('late'), expiresAt: soon });
    await frameOf(watching, 'feed.removed', { reason: 'expired' });
    const replayed = await service.stream('ada', { after: '0' });
    await replayed.waitFor(({ id }) => id === watching.events.at(-1)!.id);
    const lost = await service.stream('ada', { after: 'nonsense' });
    await frameOf(lost, 'feed.reset');
    await withKey(service, ADMIN_KEY, 'DELETE', 'feeds/ada');
    await Promise.all([watching, replayed, lost].map((client) => client.closed));

    const kinds = new Set<string>();
    const take = (client: SseClient): void => {
      for (const { event, data } of client.events) {
        const value = JSON.parse(data!) as { type: string };
        const found = fits(value);
        expect([data, found.length, event]).toEqual([data, 1, value.type]);
        kinds.add(found[0]!);
      }
    };
    [watching, missing, replayed, lost].forEach(take);
    const messages = Object.keys(document.channels['stream']!.messages);
    expect([...kinds].toSorted()).toEqual(messages.toSorted());
  }, 60_000);

  it('describes a job: its examples become notifications, and what it rejects is rejected', async () => {
    const { examples = [] } = document.components.messages['job']!;
    for (const { payload } of examples) {
      expect(fits(payload)).toEqual(['job']);
      expect(parseJobData(payload).feeds.length).toBeGreaterThan(0);
    }
    const [{ payload }] = examples as [{ payload: Record<string, unknown> }];
    const bea = new Person('bea');
    await house.queue().add('task-completed', { ...payload, to: 'bea' });
    await frameOf(await service.stream('bea', { after: '0' }), 'task-completed');
    expect((await bea.page(service)).items).toHaveLength(1);
    for (const more of [
      { to: [] },
      { to: '' },
      { to: 7 },
      { to: Array.from({ length: MAX_RECIPIENTS + 1 }, (_, index) => `u${index}`) },
      { to: undefined },
      { tenant: 7 },
      { dedupeKey: '' },
      { expiresAt: 'tomorrow' },
      { version: 0 },
      { recipient: 'ada' },
    ]) {
      const wrong = JSON.parse(JSON.stringify({ ...payload, ...more })) as unknown;
      expect([more, fits(wrong)]).toEqual([more, []]);
      expect(() => parseJobData(wrong)).toThrow();
    }
  }, 60_000);
});

import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { randomUUID } from 'node:crypto';
import { audiencesOf } from '../../../src/contract/model/audience.js';
import type { NotificationItem } from '../../../src/contract/model/entry.js';
import { createMigratedDatabase, type TestDatabase } from '../../support/postgres.js';
import { AS_PUBLISHED, openAudience, type OpenAudience } from '../audience/open-audience.js';
import { request } from '../inbox/open-inbox.js';
import { notification } from '../open-log.js';

const CONTENT = {
  image: 'https://a.example/"x".png',
  actions: [{ id: 'a', label: '{"}\\' }],
  severity: 'high',
};
const contentJson = JSON.stringify(CONTENT);

describe('image, actions, category and severity', () => {
  let test: TestDatabase;
  let one: OpenAudience;

  beforeAll(async () => {
    test = await createMigratedDatabase();
    one = await openAudience(test.url, {
      ...AS_PUBLISHED,
      locales: (feeds) =>
        Promise.resolve(feeds.map(({ recipient }) => (recipient.startsWith('de') ? 'de' : null))),
      render: (_, locale) =>
        Promise.resolve({ title: locale, body: null, link: null, contentJson: '{"severity":"low"}' }),
    });
  });

  afterAll(async () => {
    await one.close();
    await test.drop();
  });

  async function replayed(recipient: string, seq: number): Promise<NotificationItem> {
    const { feedId } = await one.log.reader.open({ tenant: '', recipient });
    return JSON.parse((await one.log.reader.page(feedId, seq - 1))!.entries[0]!.json!) as NotificationItem;
  }

  it('are in the live entry, the replay and the page, by each way to append', async () => {
    const recipient = randomUUID();
    for (const parts of [{}, { collapseKey: 'x' }, { expiresAt: new Date(Date.now() + 60_000) }]) {
      const item = notification(recipient, { contentJson, category: 'orders', ...parts });
      const [result] = await one.log.append([item]);
      const [listed] = (await one.items(recipient)).reverse();
      expect(listed).toMatchObject({ ...CONTENT, category: 'orders' });
      expect(await replayed(recipient, result!.seq)).toEqual(listed);
      if (result!.entry) expect(JSON.parse(result!.entry.json!)).toEqual(listed);
    }
  });

  it('are absent where they are not set', async () => {
    const recipient = randomUUID();
    const [result] = await one.log.append([notification(recipient)]);
    expect(Object.keys(JSON.parse(result!.entry!.json!) as object)).toEqual(
      'type id cursor title body link data version createdAt readAt count replaces'.split(' '),
    );
  });

  it('reach the members of an audience, with what is rendered in their language', async () => {
    const plan = `plan:${randomUUID()}`;
    const [english, german] = [randomUUID(), `de-${randomUUID()}`];
    for (const recipient of [english, german]) {
      await one.inbox.page({ tenant: '', recipient }, request(), audiencesOf([plan]));
    }
    await one.announce(plan, 'news', { contentJson, category: 'news' });
    const [item] = await one.items(english, plan);
    expect(item).toMatchObject({ title: 'news', ...CONTENT, category: 'news' });
    expect(await replayed(english, 1)).toEqual(item);
    expect(JSON.parse(one.taken[0]!.entry!.json!)).toEqual(item);
    const [translated] = await one.items(german, plan);
    expect(translated).toMatchObject({ title: 'de', severity: 'low', category: 'news' });
    expect(translated).not.toHaveProperty('image');
  });

  it('mute an announcement by its category', async () => {
    const plan = `plan:${randomUUID()}`;
    const recipient = randomUUID();
    await one.inbox.page({ tenant: '', recipient }, request(), audiencesOf([plan]));
    await one.log.database.pool.query(`UPDATE tidings.feed SET muted = '{#news}' WHERE recipient = $1`, [
      recipient,
    ]);
    await one.announce(plan, 'muted', { category: 'news' });
    await one.announce(plan, 'not muted', { category: null });
    expect(await one.titles(recipient, plan)).toEqual(['not muted']);
  });
});

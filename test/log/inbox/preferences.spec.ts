import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { randomUUID } from 'node:crypto';
import { z } from 'zod';
import { defineNotification } from '../../../src/contract/model/notification-type.js';
import { appendMany, appendOne } from '../../../src/log/append/append-batch.js';
import { PostgresPreferences } from '../../../src/log/inbox/postgres-preferences.js';
import { createMigratedDatabase, type TestDatabase } from '../../support/postgres.js';
import { notification } from '../open-log.js';
import { declaredTypes, openInbox, type OpenInbox } from './open-inbox.js';

describe('preferences', () => {
  let test: TestDatabase;
  let open: OpenInbox;

  beforeAll(async () => {
    test = await createMigratedDatabase();
    open = await openInbox(test.url);
  });

  afterAll(async () => {
    await open.close();
    await test.drop();
  });

  const feed = (recipient: string, tenant = '') => ({ tenant, recipient });

  it('are empty at first, and create no feed when read', async () => {
    expect(await open.preferences.get(feed('new'))).toEqual({ muted: [], mutedCategories: [] });
    expect(await open.log.database.query('SELECT FROM tidings.feed')).toEqual([]);
  });

  it('are replaced as a whole, sorted and each type once, also before the first notification', async () => {
    expect(await open.preferences.put(feed('ada'), { muted: ['order', 'note', 'order'] })).toEqual({
      muted: ['note', 'order'],
      mutedCategories: [],
    });
    expect(await open.preferences.get(feed('ada'))).toEqual({
      muted: ['note', 'order'],
      mutedCategories: [],
    });
    expect(await open.preferences.put(feed('ada'), { muted: [] })).toEqual({
      muted: [],
      mutedCategories: [],
    });
    expect(await open.preferences.get(feed('ada'))).toEqual({ muted: [], mutedCategories: [] });
  });

  it('belong to one tenant and one recipient, and change nothing else of the feed', async () => {
    const before = await open.log.reader.open(feed('grace'));
    await open.preferences.put(feed('grace'), { muted: ['note'] });
    expect(await open.log.reader.open(feed('grace'))).toEqual(before);
    expect(await open.preferences.get(feed('grace', 'acme'))).toEqual({ muted: [], mutedCategories: [] });
    expect(await open.preferences.get(feed('Grace'))).toEqual({ muted: [], mutedCategories: [] });
  });

  it('name each type that is undeclared or cannot be muted, and change nothing', async () => {
    await open.preferences.put(feed('eve'), { muted: ['note'] });
    await expect(
      open.preferences.put(feed('eve'), { muted: ['order', 'nothing', 'warning', 'feed.read'] }),
    ).rejects.toMatchObject({
      code: 'invalid-request',
      fields: [
        { field: 'muted[1]', problem: 'is not declared: "nothing"; declared are order, note, warning' },
        { field: 'muted[2]', problem: 'cannot be muted: warning is mandatory' },
        { field: 'muted[3]', problem: 'is not declared: "feed.read"; declared are order, note, warning' },
      ],
    });
    expect(await open.preferences.get(feed('eve'))).toEqual({ muted: ['note'], mutedCategories: [] });
  });

  it('mute categories beside types, and keep them if only types are given', async () => {
    const joe = feed('joe');
    const all = { muted: ['note'], mutedCategories: ['billing', 'orders'] };
    await open.preferences.put(joe, { muted: [], mutedCategories: ['orders', 'billing', 'orders'] });
    expect(await open.preferences.put(joe, { muted: ['note'] })).toEqual(all);
    expect(await open.preferences.put(joe, all)).toEqual(all);
    const outcomes = [];
    for (const parts of [
      { type: 'order', category: 'orders' },
      { type: 'order', category: 'news' },
      { type: 'order', category: null },
      { type: 'warning', category: 'orders', mandatory: true },
      { type: 'note', category: 'news' },
    ]) {
      const item = notification('joe', parts);
      outcomes.push(await appendOne(open.log.database, item));
      outcomes.push((await appendMany(open.log.database, [{ ...item, dedupeKey: randomUUID() }]))[0]!);
    }
    expect(outcomes.map((result) => (typeof result === 'string' ? result : result.outcome))).toEqual(
      ['muted', 'appended', 'appended', 'appended', 'muted'].flatMap((outcome) => [outcome, outcome]),
    );
    expect(await open.preferences.put(joe, { muted: [], mutedCategories: [] })).toEqual({
      muted: [],
      mutedCategories: [],
    });
  });

  it('name each invalid category', async () => {
    const put = open.preferences.put(feed('joe'), { muted: [], mutedCategories: ['orders', 'No', '#x'] });
    await expect(put).rejects.toMatchObject({
      fields: [
        { field: 'mutedCategories[1]', problem: 'must match ^[a-z][a-z0-9-]{0,31}$, is "No"' },
        { field: 'mutedCategories[2]' },
      ],
    });
  });

  it('are about the declared types, in the language of the recipient', async () => {
    const invite = defineNotification('team-invite', {
      version: 1,
      schema: z.unknown(),
      render: () => ({ title: 'x' }),
      label: ({ locale }) => (locale === 'de' ? 'Einladungen' : 'Invitations'),
      description: 'Somebody invites you to a team.',
      category: 'teams',
      mandatory: true,
    });
    const preferences = new PostgresPreferences(open.log.database, [...declaredTypes, invite], () =>
      Promise.resolve('de'),
    );
    expect((await preferences.types(feed('joe'))).slice(-2)).toEqual([
      { type: 'warning', name: 'Warning', description: null, category: null, mandatory: true },
      {
        type: 'team-invite',
        name: 'Einladungen',
        description: 'Somebody invites you to a team.',
        category: 'teams',
        mandatory: true,
      },
    ]);
  });
});

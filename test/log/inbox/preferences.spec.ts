import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { createMigratedDatabase, type TestDatabase } from '../../support/postgres.js';
import { openInbox, type OpenInbox } from './open-inbox.js';

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
    expect(await open.preferences.get(feed('new'))).toEqual({ muted: [] });
    expect(await open.log.database.query('SELECT FROM tidings.feed')).toEqual([]);
  });

  it('are replaced as a whole, sorted and each type once, also before the first notification', async () => {
    expect(await open.preferences.put(feed('ada'), { muted: ['order', 'note', 'order'] })).toEqual({
      muted: ['note', 'order'],
    });
    expect(await open.preferences.get(feed('ada'))).toEqual({ muted: ['note', 'order'] });
    expect(await open.preferences.put(feed('ada'), { muted: [] })).toEqual({ muted: [] });
    expect(await open.preferences.get(feed('ada'))).toEqual({ muted: [] });
  });

  it('belong to one tenant and one recipient, and change nothing else of the feed', async () => {
    const before = await open.log.reader.open(feed('grace'));
    await open.preferences.put(feed('grace'), { muted: ['note'] });
    expect(await open.log.reader.open(feed('grace'))).toEqual(before);
    expect(await open.preferences.get(feed('grace', 'acme'))).toEqual({ muted: [] });
    expect(await open.preferences.get(feed('Grace'))).toEqual({ muted: [] });
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
    expect(await open.preferences.get(feed('eve'))).toEqual({ muted: ['note'] });
  });
});

import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { randomUUID } from 'node:crypto';
import { z } from 'zod';
import { audienceFeed, audiencesOf } from '../../../src/contract/model/audience.js';
import { defineNotification } from '../../../src/contract/model/notification-type.js';
import { Locales, TypeAudienceRenderer, TypeRegistry } from '../../../src/jobs/index.js';
import { PostgresLogEraser } from '../../../src/log/upkeep/eraser.js';
import { ExpirySweep } from '../../../src/log/upkeep/expiry-sweep.js';
import { Retention } from '../../../src/log/upkeep/retention.js';
import { createMigratedDatabase, type TestDatabase } from '../../support/postgres.js';
import { recount } from '../inbox/recount.js';
import { notification } from '../open-log.js';
import { openAudience, type OpenAudience } from './open-audience.js';

/** Entries whose size is another one than that of an entry with their text, which the log begins with. */
const BYTES = `
  SELECT count(*) FILTER (WHERE e.bytes - octet_length(e.title) <> a.bytes - octet_length(a.title))::int AS wrong
    FROM tidings.feed f JOIN tidings.entry e ON e.feed_id = f.id
    JOIN tidings.entry a ON a.feed_id = e.audience_id AND a.seq = e.audience_seq
   WHERE f.recipient = $1`;
const RETENTION = { days: null, maxEntries: 2, sweepMs: 60_000, dedupeKeyDays: 90 };

describe('Taking entries of an audience', () => {
  let test: TestDatabase;
  let one: OpenAudience;
  let two: OpenAudience;

  beforeAll(async () => {
    test = await createMigratedDatabase();
    one = await openAudience(test.url);
    two = await openAudience(test.url);
  });

  afterAll(async () => {
    await one.close();
    await two.close();
    await test.drop();
  });

  const name = (): string => `plan:${randomUUID()}`;
  const someone = (): string => `ada-${randomUUID()}`;
  const feed = (recipient: string) => ({ tenant: '', recipient });
  const rows = async (text: string, values: unknown[] = []): Promise<Record<string, unknown>[]> =>
    one.log.database.query(text, values);

  it('writes one row until a member looks, and then ordinary entries in the order of the audience', async () => {
    const [plan, ada, grace] = [name(), someone(), someone()];
    await one.titles(ada, plan);
    await one.titles(grace, plan);
    await one.announce(plan, 'first');
    await one.announce(plan, 'second');
    expect(
      await rows(`SELECT count(*)::int AS n FROM tidings.entry WHERE title IN ('first', 'second')`),
    ).toEqual([{ n: 2 }]);
    await one.log.append([notification(ada, { title: 'own' })]);

    expect(await one.titles(ada, plan)).toEqual(['own', 'first', 'second']);
    const items = await one.items(ada, plan);
    expect(items.map(({ cursor }) => cursor.split('-')[1])).toEqual(['1', '2', '3']);
    expect(one.taken.filter((each) => each.feed.recipient === ada)).toMatchObject([
      { seq: 2, entry: { seq: 2, type: 'task-completed' } },
      { seq: 3, entry: { seq: 3, type: 'task-completed' } },
    ]);
    expect(JSON.parse(one.taken.at(-1)!.entry!.json!)).toEqual(items.at(-1));
    expect(await one.inbox.count(feed(ada), [plan])).toMatchObject(
      await recount(one.log.database, feed(ada)),
    );
    // Nobody else has a row of it yet.
    expect(await rows(`SELECT count(*)::int AS n FROM tidings.entry WHERE title = 'second'`)).toEqual([
      { n: 2 },
    ]);
  });

  it('takes each entry once when two instances open the feed at once, over and over', async () => {
    const [plan, ada] = [name(), someone()];
    await one.titles(ada, plan);
    const expected: string[] = [];
    for (let round = 0; round < 10; round += 1) {
      expected.push(`a${round}`, `b${round}`);
      await one.announce(plan, `a${round}`);
      await two.announce(plan, `b${round}`);
      await Promise.all([one, two, one, two].map((each) => each.reader.open(feed(ada), audiencesOf([plan]))));
    }
    expect(await one.titles(ada, plan)).toEqual(expected);
  });

  it('takes what was announced while a token had lost the claim, once it has it again', async () => {
    const [plan, ada] = [name(), someone()];
    await one.announce(plan, 'before');
    await one.titles(ada, plan);
    await one.announce(plan, 'with');
    expect(await one.titles(ada, plan)).toEqual(['with']);
    await one.announce(plan, 'without');
    expect(await one.titles(ada)).toEqual(['with']);
    expect(await one.titles(ada, plan)).toEqual(['with', 'without']);
  });

  it('shows one feed to two devices with different claims', async () => {
    const [plan, team, ada] = [name(), name(), someone()];
    await Promise.all([one.titles(ada, plan), two.titles(ada, team)]);
    await one.announce(plan, 'plan');
    await one.announce(team, 'team');
    await Promise.all([one.titles(ada, plan), two.titles(ada, team)]);
    const both = await one.titles(ada);
    expect([...both].sort()).toEqual(['plan', 'team']);
    expect(await two.titles(ada, team, plan)).toEqual(both);
  });

  it('interleaves audiences by the times of their entries', async () => {
    const [plan, team, ada] = [name(), name(), someone()];
    await one.titles(ada, plan, team);
    for (const [index, audience] of [plan, team, team, plan].entries()) {
      await one.announce(audience, String(index));
      // Times have milliseconds.
      await new Promise((resolve) => setTimeout(resolve, 2));
    }
    expect(await one.titles(ada, team, plan)).toEqual(['0', '1', '2', '3']);
  });

  it('passes over what is older than the first sight', async () => {
    const [plan, ada] = [name(), someone()];
    await one.log.append([notification(ada, { title: 'own' })]);
    await one.announce(plan, 'old');
    expect(await one.titles(ada, plan)).toEqual(['own']);
    await one.announce(plan, 'new');
    expect(await one.titles(ada, plan)).toEqual(['own', 'new']);
  });

  it('shows everybody what was announced since their feeds exist, seen before or not', async () => {
    const [ada, late] = [someone(), someone()];
    const title = randomUUID();
    await one.log.append([notification(ada, { title: 'own' })]);
    await one.announce('all', title);
    expect(await one.titles(ada)).toEqual(['own', title]);
    expect(await one.titles(late)).toEqual([]);
  });

  it('takes nothing into a feed that was erased and made again, until something new comes', async () => {
    const [plan, ada] = [name(), someone()];
    await one.titles(ada, plan);
    await one.announce(plan, 'old');
    await one.announce('all', 'old');
    await one.titles(ada, plan);
    await new PostgresLogEraser(one.log.database).eraseRecipient(feed(ada));
    expect(await one.titles(ada, plan)).toEqual([]);
    await one.announce(plan, 'new');
    await one.announce('all', 'newer');
    expect(await one.titles(ada, plan)).toEqual(['new', 'newer']);
  });

  it('erases the audiences of a tenant with it', async () => {
    const tenant = randomUUID();
    const announce = (title: string) =>
      one.log.append([notification('', { title, feed: audienceFeed(tenant, 'all') })]);
    await announce('old');
    const report = await new PostgresLogEraser(one.log.database).eraseTenant(tenant);
    expect(report).toMatchObject({ feeds: 0, entries: 1 });
    expect(await rows('SELECT count(*)::int AS n FROM tidings.feed WHERE tenant = $1', [tenant])).toEqual([
      { n: 0 },
    ]);
  });

  it('reports how many entries the retention of the audience removed while somebody was away', async () => {
    const [plan, ada] = [name(), someone()];
    await one.titles(ada, plan);
    for (let index = 1; index <= 5; index += 1) await one.announce(plan, String(index));
    await new Retention(one.log.database, RETENTION).sweep();
    expect(await one.titles(ada, plan)).toEqual(['4', '5']);
    const [missed] = one.changed.filter((each) => each.feed.recipient === ada);
    expect(missed).toMatchObject({ seq: 3, entry: { type: 'feed.missed' } });
    expect(JSON.parse(missed!.entry!.json!)).toEqual({
      type: 'feed.missed',
      audience: plan,
      count: 3,
      unread: 2,
      unseen: 2,
    });
    // Said once; and the cursor of before is still good.
    expect(await one.titles(ada, plan)).toEqual(['4', '5']);
    const opened = await one.reader.open(feed(ada), [plan]);
    expect(opened).toMatchObject({ head: 3, floor: 0, pending: false });
  });

  it('applies each recall to those who were away, also where there are more than the retention keeps of changes', async () => {
    const [plan, ada] = [name(), someone()];
    await one.titles(ada, plan);
    const keys = Array.from({ length: 12 }, (_, index) => String(index));
    for (const key of keys) await one.announce(plan, key, { dedupeKey: `k:${key}` });
    await one.announce(plan, 'right');
    expect(await one.titles(ada, plan)).toEqual([...keys, 'right']);
    // The newest first: the retention takes the oldest of ada's entries, too, and the oldest changes would be those of these.
    for (const key of [...keys].reverse()) expect(await one.recall(plan, key)).toBe('recalled');
    await new Retention(one.log.database, { ...RETENTION, maxEntries: 10 }).sweep();
    expect(await one.titles(ada, plan)).toEqual(['right']);
  });

  it('records the newest 100 that it passes over, however many there are', async () => {
    const [plan, ada] = [name(), someone()];
    await one.titles(ada, plan);
    await rows('UPDATE tidings.feed SET muted = $2 WHERE recipient = $1', [ada, ['note']]);
    for (let index = 1; index <= 130; index += 1) await one.announce(plan, 'muted', { type: 'note' });
    expect(await one.titles(ada, plan)).toEqual([]);
    expect(
      await rows(
        `SELECT count(*)::int AS n, min(split_part(d.job_id, ':', 4)::int) AS first
           FROM tidings.dropped d JOIN tidings.feed f ON f.id = d.feed_id WHERE f.recipient = $1`,
        [ada],
      ),
    ).toEqual([{ n: 100, first: 31 }]);
  });

  it('reports nothing as missed to a recipient who looks while the tenant is erased', async () => {
    const tenant = randomUUID();
    const ada = { tenant, recipient: 'ada' };
    await one.log.append([notification('', { feed: ada })]);
    for (const title of ['1', '2', '3'])
      await one.log.append([notification('', { title, feed: audienceFeed(tenant, 'all') })]);
    await one.reader.open(ada, ['all']);
    const { database } = one.log;
    const query = database.query.bind(database);
    database.query = (text, values) =>
      database.text(text).includes('DELETE FROM "tidings".entry')
        ? Promise.reject(new Error('cut'))
        : query(text, values);
    await expect(new PostgresLogEraser(database).eraseTenant(tenant)).rejects.toThrow('cut');
    database.query = query;
    one.changed.splice(0);
    const { head } = await one.reader.open(ada, ['all']);
    expect(await one.reader.open(ada, ['all'])).toMatchObject({ head, floor: head, unread: 0 });
    expect(one.changed).toEqual([]);
    await new PostgresLogEraser(database).eraseTenant(tenant);
    expect(await rows('SELECT FROM tidings.feed WHERE tenant = $1', [tenant])).toEqual([]);
  });

  it('passes over expired and muted entries, and records them for support', async () => {
    const [plan, ada] = [name(), someone()];
    await one.titles(ada, plan);
    await rows('UPDATE tidings.feed SET muted = $2 WHERE recipient = $1', [ada, ['note', 'warning']]);
    await one.announce(plan, 'muted', { type: 'note' });
    await one.announce(plan, 'mandatory', { type: 'warning' });
    await one.announce(plan, 'expired', { expiresAt: new Date(Date.now() + 30) });
    await one.announce(plan, 'expiring', { expiresAt: new Date(Date.now() + 60_000) });
    await new Promise((resolve) => setTimeout(resolve, 40));
    expect(await one.titles(ada, plan)).toEqual(['mandatory', 'expiring']);
    // What expires is in no cache.
    expect(one.taken.filter((each) => each.feed.recipient === ada)).toMatchObject([
      { entry: { type: 'warning' } },
      { entry: null },
    ]);
    expect(
      await rows(
        `SELECT d.reason, d.type, d.job_id FROM tidings.dropped d JOIN tidings.feed f ON f.id = d.feed_id
          WHERE f.recipient = $1 ORDER BY d.id`,
        [ada],
      ),
    ).toEqual([
      { reason: 'muted', type: 'note', job_id: `audience:${plan}:1` },
      { reason: 'expired', type: 'task-completed', job_id: `audience:${plan}:3` },
    ]);
  });

  it('sweeps expired entries of an audience without an entry that all members would look for', async () => {
    const [plan, ada] = [name(), someone()];
    await one.titles(ada, plan);
    const head = await one.announce(plan, 'short', { expiresAt: new Date(Date.now() + 10) });
    await new Promise((resolve) => setTimeout(resolve, 20));
    const announced: unknown[] = [];
    await new ExpirySweep(one.log.database, { announce: (all) => announced.push(...all) }, 1_000).sweep();
    expect(
      await rows('SELECT head::int, unread FROM tidings.feed WHERE recipient = $1', [`\u0001${plan}`]),
    ).toEqual([{ head, unread: 0 }]);
    expect(announced).toEqual([]);
    expect(await one.titles(ada, plan)).toEqual([]);
  });

  it('recalls what was taken, prevents what was not, and touches nothing else', async () => {
    const [plan, ada, grace] = [name(), someone(), someone()];
    await Promise.all([one.titles(ada, plan), one.titles(grace, plan)]);
    await one.announce(plan, 'wrong', { dedupeKey: 'k:wrong' });
    await one.announce(plan, 'right');
    const [wrong] = await one.items(ada, plan);
    expect(await one.recall(plan, 'k:wrong'.slice(2))).toBe('recalled');
    expect(await one.recall(plan, 'k:wrong'.slice(2))).toBe('gone');
    expect(await one.titles(ada, plan)).toEqual(['right']);
    expect(await one.titles(grace, plan)).toEqual(['right']);
    const [removed, ...others] = one.changed.filter((each) => [ada, grace].includes(each.feed.recipient));
    expect(others).toEqual([]);
    expect(removed).toMatchObject({ feed: feed(ada), seq: 3 });
    expect(JSON.parse(removed!.entry!.json!)).toEqual({
      type: 'feed.removed',
      reason: 'recalled',
      ids: [wrong!.id],
      unread: 1,
      unseen: 1,
    });
    expect(await one.recall(plan, 'later')).toBe('prevented');
    await expect(one.announce(plan, 'later', { dedupeKey: 'k:later' })).rejects.toThrow('recalled');
  });

  it('replaces the unread one with the same collapse key, and counts for those that were taken and those that were not', async () => {
    const [plan, ada, grace] = [name(), someone(), someone()];
    await Promise.all([one.titles(ada, plan), one.titles(grace, plan)]);
    const collapseKey = 'status';
    await one.announce(plan, 'v1', { collapseKey });
    const [first] = await one.items(ada, plan);
    await one.announce(plan, 'v2', { collapseKey });
    await one.announce(plan, 'v3', { collapseKey });
    expect(await one.items(ada, plan)).toMatchObject([{ title: 'v3', count: 3, replaces: [first!.id] }]);
    expect(await one.items(grace, plan)).toMatchObject([{ title: 'v3', count: 3, replaces: [] }]);
    expect(await one.inbox.count(feed(ada), [plan])).toMatchObject({ unread: 1, unseen: 1 });
    expect(await one.inbox.count(feed(ada))).toMatchObject(await recount(one.log.database, feed(ada)));
  });

  it('replaces none that is recalled in the same look', async () => {
    const [plan, ada] = [name(), someone()];
    await one.titles(ada, plan);
    const collapseKey = 'status';
    await one.announce(plan, 'wrong', { collapseKey, dedupeKey: 'k:status' });
    const [wrong] = await one.items(ada, plan);
    await one.recall(plan, 'status');
    await one.announce(plan, 'right', { collapseKey });
    expect(await one.items(ada, plan)).toMatchObject([{ title: 'right', count: 1, replaces: [] }]);
    const removed = one.changed.filter((each) => each.feed.recipient === ada);
    expect(removed.map(({ entry }) => JSON.parse(entry!.json!) as object)).toMatchObject([
      { type: 'feed.removed', reason: 'recalled', ids: [wrong!.id], unread: 1, unseen: 1 },
    ]);
    expect(await one.inbox.count(feed(ada))).toMatchObject(await recount(one.log.database, feed(ada)));
  });

  it('takes more than one transaction does, in order', async () => {
    const [plan, ada] = [name(), someone()];
    await one.titles(ada, plan);
    const titles = Array.from({ length: 230 }, (_, index) => String(index));
    for (const title of titles) await one.announce(plan, title);
    await one.reader.open(feed(ada), [plan]);
    expect(one.taken.filter((each) => each.feed.recipient === ada).map(({ seq }) => seq)).toEqual(
      titles.map((_, index) => index + 1),
    );
    expect(await one.titles(ada, plan)).toEqual(titles.slice(-100));
  });

  it('leaves a locked feed and takes into the others; later into that one', async () => {
    const [plan, ada, grace] = [name(), someone(), someone()];
    await Promise.all([one.titles(ada, plan), one.titles(grace, plan)]);
    await one.announce(plan, 'news');
    const holder = await two.log.database.pool.connect();
    await holder.query('BEGIN');
    await holder.query('SELECT FROM tidings.feed WHERE recipient = $1 FOR UPDATE', [ada]);
    const [locked, free] = await Promise.all(
      [ada, grace].map((recipient) => one.reader.open(feed(recipient), [plan])),
    );
    expect(free).toMatchObject({ head: 1, pending: false });
    expect(locked).toMatchObject({ head: 0, pending: true });
    await holder.query('ROLLBACK');
    holder.release();
    expect(await one.titles(ada, plan)).toEqual(['news']);
  });

  it('opens a feed with nothing to take in one query', async () => {
    const [plan, ada] = [name(), someone()];
    await one.announce('all', 'something');
    await one.titles(ada, plan);
    const { pool } = one.log.database;
    const queries: string[] = [];
    const query = pool.query.bind(pool) as (...parts: unknown[]) => unknown;
    pool.query = ((...parts: unknown[]) => {
      queries.push(String(parts[0]));
      return query(...parts);
    }) as typeof pool.query;
    try {
      await one.reader.open(feed(ada), audiencesOf([plan]));
      await one.titles(ada, plan);
    } finally {
      delete (pool as Partial<typeof pool>).query;
    }
    expect(queries).toHaveLength(2);
  });

  it('renders in the language of the recipient when it is taken, and as published where that fails', async () => {
    const greeting = defineNotification('greeting', {
      version: 1,
      schema: z.object({ name: z.string() }),
      render: ({ name }, { locale }) => {
        if (locale === 'fr') throw new Error('not translated');
        return { title: locale === 'de' ? `Hallo ${name}` : `Hello ${name}` };
      },
    });
    const languages: Record<string, string> = {};
    const locales = new Locales((feeds) => feeds.map(({ recipient }) => languages[recipient]));
    const three = await openAudience(
      test.url,
      new TypeAudienceRenderer(new TypeRegistry([greeting]), locales),
    );
    try {
      const plan = name();
      const [english, german, french] = [someone(), someone(), someone()];
      Object.assign(languages, { [german]: 'de', [french]: 'fr' });
      for (const recipient of [english, german, french]) await three.titles(recipient, plan);
      const parts = { type: 'greeting', dataJson: '{"name":"Zoe"}' };
      for (let count = 0; count < 120; count += 1) await three.announce(plan, 'Hello Zoe', parts);
      await three.announce(plan, 'of a type that is unknown here', { type: 'other' });
      for (const [recipient, title] of [
        [english, 'Hello Zoe'],
        [german, 'Hallo Zoe'],
        [french, 'Hello Zoe'],
      ] as const) {
        expect(await three.titles(recipient, plan)).toEqual([
          ...Array.from({ length: 99 }, () => title),
          'of a type that is unknown here',
        ]);
        expect(await rows(BYTES, [recipient])).toEqual([{ wrong: 0 }]);
      }
    } finally {
      await three.close();
    }
  });

  it('keeps names with quotes, commas and braces apart', async () => {
    const names = ['a"b', 'a,b', '{a}', 'a\\b', 'NULL', ' '].map((part) => `${part}${randomUUID()}`);
    const ada = someone();
    await one.titles(ada, ...names);
    for (const each of names) await one.announce(each, each);
    expect(await one.titles(ada, ...names)).toEqual(names);
  });
});

import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { AsyncLocalStorage } from 'node:async_hooks';
import pg from 'pg';
import { FeedBusyError, InvalidJobError } from '../../../src/contract/errors.js';
import { NO_METRICS } from '../../../src/contract/ports/metrics.js';
import { GroupCommitAppender } from '../../../src/log/append/group-commit.js';
import { currentCall, inCall } from '../../../src/platform/call-context.js';
import { createMigratedDatabase, type TestDatabase } from '../../support/postgres.js';
import { notification, openLog, type Log } from '../open-log.js';

/** Calls that come to nothing, of each function that appends. */
const FUNCTIONS = [
  [
    'a single one',
    `SELECT tidings.append_one('', 'nobody', '', NULL, '', '', '', '', '{}', 1, NULL, 1, false, 0)`,
  ],
  ['a batch', `SELECT FROM tidings.append_batch(${Array(16).fill("'{}'").join(', ')})`],
] as const;

describe('the append', () => {
  let test: TestDatabase;
  let one: Log;
  let two: Log;

  beforeAll(async () => {
    test = await createMigratedDatabase();
    [one, two] = await Promise.all([openLog(test.url), openLog(test.url)]);
  });

  afterAll(async () => {
    await Promise.all([one.close(), two.close()]);
    await test.drop();
  });

  /** Holds the lock of a feed until it is released, as a stuck writer does. */
  async function holdFeed(recipient: string): Promise<() => Promise<void>> {
    const client = new pg.Client(test.url);
    await client.connect();
    await client.query('BEGIN');
    await client.query('SELECT FROM tidings.feed WHERE recipient = $1 FOR UPDATE', [recipient]);
    return async () => {
      await client.query('ROLLBACK');
      await client.end();
    };
  }

  async function seqsOf(recipient: string): Promise<number[]> {
    const { rows } = await one.database.pool.query<{ seq: string }>(
      'SELECT seq FROM tidings.entry JOIN tidings.feed f ON f.id = feed_id WHERE recipient = $1 ORDER BY seq',
      [recipient],
    );
    return rows.map(({ seq }) => Number(seq));
  }

  it('changes no indexed column of the feed, but once every 32 entries, for the retention', async () => {
    const { database } = one;
    await one.append([notification('in place')]);
    const updates = await database.transaction(async (query) => {
      const count = async () => {
        const { rows } = await query<{ updated: string; hot: string }>(
          `SELECT pg_stat_get_xact_tuples_updated('tidings.feed'::regclass) AS updated,
                  pg_stat_get_xact_tuples_hot_updated('tidings.feed'::regclass) AS hot`,
        );
        return rows[0]!;
      };
      const before = await count();
      for (let n = 0; n < 31; n += 1) {
        await query(
          `SELECT tidings.append_one('', 'in place', $1, NULL, 'note', 'x', NULL, NULL, '{}', 1, NULL, 1, false, 1e15::bigint)`,
          [Buffer.from(`in place ${n}`)],
        );
      }
      const after = await count();
      return {
        all: Number(after.updated) - Number(before.updated),
        inPlace: Number(after.hot) - Number(before.hot),
      };
    });
    // The last of them made the head a multiple of 32.
    expect(updates).toEqual({ all: 31, inPlace: 30 });
  });

  it('runs batches outside of the calls that share them, and tells which call each entry is of', async () => {
    // As a tracer has its active span.
    const active = new AsyncLocalStorage<string>();
    const context = (): unknown[] => [currentCall()?.requestId, active.getStore()];
    const batches: unknown[] = [];
    const entries: unknown[] = [];
    const appender = new GroupCommitAppender(one.database, NO_METRICS, (results, calls) => {
      batches.push(context());
      results.forEach(({ feed }, index) =>
        entries.push([feed.recipient, ...calls[index]!.runInAsyncScope(context)]),
      );
    });
    const request = (id: string, recipient: string): Promise<unknown[]> =>
      inCall({ requestId: id }, () =>
        active.run(`span of ${id}`, async () => {
          await appender.append([notification(recipient)]);
          // One after the other: a batch is begun by the end of the one before.
          await appender.append([notification(recipient)]);
          return context();
        }),
      );
    const answers = await Promise.all(['r1', 'r2', 'r3'].map((id) => request(id, `of ${id}`)));
    expect(answers).toEqual(['r1', 'r2', 'r3'].map((id) => [id, `span of ${id}`]));
    expect(new Set(batches.map(String))).toEqual(new Set([String([undefined, undefined])]));
    expect(entries).toHaveLength(6);
    for (const [recipient, id, span] of entries as string[][]) {
      expect([recipient, span]).toEqual([`of ${id}`, `span of ${id}`]);
    }
  });

  it('numbers the entries of each feed from 1 without holes, in the order given', async () => {
    const results = await one.append([
      notification('ada', { title: 'first' }),
      notification('grace'),
      notification('ada', { title: 'second' }),
    ]);
    expect(results.map(({ feed, seq, outcome }) => [feed.recipient, seq, outcome])).toEqual([
      ['ada', 1, 'appended'],
      ['grace', 1, 'appended'],
      ['ada', 2, 'appended'],
    ]);
    const { feedId } = await one.reader.open({ tenant: '', recipient: 'ada' });
    const page = await one.reader.page(feedId, 0);
    expect(page!.entries.map(({ json }) => (JSON.parse(json!) as { title: string }).title)).toEqual([
      'first',
      'second',
    ]);
  });

  it('gives the live entry and the replayed one the same JSON, whatever is in it', async () => {
    const nasty = 'a "quote", a \\ backslash,\na\tline\u2028break, \u0007, \u007f, é, 🎉, </script>';
    const dataJson = JSON.stringify({ z: nasty, a: 1e21, 'weird key\n': [null, true, -0.1] });
    const [result] = await one.append([
      notification('encoder', { title: nasty, body: nasty, link: '/a?b="c"', dataJson, version: 3 }),
    ]);
    const { feedId } = await one.reader.open({ tenant: '', recipient: 'encoder' });
    const page = await one.reader.page(feedId, 0);
    expect(page!.entries[0]!.json).toBe(result!.entry!.json);
    const item = JSON.parse(result!.entry!.json!) as Record<string, unknown>;
    expect(item).toMatchObject({
      title: nasty,
      body: nasty,
      link: '/a?b="c"',
      version: 3,
      readAt: null,
      count: 1,
      replaces: [],
      cursor: `${result!.epoch}-1`,
    });
    // As it went in: the order of the members and the writing of numbers, too.
    expect(result!.entry!.json).toContain(`"data":${dataJson},`);
    expect(result!.entry!.json).not.toMatch(/[\r\n]/);
    expect(item.createdAt).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
  });

  it('keeps tenants apart that have recipients of the same name', async () => {
    const inTenant = (tenant: string) =>
      notification('same', { feed: { tenant, recipient: 'same' }, dedupeKey: 'k:1' });
    const results = await one.append([inTenant('acme'), inTenant('umbrella')]);
    expect(results.map(({ outcome, seq }) => [outcome, seq])).toEqual([
      ['appended', 1],
      ['appended', 1],
    ]);
    expect(results[0]!.epoch).not.toBe(results[1]!.epoch);
  });

  it('makes one entry of a repeated key: in the same call, later, and after the entry is gone', async () => {
    const again = () => notification('twice', { dedupeKey: 'k:order-7' });
    const [first, second] = await one.append([again(), again()]);
    expect([first!.outcome, second!.outcome, second!.seq]).toEqual(['appended', 'duplicate', 1]);
    await one.database.pool.query(
      `DELETE FROM tidings.entry WHERE feed_id = (SELECT id FROM tidings.feed WHERE recipient = 'twice')`,
    );
    const [later] = await two.append([again()]);
    expect(later).toMatchObject({ outcome: 'duplicate', seq: 1, entry: null });
  });

  it('makes one entry of each job that two processes append in batches at the same moment', async () => {
    for (let round = 0; round < 20; round += 1) {
      const same = () => [1, 2, 3].map((n) => notification('raced', { dedupeKey: `k:round-${round}-${n}` }));
      const results = await Promise.all([one.append(same()), two.append(same())]);
      expect(results.flat().filter(({ outcome }) => outcome === 'appended')).toHaveLength(3);
    }
    expect(await seqsOf('raced')).toEqual(Array.from({ length: 60 }, (_, index) => index + 1));
  });

  it('leaves no hole and gives no number twice when two processes append one at a time to the same feed', async () => {
    const writers = [one, two].map(async (log) => {
      for (let i = 0; i < 100; i += 1) await log.append([notification('single')]);
    });
    await Promise.all(writers);
    expect(await seqsOf('single')).toEqual(Array.from({ length: 200 }, (_, index) => index + 1));
  });

  it('makes one entry of the same job that two processes append at once', async () => {
    for (let round = 0; round < 20; round += 1) {
      const same = () => notification('race', { dedupeKey: `k:round-${round}` });
      const results = await Promise.all([one.append([same()]), two.append([same()])]);
      expect(
        results
          .flat()
          .map(({ outcome }) => outcome)
          .sort(),
      ).toEqual(['appended', 'duplicate']);
    }
    expect(await seqsOf('race')).toEqual(Array.from({ length: 20 }, (_, index) => index + 1));
  });

  it('leaves no hole and gives no number twice when two processes append to the same feeds at full speed', async () => {
    const writers = [one, two, one, two].map(async (log) => {
      for (let i = 0; i < 50; i += 1) await log.append([notification('hot'), notification(`warm-${i % 3}`)]);
    });
    await Promise.all(writers);
    expect(await seqsOf('hot')).toEqual(Array.from({ length: 200 }, (_, index) => index + 1));
  });

  it('commits what waits at the same moment in one transaction', async () => {
    await one.append([notification('group')]);
    const before = one.batches.length;
    await Promise.all(Array.from({ length: 50 }, (_, i) => one.append([notification(`member-${i}`)])));
    // One batch that meets new feeds, and no more than one beside it.
    expect(one.batches.length - before).toBeLessThanOrEqual(2);
  });

  it('appends what is urgent before bulk work, and goes on with bulk work beside it', async () => {
    const order: string[] = [];
    const note = (name: string) => (): number => order.push(name);
    const bulk = Array.from({ length: 6 }, (_, job) =>
      one
        .append(Array.from({ length: 1_000 }, (_, i) => notification(`many-${job}-${i}`)))
        .then(note(`bulk ${job}`)),
    );
    const urgent = one.append([notification('hurried')], { urgent: true }).then(note('urgent'));
    const many = one
      .append(
        Array.from({ length: 4_000 }, (_, i) => notification(`hurried-${i}`)),
        { urgent: true },
      )
      .then(note('much that is urgent'));
    await Promise.all([...bulk, urgent, many]);
    expect(order[0]).toBe('urgent');
    const place = order.indexOf('much that is urgent');
    expect(place).toBeGreaterThan(order.indexOf('bulk 0'));
    expect(place).toBeLessThan(order.indexOf('bulk 3'));
  });

  it('puts what is urgent first in a feed with much that waits', async () => {
    await one.append([notification('crowded')]);
    const results = await Promise.all([
      ...Array.from({ length: 3 }, () =>
        one.append([notification('crowded', { dedupeKey: 'k:same' }), notification('crowded')]),
      ),
      one.append([notification('crowded')], { urgent: true }),
    ]);
    expect(results.at(-1)![0]!.seq).toBe(2);
    expect(await seqsOf('crowded')).toEqual([1, 2, 3, 4, 5, 6]);
  });

  it('withdraws what is not in a transaction yet', async () => {
    await one.append([notification('patient')]);
    const release = await holdFeed('patient');
    const first = one.append([notification('patient')]);
    const abort = new AbortController();
    const withdrawn = one.append([notification('patient'), notification('bystander')], {
      signal: abort.signal,
    });
    abort.abort(new Error('given up'));
    await expect(withdrawn).rejects.toThrow('given up');
    await expect(one.append([notification('patient')], { signal: abort.signal })).rejects.toThrow('given up');
    await release();
    expect((await first)[0]).toMatchObject({ outcome: 'appended', seq: 2 });
    await one.append([notification('patient'), notification('bystander')]);
    expect([await seqsOf('patient'), await seqsOf('bystander')]).toEqual([[1, 2, 3], [1]]);
  });

  it('appends to other feeds while one is locked, also in the same batch', async () => {
    await one.append([notification('held'), notification('stranger')]);
    const release = await holdFeed('held');
    const held = one.append([notification('held', { title: 'waited' })]);
    const strangers = await Promise.all([
      one.append([notification('stranger')]),
      one.append([notification('another stranger')]),
    ]);
    expect(strangers.flat().map(({ outcome }) => outcome)).toEqual(['appended', 'appended']);
    await release();
    expect((await held)[0]).toMatchObject({ outcome: 'appended', seq: 2 });
  });

  it('fails as busy when a feed is locked for long, and continues once it is free', async () => {
    await one.append([notification('stuck')]);
    const release = await holdFeed('stuck');
    const job = notification('stuck');
    await expect(one.append([job])).rejects.toThrow(FeedBusyError);
    // One at a time finds out whether it is free; the others do not wait for it.
    const probe = one.append([job]);
    await expect(one.append([notification('stuck')])).rejects.toThrow(FeedBusyError);
    await expect(probe).rejects.toThrow(FeedBusyError);
    await release();
    expect((await one.append([job]))[0]).toMatchObject({ outcome: 'appended', seq: 2 });
  });

  it('fails only the job of a batch whose content Postgres refuses', async () => {
    const results = await Promise.allSettled([
      one.append([notification('neighbour')]),
      one.append([notification('guilty', { dataJson: '{"broken":' })]),
      one.append([notification('neighbour')]),
    ]);
    expect(results.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
    expect((results[1] as PromiseRejectedResult).reason).toBeInstanceOf(InvalidJobError);
    expect(await seqsOf('neighbour')).toEqual([1, 2]);
    expect(await seqsOf('guilty')).toEqual([]);
  });

  it.each(FUNCTIONS)(
    'waits for the disk even where the server is configured not to, %s',
    async (_, statement) => {
      const client = new pg.Client(test.url);
      await client.connect();
      await client.query('SET synchronous_commit = off');
      await client.query('BEGIN');
      await client.query(statement);
      const { rows } = await client.query<{ synchronous_commit: string }>('SHOW synchronous_commit');
      await client.end();
      expect(rows[0]!.synchronous_commit).toBe('on');
    },
  );

  it.each(FUNCTIONS)('refuses to give out numbers on an old snapshot, %s', async (_, statement) => {
    const client = new pg.Client(test.url);
    await client.connect();
    await client.query('BEGIN ISOLATION LEVEL REPEATABLE READ');
    await expect(client.query(statement)).rejects.toThrow('READ COMMITTED');
    await client.end();
  });

  it('shows nothing to readers before the commit, and everything in order after it', async () => {
    const client = new pg.Client(test.url);
    await client.connect();
    await one.append([notification('slow commit')]);
    const { feedId } = await one.reader.open({ tenant: '', recipient: 'slow commit' });
    await client.query('BEGIN');
    await client.query(
      `SELECT FROM tidings.append('{""}', '{slow commit}', '{"\\\\x01"}', '{x}', '{held open}',
         '{NULL}', '{NULL}', '{"{}"}', '{1}', '{NULL}', '{NULL}', '{300}', '{false}', '{0}')`,
    );
    const behind = one.append([notification('slow commit', { title: 'behind' })]);
    expect((await one.reader.page(feedId, 0))!.entries.map(({ seq }) => seq)).toEqual([1]);
    await client.query('COMMIT');
    await client.end();
    expect((await behind)[0]!.seq).toBe(3);
    expect((await one.reader.page(feedId, 1))!.entries.map(({ seq }) => seq)).toEqual([2, 3]);
  });

  it('outlives the loss of a connection that is lent and waits between two statements', async () => {
    const client = await one.database.pool.connect();
    const { rows } = await client.query<{ pid: number }>('SELECT pg_backend_pid() AS pid');
    const ended = new Promise((resolve) => client.once('end', resolve));
    await two.database.pool.query('SELECT pg_terminate_backend($1)', [rows[0]!.pid]);
    await ended;
    client.release(true);
    expect((await one.append([notification('survivor')]))[0]!.outcome).toBe('appended');
  });
});

import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import pg from 'pg';
import { doctorCommand } from '../../../src/cli/doctor.js';
import { migrateCommand } from '../../../src/cli/migrate.js';
import { LogDatabase } from '../../../src/log/database/database.js';
import { ExpirySweep } from '../../../src/log/upkeep/expiry-sweep.js';
import { Retention } from '../../../src/log/upkeep/retention.js';
import { TidingsService } from '../../../src/module/tidings.service.js';
import { taskCompleted } from '../../../src/types/shipped/index.js';
import { House, untilTasks, type Instance } from '../../guarantees/house.js';
import { eventually } from '../../support/eventually.js';
import { SHARED_URL } from '../../support/postgres.js';

/** Settings that change what a statement means or returns; our statements do not care. */
const MEANING = {
  DateStyle: `'SQL, DMY'`,
  IntervalStyle: `'sql_standard'`,
  TimeZone: `'Asia/Kathmandu'`,
  bytea_output: `'escape'`,
  extra_float_digits: '-15',
  transform_null_equals: 'on',
  quote_all_identifiers: 'on',
  client_encoding: `'LATIN1'`,
  xmlbinary: `'hex'`,
  escape_string_warning: 'off',
  backslash_quote: 'off',
  row_security: 'off',
  check_function_bodies: 'off',
  client_min_messages: `'debug1'`,
  'plpgsql.variable_conflict': `'error'`,
  // Without triggers nothing wakes the relay of the outbox; it polls.
  session_replication_role: `'replica'`,
  idle_session_timeout: `'3s'`,
  idle_in_transaction_session_timeout: `'3s'`,
  enable_indexscan: 'off',
  enable_nestloop: 'off',
  enable_sort: 'off',
  plan_cache_mode: `'force_custom_plan'`,
  jit_above_cost: '0',
  work_mem: `'64kB'`,
};

/** Settings with which a statement works in a transaction of ours only. */
const BEHAVIOUR = {
  // Somebody's own functions before those of Postgres, as orafce has them.
  search_path: 'trap, pg_catalog, public',
  array_nulls: 'off',
  standard_conforming_strings: 'off',
  synchronous_commit: 'off',
  statement_timeout: `'2s'`,
  lock_timeout: `'1s'`,
  transaction_timeout: `'3s'`,
  default_transaction_deferrable: 'on',
};

/** Its name, whose the settings are, and the settings. */
export type HostileDatabase = [string, 'DATABASE' | 'ROLE', Record<string, string>];

/** Everything at once. */
export const MOST_HOSTILE: HostileDatabase = [
  'all of them and serializable, of the database',
  'DATABASE',
  { ...MEANING, ...BEHAVIOUR, default_transaction_isolation: `'serializable'` },
];

/** Each kind of setting by itself, and as defaults of the role. */
export const HOSTILE_DATABASES: readonly HostileDatabase[] = [
  ['settings that change the meaning of statements', 'DATABASE', MEANING],
  ['repeatable read', 'DATABASE', { default_transaction_isolation: `'repeatable read'` }],
  ['read only', 'ROLE', { default_transaction_read_only: 'on' }],
  [
    'all of them, repeatable read and read only, of the role',
    'ROLE',
    {
      ...MEANING,
      ...BEHAVIOUR,
      default_transaction_isolation: `'repeatable read'`,
      default_transaction_read_only: 'on',
    },
  ],
];

/** What a search path must not lead our statements to. */
const TRAP = `
  CREATE SCHEMA trap;
  GRANT USAGE ON SCHEMA trap TO PUBLIC;
  CREATE FUNCTION trap.clock_timestamp() RETURNS timestamptz LANGUAGE sql AS $$ SELECT 'epoch'::timestamptz $$;
  CREATE FUNCTION trap.now() RETURNS timestamptz LANGUAGE sql AS $$ SELECT 'epoch'::timestamptz $$;
  CREATE FUNCTION trap.substr(text, integer, integer) RETURNS text LANGUAGE sql AS $$ SELECT 'trapped' $$;
  CREATE FUNCTION trap.md5(text) RETURNS text LANGUAGE sql AS $$ SELECT 'trapped' $$;
  CREATE FUNCTION trap.lpad(text, integer, text) RETURNS text LANGUAGE sql AS $$ SELECT 'trapped' $$;
  CREATE FUNCTION trap.to_char(timestamp, text) RETURNS text LANGUAGE sql AS $$ SELECT 'trapped' $$;
  CREATE FUNCTION trap.pg_notify(text, text) RETURNS void LANGUAGE sql AS $$ SELECT $$;`;

/** As the superuser, without the defaults of the database. */
async function administrate(databaseUrl: string, ...statements: string[]): Promise<void> {
  const url = new URL(process.env[SHARED_URL]!);
  url.pathname = new URL(databaseUrl).pathname;
  const client = new pg.Client(url.href);
  await client.connect();
  try {
    for (const statement of ['SET default_transaction_read_only = off; RESET search_path', ...statements]) {
      await client.query(statement);
    }
  } finally {
    await client.end();
  }
}

/** The whole path, on databases of which everything has been changed that can be. */
export function suiteOnDatabases(databases: readonly HostileDatabase[]): void {
  describe.each(databases)('A database with hostile defaults: %s', (_, whose, settings) => {
    let house: House;
    let instance: Instance;
    let tidings: TidingsService;

    beforeAll(async () => {
      house = await House.open('Postgres');
      const database = new URL(house.databaseUrl).pathname.slice(1);
      const owner = whose === 'ROLE' ? `ROLE tidings IN DATABASE ${database}` : `DATABASE ${database}`;
      const all = Object.entries(settings).map(([name, value]) => `ALTER ${owner} SET ${name} = ${value}`);
      await administrate(house.databaseUrl, TRAP, ...all);
      instance = await house.start({ retention: { days: 30, sweepMs: 3_600_000 } });
      tidings = instance.app.get(TidingsService, { strict: false });
    }, 60_000);
    afterAll(() => house?.close(), 30_000);

    it('delivers what comes by HTTP, by the queue and by the outbox, and keeps its times', async () => {
      const before = Date.now();
      const stream = await instance.stream('ada');
      const data = { taskId: 'http', title: 'Fertig: übermäßig 🎉 \\x00', status: 'succeeded' } as const;
      const response = await instance.publish({ type: 'task-completed', to: 'ada', data });
      expect([response.status, await response.clone().text()]).toEqual([202, expect.anything()]);
      await tidings.notify(taskCompleted, { to: 'ada', data: { ...data, taskId: 'queue' } });

      const client = new pg.Client(house.databaseUrl);
      await client.connect();
      try {
        await client.query('BEGIN ISOLATION LEVEL SERIALIZABLE READ WRITE');
        const expiresAt = new Date(Date.now() + 3_600_000);
        await tidings.notify(taskCompleted, {
          to: 'ada',
          data: { ...data, taskId: 'outbox' },
          expiresAt,
          tx: client,
        });
        await client.query('COMMIT');
      } finally {
        await client.end();
      }

      expect((await untilTasks(stream, 3, 30_000)).sort()).toEqual(['http', 'outbox', 'queue']);
      const { items } = await tidings.page('ada');
      for (const item of items) {
        expect(item).toMatchObject({ title: data.title, body: null, readAt: null });
        expect(Date.parse(item.createdAt)).toBeGreaterThanOrEqual(before - 1);
        expect(Date.parse(item.createdAt)).toBeLessThanOrEqual(Date.now() + 1);
      }
    }, 60_000);

    it('changes the state of notifications, and counts them', async () => {
      for (const taskId of ['1', '2', '3']) await send('bob', taskId);
      await eventually(async () => expect((await tidings.count('bob')).unread).toBe(3), {
        timeoutMs: 30_000,
      });
      const { items, cursor } = await tidings.page('bob');
      const [third, second, first] = items.map(({ id }) => id);
      expect(await tidings.markRead('bob', [first!])).toMatchObject({ unread: 2 });
      expect(await tidings.markUnread('bob', [first!])).toMatchObject({ unread: 3 });
      expect(await tidings.archive('bob', [second!])).toMatchObject({ unread: 2 });
      expect(await tidings.remove('bob', [third!])).toMatchObject({ unread: 1 });
      expect(await tidings.markSeen('bob', { upTo: cursor })).toMatchObject({ unseen: 0 });
      const before = Date.now();
      expect(await tidings.markRead('bob', { upTo: cursor })).toMatchObject({ unread: 0 });
      const [item] = (await tidings.page('bob')).items;
      expect(item!.id).toBe(first);
      expect(Math.abs(Date.parse(item!.readAt!) - before)).toBeLessThan(10_000);
    }, 60_000);

    it('recalls, drops muted types, and shows support the times of both', async () => {
      const before = Date.now();
      await send('cleo', '1', { dedupeKey: 'one' });
      await eventually(async () => expect((await tidings.count('cleo')).unread).toBe(1), {
        timeoutMs: 30_000,
      });
      expect(await tidings.recall({ to: 'cleo', dedupeKey: 'one' })).toEqual([
        { to: 'cleo', outcome: 'recalled' },
      ]);
      await tidings.setPreferences('cleo', { muted: ['task-completed'] });
      await send('cleo', '2');
      const dropped = await eventually(
        async () => {
          const inspection = await tidings.inspect('cleo');
          expect(inspection.dropped).toHaveLength(1);
          return inspection.dropped[0]!;
        },
        { timeoutMs: 30_000 },
      );
      expect(dropped.reason).toBe('muted');
      expect(Math.abs(Date.parse(dropped.at) - before)).toBeLessThan(30_000);
    }, 60_000);

    it('hides what has expired, and trims what is old', async () => {
      const stream = await instance.stream('dora');
      await send('dora', 'short', { expiresAt: new Date(Date.now() + 4_000) });
      await untilTasks(stream, 1, 30_000);
      await instance.app.get(ExpirySweep, { strict: false }).sweep();
      await stream.waitFor(
        ({ event, data }) => event === 'feed.removed' && Boolean(data?.includes('"reason":"expired"')),
        { timeoutMs: 15_000 },
      );
      await write(`UPDATE tidings.entry SET created_at = now() - interval '40 days'
                  WHERE feed_id = (SELECT id FROM tidings.feed WHERE recipient = 'dora')`);
      await write(`UPDATE tidings.feed SET oldest_at = now() - interval '40 days' WHERE recipient = 'dora'`);
      expect(await instance.app.get(Retention, { strict: false }).sweep()).toBe(2);
    }, 60_000);

    it('erases a recipient, with what waits on the queue and in the outbox, and takes what comes afterwards', async () => {
      await send('eve', '1');
      await eventually(async () => expect((await tidings.count('eve')).unread).toBe(1), {
        timeoutMs: 30_000,
      });
      await send('eve', 'later', { deliverAt: new Date(Date.now() + 3_600_000) });
      expect(await tidings.erase('eve')).toMatchObject({ feeds: 1, entries: 1, jobs: 1 });
      await send('eve', '2');
      await eventually(async () => expect((await tidings.page('eve')).items).toHaveLength(1), {
        timeoutMs: 30_000,
      });
    }, 60_000);

    it('notices a restore', async () => {
      const before = (await tidings.count('fay')).cursor;
      await write('UPDATE tidings.installation SET timeline = timeline + 1');
      const { pool } = instance.app.get(LogDatabase, { strict: false });
      (await pool.connect()).release(true);
      await eventually(async () => {
        const client = await pool.connect();
        client.release(true);
        expect((await tidings.count('fay')).cursor).not.toBe(before);
      });
    }, 60_000);

    it('is up to date for the command line, and without a fault for doctor', async () => {
      const lines: string[] = [];
      const flags = { 'database-url': house.databaseUrl };
      await migrateCommand(flags, [], (line) => lines.push(line));
      await migrateCommand({ ...flags, check: true }, [], (line) => lines.push(line));
      await doctorCommand(flags, [], (line) => lines.push(line)).catch((error: Error) =>
        lines.push(error.message),
      );
      expect(lines.join('\n')).not.toContain('FAULT');
      expect(lines.join('\n')).toContain('ok     canary');
    }, 60_000);

    async function send(
      to: string,
      taskId: string,
      more: { dedupeKey?: string; expiresAt?: Date; deliverAt?: Date } = {},
    ): Promise<void> {
      await tidings.notify(taskCompleted, {
        to,
        data: { taskId, title: `Task ${taskId}`, status: 'succeeded' },
        ...more,
      });
    }

    /** As somebody who knows of the defaults. */
    async function write(statement: string): Promise<void> {
      const client = new pg.Client(house.databaseUrl);
      await client.connect();
      try {
        await client.query(
          `BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE; SET LOCAL search_path = pg_catalog; ${statement}; COMMIT`,
        );
      } finally {
        await client.end();
      }
    }
  });
}

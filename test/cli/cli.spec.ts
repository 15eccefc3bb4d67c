import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { createServer, request, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { LATEST_SCHEMA_VERSION } from 'bullmq';
import pg from 'pg';
import { doctorCommand } from '../../src/cli/doctor.js';
import { eraseCommand } from '../../src/cli/erase.js';
import { migrateCommand } from '../../src/cli/migrate.js';
import type { Flags } from '../../src/cli/options.js';
import { publishCommand } from '../../src/cli/publish.js';
import { rotateEpochCommand } from '../../src/cli/rotate-epoch.js';
import { tailCommand } from '../../src/cli/tail.js';
import { UsageError } from '../../src/cli/usage.error.js';
import { SHIPPED_TYPES } from '../../src/types/shipped/index.js';
import { SCHEMA_VERSION } from '../../src/log/migrations/index.js';
import { collectFeed, startTidings, type StartedTidings } from '../../src/testing/index.js';
import { House, token, type Instance } from '../guarantees/house.js';
import { eventually } from '../support/eventually.js';
import { createTestDatabase, type TestDatabase } from '../support/postgres.js';

type Command = (flags: Flags, args: string[], print: (line: string) => void) => Promise<void>;

async function output(command: Command, flags: Flags, ...args: string[]): Promise<string> {
  const lines: string[] = [];
  await command(flags, args, (line) => lines.push(line));
  return lines.join('\n');
}

describe('tidings migrate', () => {
  let database: TestDatabase;
  beforeAll(async () => {
    database = await createTestDatabase();
  });
  afterAll(() => database.drop());

  it('reports missing tables and how to create them', async () => {
    await expect(output(migrateCommand, { check: true, 'database-url': database.url })).rejects.toThrow(
      'run "npx tidings migrate"',
    );
  });

  it('prints SQL that prepares a database for a host without the right to migrate', async () => {
    const sql = await output(migrateCommand, { print: true });
    const client = new pg.Client(database.url);
    await client.connect();
    await client.query(sql);
    await client.end();
    const flags = { check: true, 'database-url': database.url };
    expect(await output(migrateCommand, flags)).toBe('The tables are up to date.');
    const started = await startTidings({
      database: { url: database.url, migrate: 'check' },
      types: [...SHIPPED_TYPES],
    });
    await started.tidings.notify(SHIPPED_TYPES[2], { to: 'ada', data: { title: 'Hello' } });
    expect(await collectFeed(started.app, 'ada', { count: 1 })).toMatchObject([{ title: 'Hello' }]);
    await started.close();
    // And migrating it has nothing left to do.
    expect(await output(migrateCommand, { 'database-url': database.url })).toContain('up to date');
  }, 30_000);

  it('prints only the missing migrations, which run on that version and on no other', async () => {
    const old = await createTestDatabase();
    const client = new pg.Client(old.url);
    await client.connect();
    const sql = (flags: Flags) => output(migrateCommand, { print: true, ...flags });
    const versions = async () =>
      (
        await client.query<{ ours: number; bullmq: number }>(
          'SELECT max(v.version) AS ours, max(b.version) AS bullmq FROM tidings.schema_version v, bullmq.migration b',
        )
      ).rows[0];
    try {
      const [ours, theirs] = [SCHEMA_VERSION - 1, LATEST_SCHEMA_VERSION - 1];
      const [schema, queue] = (await sql({})).split('-- BullMQ, ');
      // Both as they were a version ago.
      const upTo = (text: string, insert: string) =>
        text.slice(0, text.indexOf(';', text.indexOf(insert)) + 1);
      await client.query(
        `${upTo(schema!, `schema_version VALUES (${ours}, `)}\n--${upTo(queue!, `VALUES (${theirs}, `)} COMMIT`,
      );
      expect(await versions()).toEqual({ ours, bullmq: theirs });

      const flags = { check: true, 'database-url': old.url };
      await expect(output(migrateCommand, flags)).rejects.toThrow(`has version ${ours}, this code needs`);
      const upgrade = await sql({ from: String(ours) });
      expect(upgrade).not.toMatch(/bullmq/i);
      const refused = async (sql: string) => {
        await expect(client.query(sql)).rejects.toThrow('The schema "tidings" does not have version');
        await client.query('ROLLBACK');
      };
      await refused(await sql({ from: String(ours - 1) }));
      await client.query(upgrade);
      await refused(upgrade);
      await expect(output(migrateCommand, flags)).rejects.toThrow(
        `have version ${theirs}, the installed BullMQ needs ${LATEST_SCHEMA_VERSION}: run "npx tidings migrate"`,
      );
      const upgradeOfBullmq = await sql({ 'bullmq-from': String(theirs) });
      expect(upgradeOfBullmq).not.toContain('"tidings"');
      await client.query(upgradeOfBullmq);
      expect(await output(migrateCommand, flags)).toBe('The tables are up to date.');
    } finally {
      await client.end();
      await old.drop();
    }
  }, 30_000);

  it.each([
    [{ print: true, from: 'two' }],
    [{ print: true, from: '-1' }],
    [{ print: true, from: '1.5' }],
    [{ print: true, from: '' }],
    [{ print: true, from: String(SCHEMA_VERSION) }],
    [{ print: true, 'bullmq-from': '999' }],
    [{ print: true, 'bullmq-from': '1', 'redis-url': 'redis://x' }],
    [{ from: '2' }],
  ])('refuses %j', async (flags) => {
    const nowhere = { 'database-url': 'postgres://nowhere.invalid/x' };
    await expect(output(migrateCommand, { ...nowhere, ...flags })).rejects.toBeInstanceOf(UsageError);
  });
});

describe('the command line beside a deployment', () => {
  let house: House;
  let instance: Instance;
  let flags: Record<string, string | boolean>;
  const servers: Server[] = [];

  beforeAll(async () => {
    house = await House.open('Postgres');
    instance = await house.start({ http: { adminApiKeys: ['an-admin-key-of-tests'] } });
    flags = { 'database-url': house.databaseUrl };
  }, 30_000);
  afterAll(async () => {
    for (const server of servers) server.close().closeAllConnections();
    await house.close();
  });

  it('publishes, and shows a feed as it grows', async () => {
    const stop = new AbortController();
    const seen: string[] = [];
    let ready = (): void => {};
    const opened = new Promise<void>((resolve) => (ready = resolve));
    let arrived = (): void => {};
    const came = new Promise<void>((resolve) => (arrived = resolve));
    const tail = tailCommand(
      flags,
      ['ada'],
      (line) => {
        seen.push(line);
        if (line.includes('feed.ready')) ready();
        if (line.includes('announcement')) arrived();
      },
      stop.signal,
    );
    await opened;
    const data = JSON.stringify({ title: 'From the terminal' });
    expect(await output(publishCommand, { ...flags, to: 'ada,grace', data }, 'announcement')).toMatch(
      /^direct-[\w-]{36} {2}delivered$/,
    );
    await came;
    stop.abort();
    await tail;
    expect(seen.join('\n')).toContain('announcement  From the terminal');
  }, 30_000);

  it('names the invalid field of a job, and publishes nothing', async () => {
    await expect(output(publishCommand, { ...flags, to: 'ada', data: '{}' }, 'announcement')).rejects.toThrow(
      /title/,
    );
    await expect(output(publishCommand, flags, 'announcement')).rejects.toThrow('to whom?');
  }, 30_000);

  it('gives every feed a new epoch, so that an older cursor gets a feed.reset', async () => {
    const client = await instance.stream('linus');
    const { cursor } = JSON.parse(client.events[0]!.data!) as { cursor: string };
    await client.close();
    expect(await output(rotateEpochCommand, { ...flags, yes: true })).toMatch(/^\d+ feeds have a new epoch/);
    const again = await instance.stream('linus', { after: cursor });
    await again.waitFor(({ event }) => event === 'feed.reset');
    await again.close();
  }, 30_000);

  it('erases a recipient only with a confirmation', async () => {
    await expect(output(eraseCommand, flags, 'ada')).rejects.toThrow('--yes');
    expect(await output(eraseCommand, { ...flags, yes: true }, 'ada')).toMatch(
      /^Erased: 1 feeds, \d+ entries/,
    );
  }, 30_000);

  it('erases a whole tenant and nobody else, and only with a confirmation', async () => {
    const data = JSON.stringify({ title: 'To be erased' });
    for (const [tenant, to] of [
      ['acme', 'bob,eve'],
      ['other', 'bob'],
    ] as const) {
      await output(publishCommand, { ...flags, tenant, to, data }, 'announcement');
    }
    const feeds = async () =>
      (
        await house.sql<{ of: string }>(
          `SELECT tenant || '/' || recipient AS of FROM tidings.feed WHERE head > 0`,
        )
      )
        .map((row) => row.of)
        .filter((of) => !of.startsWith('/'))
        .sort();
    await eventually(async () => expect(await feeds()).toEqual(['acme/bob', 'acme/eve', 'other/bob']));

    const all = { ...flags, all: true, yes: true };
    await expect(output(eraseCommand, { ...flags, tenant: 'acme', yes: true })).rejects.toThrow('Whom?');
    await expect(output(eraseCommand, { ...all, tenant: 'acme' }, 'bob')).rejects.toThrow('Whom?');
    await expect(output(eraseCommand, all)).rejects.toThrow('--all needs the --tenant');
    await expect(output(eraseCommand, { ...all, tenant: '' })).rejects.toThrow('--all needs the --tenant');
    await expect(output(eraseCommand, { ...all, tenant: 'acme', yes: false })).rejects.toThrow(
      'all recipients of the tenant "acme", for good: say --yes',
    );
    expect(await feeds()).toHaveLength(3);
    expect(await output(eraseCommand, { ...all, tenant: 'acme' })).toMatch(/^Erased: 2 feeds, 2 entries/);
    expect(await feeds()).toEqual(['other/bob']);
  }, 30_000);

  it('finds no problem in a sound deployment, also through a proxy', async () => {
    const url = await proxy('transparent');
    const report = await output(doctorCommand, {
      ...flags,
      url,
      token: await token('ada'),
      'idle-seconds': '1',
    });
    expect(report).not.toContain('FAULT');
    for (const part of [
      'Postgres',
      'tables',
      'clock',
      'LISTEN',
      'canary: arrived',
      `canary through ${url}: arrived`,
    ]) {
      expect(report).toContain(`ok     ${part}`);
    }
  }, 60_000);

  it.each([
    ['buffering', /buffering: /],
    ['compression', /compression: the stream is sent with gzip/],
    ['idle cut', /idle cut: the stream ended/],
  ] as const)(
    'names %s by a proxy',
    async (fault, line) => {
      const url = await proxy(fault);
      const lines: string[] = [];
      const all = { ...flags, url, token: await token('ada'), 'idle-seconds': '2' };
      await expect(doctorCommand(all, [], (text) => lines.push(text))).rejects.toThrow('1 fault.');
      expect(lines.at(-1)).toMatch(line);
    },
    60_000,
  );

  /** A proxy before the instance, with one fault. */
  async function proxy(fault: string): Promise<string> {
    const server = createServer((incoming, outgoing) => {
      const { hostname, port } = new URL(instance.origin);
      const upstream = request(
        { hostname, port, path: incoming.url, headers: { ...incoming.headers, host: hostname } },
        (response) => {
          const encoding = fault === 'compression' ? { 'content-encoding': 'gzip' } : {};
          outgoing.writeHead(response.statusCode!, { ...response.headers, ...encoding });
          outgoing.flushHeaders();
          response.on('data', (chunk: Buffer) => {
            if (fault !== 'buffering') outgoing.write(chunk);
          });
          response.on('error', () => {});
          if (fault === 'idle cut') setTimeout(() => outgoing.destroy(), 500).unref();
        },
      );
      upstream.on('error', () => outgoing.destroy());
      outgoing.on('close', () => upstream.destroy());
      upstream.end();
    });
    servers.push(server);
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  }
});

describe('startTidings', () => {
  let started: StartedTidings;
  it('starts a Postgres of its own and stops it again', async () => {
    started = await startTidings({ types: [...SHIPPED_TYPES] });
    await started.tidings.notify(SHIPPED_TYPES[2], { to: 'ada', data: { title: 'Hello' } });
    expect(await collectFeed(started.app, 'ada', { count: 1 })).toMatchObject([{ title: 'Hello' }]);
    await expect(collectFeed(started.app, 'ada', { count: 2, timeoutMs: 2_000 })).rejects.toThrow(
      'has 1 of 2',
    );
    await started.close();
  }, 60_000);
});

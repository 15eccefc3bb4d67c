import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import pg from 'pg';
import { createTestDatabase, type TestDatabase } from '../../support/postgres.js';
import { SCHEMA_VERSION } from '../../../src/log/migrations/index.js';
import { migrationSql } from '../../../src/log/migrations/migrator.js';
import { Retention } from '../../../src/log/upkeep/retention.js';
import { notification, openLog } from '../open-log.js';

describe('the migrations', () => {
  let test: TestDatabase;

  beforeEach(async () => {
    test = await createTestDatabase();
  });

  afterEach(async () => {
    await test.drop();
  });

  it('run once when several processes start on an empty database at once', async () => {
    const logs = await Promise.all(Array.from({ length: 4 }, () => openLog(test.url)));
    const { rows } = await logs[0]!.database.pool.query<{ n: number }>(
      'SELECT count(*)::int AS n FROM tidings.migration',
    );
    expect(rows[0]!.n).toBe(SCHEMA_VERSION);
    expect(new Set(logs.map(({ database }) => database.identity)).size).toBe(1);
    await Promise.all(logs.map((log) => log.close()));
  });

  it('bring a database of version 8 up to date without rewriting a table, and the retention finds what is due in it', async () => {
    const client = new pg.Client(test.url);
    await client.connect();
    const statements = await migrationSql('tidings');
    const version8 = statements.findIndex((text) => text.includes('schema_version VALUES (8,')) + 1;
    for (const text of statements.slice(0, version8)) await client.query(text);
    await client.query(`
      INSERT INTO tidings.feed (tenant, recipient, head, kept, unread, unseen)
      VALUES ('', 'old', 2, 2, 2, 2), ('', 'young', 1, 1, 1, 1), ('', 'empty', 0, 0, 0, 0);
      INSERT INTO tidings.entry (feed_id, seq, id, type, title, data, created_at, bytes)
      SELECT id, s, tidings.notification_id(1, s), 'note', 'x', '{}', now() - interval '31 days' * (2 - s) * (head - 1), 100
        FROM tidings.feed, generate_series(1, head) s`);
    const files = async () =>
      (
        await client.query<{ file: string }>(
          `SELECT relname || ' ' || relfilenode AS file FROM pg_class
            WHERE relname IN ('feed', 'entry', 'dedupe_key', 'dropped') AND relkind = 'r' ORDER BY 1`,
        )
      ).rows;
    const before = await files();
    const log = await openLog(test.url);
    expect(await files()).toEqual(before);

    const options = { days: 30, maxEntries: 1_000, sweepMs: 60_000, dedupeKeyDays: 90 };
    await log.append([notification('young')]);
    expect(await new Retention(log.database, options).sweep()).toBe(1);
    const { rows } = await client.query(
      `SELECT recipient, head, floor, oldest_at > now() - interval '1 day' AS is_young FROM tidings.feed ORDER BY 1`,
    );
    expect(rows).toEqual([
      { recipient: 'empty', head: '0', floor: '0', is_young: null },
      { recipient: 'old', head: '2', floor: '1', is_young: true },
      { recipient: 'young', head: '2', floor: '0', is_young: true },
    ]);
    await client.end();
    await log.close();
  });

  it('write to their own schema only', async () => {
    const log = await openLog(test.url);
    const { rows } = await log.database.pool.query<{ schema: string }>(
      `SELECT DISTINCT n.nspname AS schema FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
        WHERE n.nspname NOT LIKE 'pg_%' AND n.nspname <> 'information_schema'`,
    );
    expect(rows).toEqual([{ schema: 'tidings' }]);
    await log.close();
  });

  it('are accepted by newer code that supports them, and rejected by code that is too old', async () => {
    await (await openLog(test.url)).close();
    const client = new pg.Client(test.url);
    await client.connect();
    await client.query('INSERT INTO tidings.schema_version VALUES ($1, $2)', [
      SCHEMA_VERSION + 1,
      SCHEMA_VERSION,
    ]);
    await (await openLog(test.url)).close();
    await client.query('INSERT INTO tidings.schema_version VALUES ($1, $1)', [SCHEMA_VERSION + 2]);
    await client.end();
    await expect(openLog(test.url)).rejects.toThrow(/needs code of schema version .* deploy a newer version/);
  });

  it('report an unavailable database as an outage, and a wrong password as such', async () => {
    const away = new URL(test.url);
    away.port = '1';
    await expect(openLog(away.href)).rejects.toMatchObject({ code: 'log-unavailable' });
    const wrong = new URL(test.url);
    wrong.password = 'wrong';
    await expect(openLog(wrong.href)).rejects.toMatchObject({
      code: '28P01',
      message: expect.stringMatching(
        /^Postgres at \S+:\d+\/\w+ refused the connection: password authentication failed/,
      ),
    });
    const other = new URL(test.url);
    other.pathname = '/nowhere';
    await expect(openLog(other.href)).rejects.toThrow(
      /^Postgres at \S+\/nowhere refused the connection: database "nowhere"/,
    );
  });
});

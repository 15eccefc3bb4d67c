import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import pg from 'pg';
import { createTestDatabase, type TestDatabase } from '../../support/postgres.js';
import { SCHEMA_VERSION } from '../../../src/log/migrations/index.js';
import { openLog } from '../open-log.js';

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
      message: expect.stringMatching(/^Postgres at \S+:\d+\/\w+ refused the connection: password authentication failed/),
    });
    const other = new URL(test.url);
    other.pathname = '/nowhere';
    await expect(openLog(other.href)).rejects.toThrow(
      /^Postgres at \S+\/nowhere refused the connection: database "nowhere"/,
    );
  });
});

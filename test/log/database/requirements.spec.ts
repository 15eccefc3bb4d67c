import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import pg from 'pg';
import { doctorCommand } from '../../../src/cli/doctor.js';
import { migrateCommand } from '../../../src/cli/migrate.js';
import { LogUnavailableError } from '../../../src/contract/errors.js';
import { LogDatabase } from '../../../src/log/database/database.js';
import { UnsuitableDatabaseError } from '../../../src/log/database/requirements.js';
import { eventually } from '../../support/eventually.js';
import { startPostgres, SHARED_URL, type PrivatePostgres } from '../../support/postgres.js';
import { notification, openLog, type Log } from '../open-log.js';

async function on<Row extends pg.QueryResultRow>(url: string, text: string): Promise<Row[]> {
  const client = new pg.Client(url);
  await client.connect();
  try {
    return (await client.query<Row>(text)).rows;
  } finally {
    await client.end();
  }
}

async function doctor(databaseUrl: string): Promise<string> {
  const lines: string[] = [];
  await doctorCommand({ 'database-url': databaseUrl }, [], (line) => lines.push(line)).catch(() => {});
  return lines.join('\n');
}

describe.each(['SQL_ASCII', 'LATIN1', 'EUC_JP'])('A database with the encoding %s', (encoding) => {
  const name = `test_encoding_${encoding.toLowerCase()}`;
  const shared = process.env[SHARED_URL]!;
  const url = new URL(shared);
  url.pathname = name;
  const fix = `CREATE DATABASE ${name}_utf8 ENCODING 'UTF8' LOCALE 'C' TEMPLATE template0`;
  beforeAll(async () => {
    await on(shared, `CREATE DATABASE ${name} ENCODING '${encoding}' LOCALE 'C' TEMPLATE template0`);
  });
  afterAll(async () => {
    await on(shared, `DROP DATABASE IF EXISTS ${name}_utf8`);
    await on(shared, `DROP DATABASE ${name} WITH (FORCE)`);
  });
  afterEach(async () => {
    const written = await on(
      url.href,
      `SELECT nspname FROM pg_namespace WHERE nspname IN ('tidings', 'bullmq')`,
    );
    expect(written).toEqual([]);
  });

  it.each(['auto', 'check', 'off'] as const)(
    'is refused with the fix before anything is written (%s)',
    async (migrate) => {
      const connecting = LogDatabase.connect({ url: url.href, poolSize: 2, queryTimeoutMs: 5_000, migrate });
      await expect(connecting).rejects.toThrow(UnsuitableDatabaseError);
      await expect(connecting).rejects.toThrow(`has the encoding ${encoding}`);
      await expect(connecting).rejects.toThrow(fix);
      // And the fix is one.
      await on(shared, `DROP DATABASE IF EXISTS ${name}_utf8`);
      await on(shared, fix);
    },
  );

  it('is refused by the migration and named by doctor', async () => {
    await expect(migrateCommand({ 'database-url': url.href }, [], () => {})).rejects.toThrow(fix);
    expect(await doctor(url.href)).toMatch(new RegExp(`^FAULT  Postgres: .*has the encoding ${encoding}`));
  });
});

describe('A hot standby', () => {
  let server: PrivatePostgres;
  let log: Log | null;
  beforeEach(async () => {
    log = null;
    server = await startPostgres();
  }, 60_000);
  afterEach(async () => {
    await log?.close();
    await server.stop('immediate');
  });

  async function demote(): Promise<void> {
    const [row] = await on<{ data_directory: string }>(server.superuserUrl, 'SHOW data_directory');
    await server.stop();
    await writeFile(join(row!.data_directory, 'standby.signal'), '');
    await server.start();
  }

  it('is detected at start, before anything is written, and by doctor', async () => {
    await demote();
    const connecting = LogDatabase.connect({ url: server.url, poolSize: 2, queryTimeoutMs: 5_000 });
    await expect(connecting).rejects.toThrow(LogUnavailableError);
    await expect(connecting).rejects.toThrow('hot standby');
    expect(await doctor(server.url)).toMatch(/^FAULT {2}Postgres: .*hot standby/);
  }, 60_000);

  it('is abandoned by a running process, which continues once there is a primary', async () => {
    log = await openLog(server.url);
    await log.append([notification('ada')]);
    await demote();
    await expect(log.append([notification('ada')])).rejects.toThrow('hot standby');
    // No connection to it is kept.
    expect(log.database.pool.totalCount).toBe(0);
    await on(server.superuserUrl, 'SELECT pg_promote()');
    const [committed] = await eventually(() => log!.append([notification('ada')]));
    expect(committed!.seq).toBeGreaterThan(0);
  }, 60_000);
});

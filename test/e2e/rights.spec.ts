import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import pg from 'pg';
import { migrateCommand } from '../../src/cli/migrate.js';
import { announcement } from '../../src/types/shipped/index.js';
import { collectFeed, startTidings } from '../../src/testing/index.js';
import { eventually } from '../support/eventually.js';
import { createTestDatabase, type TestDatabase } from '../support/postgres.js';

const ROLE = `app_${randomBytes(6).toString('hex')}`;
const PAGE = new URL('../../docs/module.md', import.meta.url);

let database: TestDatabase;
let admin: pg.Client;

beforeAll(async () => {
  database = await createTestDatabase();
  admin = new pg.Client(database.adminUrl);
  await admin.connect();
});
afterAll(async () => {
  await admin.end();
  await database.drop();
  const server = new pg.Client(database.adminUrl.replace(/\/\w+$/, '/postgres'));
  await server.connect();
  await server.query(`DROP ROLE IF EXISTS ${ROLE}`);
  await server.end();
});

it('needs no more than the documented rights in an application that may not migrate', async () => {
  await migrateCommand({ 'database-url': database.url }, [], () => {});
  const grants = /```sql\n(GRANT[\s\S]*?)```/.exec(readFileSync(PAGE, 'utf8'))![1]!;
  await admin.query(
    `CREATE ROLE ${ROLE} LOGIN PASSWORD 'secret'; ${grants.replaceAll(' TO app;', ` TO ${ROLE};`)}`,
  );
  const url = new URL(database.url);
  url.username = ROLE;
  url.password = 'secret';

  const unread: string[] = [];
  const { app, tidings, close } = await startTidings({
    database: { url: url.href, migrate: 'check' },
    types: [announcement],
    retention: { maxEntries: 1, sweepMs: 200 },
    escalations: [
      { name: 'mail', afterMs: 1, handler: ({ notification }) => void unread.push(notification.title) },
    ],
  });
  const client = new pg.Client(url.href);
  await client.connect();
  try {
    const data = (title: string) => ({ to: 'ada', data: { title }, dedupeKey: title });
    await tidings.notify(announcement, data('direct'));
    await client.query('BEGIN');
    await tidings.notify(announcement, { ...data('in a transaction'), tx: client });
    await client.query('COMMIT');
    await collectFeed(app, 'ada', { count: 1, timeoutMs: 15_000 });
    await eventually(() => unread.length > 0, { timeoutMs: 15_000 });
    await tidings.setPreferences('ada', { muted: [] });
    await tidings.markRead('ada', { upTo: (await tidings.count('ada')).cursor });
    await eventually(async () => (await tidings.page('ada')).items.length === 1);
    await tidings.recall({ to: 'ada', dedupeKey: 'in a transaction' });
    expect(await tidings.erase('ada')).toMatchObject({ feeds: 1 });
  } finally {
    await client.end();
    await close();
  }
}, 60_000);

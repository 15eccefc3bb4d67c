import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { INestApplicationContext } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { Redis } from 'ioredis';
import pg from 'pg';
import type { TidingsOptions } from '../../src/contract/options/options.js';
import { announcement } from '../../src/types/shipped/index.js';
import { collectFeed } from '../../src/testing/collect-feed.js';
import { TidingsModule } from '../../src/module/tidings.module.js';
import { TidingsService } from '../../src/module/tidings.service.js';
import { eventually } from '../support/eventually.js';
import { createTestDatabase, startPostgres, type TestDatabase } from '../support/postgres.js';
import { startRedis } from '../support/redis.js';
import { describeWith } from '../support/tools.js';

let database: TestDatabase;
const apps: INestApplicationContext[] = [];

beforeEach(async () => {
  database = await createTestDatabase();
});
afterEach(async () => {
  await Promise.all(apps.splice(0).map((app) => app.close()));
  await database.drop();
});

async function start(options: Partial<TidingsOptions>): Promise<INestApplicationContext> {
  const app = await NestFactory.createApplicationContext(
    TidingsModule.forRoot({
      database: { url: database.url },
      types: [announcement],
      roles: ['worker'],
      controllers: false,
      ...options,
    }),
    { logger: ['fatal'], abortOnError: false },
  );
  apps.push(app);
  return app;
}

const say = (app: INestApplicationContext, title: string, to = 'ann') =>
  app.get(TidingsService).notify(announcement, { to, data: { title } });
const titles = async (app: INestApplicationContext, count: number): Promise<string[]> =>
  (await collectFeed(app, 'ann', { count, timeoutMs: 15_000 })).map(({ title }) => title);

describe('database.schema', () => {
  it('keeps two installations in one database apart', async () => {
    const [sales, support] = [
      await start({ database: { url: database.url, schema: 'sales_news' }, queue: { name: 'sales' } }),
      await start({ database: { url: database.url, schema: 'support_news' }, queue: { name: 'support' } }),
    ];
    await say(sales, 'sold');
    await say(support, 'asked');
    expect(await titles(sales, 1)).toEqual(['sold']);
    expect(await titles(support, 1)).toEqual(['asked']);

    const [tidings, other] = [sales.get(TidingsService), support.get(TidingsService)];
    const [cursor, otherCursor] = [await tidings.count('ann'), await other.count('ann')];
    await tidings.markRead('ann', { upTo: cursor.cursor });
    expect(await tidings.count('ann')).toMatchObject({ unread: 0 });
    expect(await other.count('ann')).toEqual(otherCursor);
    await tidings.setPreferences('ann', { muted: ['announcement'] });
    await say(sales, 'muted');
    await eventually(async () => (await tidings.inspect('ann')).dropped.length === 1);

    const client = new pg.Client(database.url);
    await client.connect();
    try {
      await client.query('BEGIN');
      await other.notify(announcement, { to: 'ann', data: { title: 'in tx' }, tx: client });
      await client.query('COMMIT');
      expect(await titles(support, 2)).toEqual(['asked', 'in tx']);
      const { rows } = await client.query<{ name: string }>(
        `SELECT nspname AS name FROM pg_namespace WHERE nspname !~ '^pg_|^information_schema$' ORDER BY 1`,
      );
      expect(rows.map(({ name }) => name)).toEqual(['bullmq', 'public', 'sales_news', 'support_news']);
    } finally {
      await client.end();
    }

    await tidings.erase('ann');
    expect((await tidings.page('ann')).items).toEqual([]);
    expect((await other.page('ann')).items).toHaveLength(2);
  }, 60_000);
});

describe('database.url', () => {
  it('leads to a socket directory in each form, for log, queue and bus', async () => {
    const server = await startPostgres({ sockets: true });
    try {
      for (const [index, url] of server.socketUrls.entries()) {
        const app = await start({ database: { url } });
        await say(app, 'over a socket', `ann-${index}`);
        const [first] = await collectFeed(app, `ann-${index}`, { count: 1, timeoutMs: 15_000 });
        expect(first).toMatchObject({ title: 'over a socket' });
        await app.close();
        apps.splice(0);
      }
    } finally {
      await server.stop();
    }
  }, 90_000);
});

describe('roles: []', () => {
  it('delivers directly, and leaves the outbox to other processes', async () => {
    const producer = await start({ roles: [] });
    await say(producer, 'one');
    const client = new pg.Client(database.url);
    await client.connect();
    await client.query('BEGIN');
    await producer
      .get(TidingsService)
      .notify(announcement, { to: 'ann', data: { title: 'two' }, tx: client });
    await client.query('COMMIT');
    const jobs = async (): Promise<unknown> =>
      (
        await client.query(`SELECT (SELECT count(*)::int FROM tidings.outbox) AS staged,
                                  (SELECT count(*)::int FROM tidings.entry) AS entries`)
      ).rows[0];
    expect(await jobs()).toEqual({ staged: 1, entries: 1 });
    const worker = await start({});
    expect((await titles(worker, 2)).sort()).toEqual(['one', 'two']);
    await eventually(async () => expect(await jobs()).toEqual({ staged: 0, entries: 2 }));
    await client.end();
  }, 60_000);
});

describeWith('redis-server', 'connections of the host', () => {
  it('are used or copied, and never closed', async () => {
    const redis = await startRedis();
    const pool = new pg.Pool({ connectionString: database.url, max: 4 });
    const connection = new Redis(redis.url);
    const app = await start({ database: { pool }, redis: { connection } });
    await say(app, 'over both');
    expect(await titles(app, 1)).toEqual(['over both']);
    expect(await connection.exists('bull:tidings:meta')).toBe(1);

    await app.close();
    apps.splice(0);
    expect(pool.ended).toBe(false);
    expect((await pool.query<{ n: number }>('SELECT 1 AS n')).rows).toEqual([{ n: 1 }]);
    expect(connection.status).toBe('ready');
    expect(await connection.ping()).toBe('PONG');
    await pool.end();
    connection.disconnect();
    await redis.stop();
  }, 60_000);
});

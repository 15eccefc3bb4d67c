import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { spawn, type ChildProcess } from 'node:child_process';
import { cpSync, mkdirSync, readFileSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { SHIPPED_TYPES } from '../../../src/types/shipped/index.js';
import { collectFeed, startTidings } from '../../../src/testing/index.js';
import { eventually } from '../../support/eventually.js';
import { freePort } from '../../support/ports.js';
import { createTestDatabase, type TestDatabase } from '../../support/postgres.js';
import { startRedis } from '../../support/redis.js';
import { connect } from '../../support/sse-client.js';
import { describeWith } from '../../support/tools.js';
import { installLinked, outside, pack, PACKAGE, run } from './install.js';

const home = outside();
const shop = join(home.path, 'shop');
let database: TestDatabase;
let child: ChildProcess | null = null;

beforeAll(async () => {
  database = await createTestDatabase();
  const tarball = await pack(home.path);
  const { dependencies, devDependencies } = JSON.parse(
    readFileSync(join(PACKAGE, 'examples/shop/package.json'), 'utf8'),
  ) as Record<'dependencies' | 'devDependencies', Record<string, string>>;
  await installLinked(shop, tarball, {
    type: 'module',
    dependencies: { ...dependencies, ...devDependencies },
  });
  for (const file of ['main.ts', 'order.entity.ts', 'order-placed.ts', 'tsconfig.json']) {
    cpSync(join(PACKAGE, 'examples/shop', file), join(shop, file));
  }
}, 300_000);

afterAll(async () => {
  child?.kill('SIGKILL');
  home.remove();
  await database.drop();
});

it('compiles the shop, which notifies the seller of placed orders, and of no others', async () => {
  await run(shop, process.execPath, 'node_modules/typescript/bin/tsc', '-p', '.');
  const port = await freePort();
  child = spawn(process.execPath, ['dist/main.js'], {
    cwd: shop,
    env: { PATH: process.env.PATH, DATABASE_URL: database.url, PORT: String(port) },
    stdio: 'ignore',
  });
  const origin = `http://127.0.0.1:${port}`;
  const client = await eventually(
    () => connect(`${origin}/v1/stream`, { headers: { cookie: 'user=seller' } }),
    { timeoutMs: 30_000 },
  );
  await client.waitFor(({ event }) => event === 'feed.ready');
  const order = (article: string): Promise<Response> =>
    fetch(`${origin}/orders`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', cookie: 'user=ada' },
      body: JSON.stringify({ article }),
    });
  expect((await order('nothing')).status).toBe(400);
  expect((await order('lamp')).status).toBe(201);
  await client.waitFor(({ event }) => event === 'order-placed');
  const titles = client.events
    .filter(({ event }) => event === 'order-placed')
    .map(({ data }) => (JSON.parse(data!) as { title: string }).title);
  expect(titles).toEqual(['ada ordered lamp']);
  await client.close();
}, 120_000);

describeWith('redis-server', 'the example of a producer', () => {
  it('delivers jobs of nothing but BullMQ', async () => {
    const redis = await startRedis();
    const { app, close } = await startTidings({
      database: { url: database.url },
      redis: { url: redis.url },
      types: [...SHIPPED_TYPES],
    });
    try {
      const producer = join(home.path, 'producer');
      mkdirSync(producer);
      cpSync(join(PACKAGE, 'examples/producer'), producer, { recursive: true });
      // BullMQ is there: the shop has it through the tarball.
      symlinkSync(join(shop, 'node_modules'), join(producer, 'node_modules'));
      process.env.REDIS_URL = redis.url;
      expect(await run(producer, process.execPath, 'main.js', 'grace', 'Done')).toMatch(/^Job \S+ is queued/);
      expect(await collectFeed(app, 'grace', { count: 1 })).toMatchObject([{ title: 'Done' }]);
    } finally {
      delete process.env.REDIS_URL;
      await close();
      await redis.stop();
    }
  }, 60_000);
});

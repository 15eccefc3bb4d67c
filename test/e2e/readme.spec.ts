import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { SignJWT } from 'jose';
import { eventually } from '../support/eventually.js';
import { freePort } from '../support/ports.js';
import { createTestDatabase, type TestDatabase } from '../support/postgres.js';
import { startRedis, type RedisServer } from '../support/redis.js';
import { buildService, killServices, startService } from '../support/service.js';
import { connect } from '../support/sse-client.js';
import { describeWith } from '../support/tools.js';

const PACKAGE = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
const DOCUMENTS = ['README.md', 'docs/browser.md', 'docs/module.md'];
const SECRET = 'the secret of the samples, 32 bytes or more';

/** The code below each `<!-- sample: name -->` of these documents, by its name. */
function samplesOf(documents: readonly string[]): ReadonlyMap<string, string> {
  const samples = new Map<string, string>();
  for (const document of documents) {
    const text = readFileSync(join(PACKAGE, document), 'utf8');
    for (const [, name, code] of text.matchAll(/<!-- sample: (\S+) -->(?:\s*```\w+\n([\s\S]*?)```)?/g)) {
      if (code === undefined) throw new Error(`${document}: no code stands below the sample ${name}.`);
      if (samples.has(name!)) throw new Error(`${document}: there is a sample ${name} already.`);
      samples.set(name!, code);
    }
  }
  return samples;
}

describe('the samples of the README and of its pages', () => {
  let directory: string;

  beforeAll(async () => {
    await buildService();
    // Inside of the package, so that its own name resolves to it as in a project that has installed it.
    mkdirSync(join(PACKAGE, 'dist'), { recursive: true });
    directory = mkdtempSync(join(PACKAGE, 'dist', 'samples-'));
    for (const [name, code] of samplesOf(DOCUMENTS)) writeFileSync(join(directory, name), code);
  }, 180_000);

  afterAll(async () => {
    await killServices();
    rmSync(directory, { recursive: true });
  });

  const streamOf = async (origin: string, secret: string) => {
    const jwt = await new SignJWT({ sub: 'ada' })
      .setProtectedHeader({ alg: 'HS256' })
      .setExpirationTime('1h')
      .sign(new TextEncoder().encode(secret));
    const client = await connect(`${origin}/v1/stream`, { headers: { authorization: `Bearer ${jwt}` } });
    await client.waitFor(({ event }) => event === 'feed.ready');
    return client;
  };

  it('are checked by the compiler', () => {
    const config = {
      extends: join(PACKAGE, 'tsconfig.json'),
      // Of the server and of the page at once: what is checked here is that the calls are as they are shown.
      compilerOptions: {
        allowJs: true,
        checkJs: true,
        noEmit: true,
        lib: ['ES2023', 'ES2024.String', 'DOM'],
        jsx: 'react-jsx',
      },
      include: ['*.ts', '*.tsx', '*.mjs'],
    };
    writeFileSync(join(directory, 'tsconfig.json'), JSON.stringify(config));
    const { status, stdout } = spawnSync(
      process.execPath,
      [join(PACKAGE, 'node_modules/typescript/bin/tsc'), '-p', directory],
      {
        encoding: 'utf8',
      },
    );
    expect(stdout).toBe('');
    expect(status).toBe(0);
  }, 60_000);

  it('declare a type of one’s own that the service takes', async () => {
    const service = await startService({ TIDINGS_TYPES: join(directory, 'types.mjs') });
    const client = await connect(`${service.origin}/v1/stream`, {
      headers: { authorization: `Bearer ${service.token}` },
    });
    await client.waitFor(({ event }) => event === 'feed.ready');
    const answer = await fetch(`${service.origin}/v1/notifications`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'x-api-key': service.apiKey },
      body: JSON.stringify({ type: 'invitation', to: 'ada', data: { from: 'Grace', projectId: '7' } }),
    });
    expect(answer.status).toBe(202);
    const { data } = await client.waitFor(({ event }) => event === 'invitation');
    expect(JSON.parse(data!)).toMatchObject({ title: 'Grace invites you', link: '/projects/7' });
    await client.close();
    await service.stop();
  }, 60_000);

  describeWith('redis-server', 'with Redis', () => {
    let database: TestDatabase;
    let redis: RedisServer;
    let host: ChildProcess | null = null;

    beforeAll(async () => {
      [database, redis] = await Promise.all([createTestDatabase(), startRedis()]);
    });

    afterAll(async () => {
      if (host && host.exitCode === null) {
        host.kill('SIGTERM');
        await new Promise((resolve) => host!.once('exit', resolve));
      }
      await redis.stop();
      await database.drop();
    });

    it('import the module into a host, and publish with nothing but BullMQ', async () => {
      const port = await freePort();
      const env = {
        PATH: process.env.PATH,
        DATABASE_URL: database.url,
        REDIS_URL: redis.url,
        PORT: `${port}`,
      };
      host = spawn(process.execPath, ['--import', 'tsx', join(directory, 'host.ts')], {
        env: { ...env, JWT_SECRET: SECRET, API_KEY: 'a-key-of-the-samples' },
        stdio: 'ignore',
      });
      const client = await eventually(() => streamOf(`http://127.0.0.1:${port}`, SECRET), {
        timeoutMs: 30_000,
      });
      const { status, stderr } = spawnSync(process.execPath, [join(directory, 'producer.mjs')], {
        env,
        encoding: 'utf8',
      });
      expect([status, stderr]).toEqual([0, '']);
      const { data } = await client.waitFor(({ event }) => event === 'new-order');
      expect(JSON.parse(data!)).toMatchObject({ title: 'New order 17', body: 'Zoe: 2 items, €42.00' });
      await client.close();
    }, 60_000);
  });
});

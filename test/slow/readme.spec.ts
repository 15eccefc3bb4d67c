import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';
import { eventually } from '../support/eventually.js';
import { freePort } from '../support/ports.js';
import { createTestDatabase, type TestDatabase } from '../support/postgres.js';
import { startRedis, type RedisServer } from '../support/redis.js';
import { buildService, killServices, startService } from '../support/service.js';
import { connect } from '../support/sse-client.js';
import { describeWith } from '../support/tools.js';

const PACKAGE = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
const source = (path: string): string[] => [join(PACKAGE, 'src', path)];
const ENTRY_POINTS = {
  tidings: source('index.ts'),
  'tidings/producer': source('producer.ts'),
  'tidings/prometheus': source('prometheus.ts'),
  'tidings/testing': source('testing/index.ts'),
  'tidings/client': source('browser/client/index.ts'),
  'tidings/element': source('browser/element/index.ts'),
  'tidings/react': source('browser/react/index.ts'),
  'tidings/push': source('browser/push/index.ts'),
};
const DOCUMENTS = [
  'README.md',
  'docs/audiences.md',
  'docs/browser.md',
  'docs/module.md',
  'docs/producing.md',
];

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
    // Inside of the built package, so that its name resolves to it as in a project that has installed it.
    directory = mkdtempSync(join(dirname(dirname(await buildService())), 'samples-'));
    for (const [name, code] of samplesOf(DOCUMENTS)) writeFileSync(join(directory, name), code);
    // What the samples say that the reader has: the types of the service in a file of the host, and a client that Prisma has made.
    copyFileSync(join(directory, 'types.mjs'), join(directory, 'types.ts'));
    const prisma = join(directory, 'generated', 'prisma');
    mkdirSync(prisma, { recursive: true });
    writeFileSync(
      join(prisma, 'client.ts'),
      `export * from '${relative(prisma, join(PACKAGE, 'test/jobs/outbox/prisma/client/client.js'))}';`,
    );
  }, 180_000);

  afterAll(async () => {
    await killServices();
    rmSync(directory, { recursive: true });
  });

  /** As a Nest project is compiled: with the types of parameters, by which Nest injects; tsx leaves them out. */
  const compile = (...names: string[]): void => {
    const compilerOptions: ts.CompilerOptions = {
      target: ts.ScriptTarget.ES2023,
      module: ts.ModuleKind.ESNext,
      experimentalDecorators: true,
      emitDecoratorMetadata: true,
    };
    for (const name of names) {
      const { outputText } = ts.transpileModule(readFileSync(join(directory, `${name}.ts`), 'utf8'), {
        compilerOptions,
      });
      writeFileSync(join(directory, `${name}.js`), outputText);
    }
  };

  it('compile', () => {
    const config = {
      extends: join(PACKAGE, 'tsconfig.json'),
      // Of the server and of the page at once: what is checked here is that the calls are as they are shown.
      compilerOptions: {
        allowJs: true,
        checkJs: true,
        noEmit: true,
        lib: ['ES2023', 'ES2024.String', 'DOM', 'DOM.Iterable'],
        jsx: 'react-jsx',
        // The service that tests build has no declarations.
        paths: ENTRY_POINTS,
      },
      include: ['*.ts', '*.tsx', '*.mjs'],
    };
    writeFileSync(join(directory, 'tsconfig.json'), JSON.stringify(config));
    const { status, stdout } = spawnSync(
      process.execPath,
      [join(PACKAGE, 'node_modules/typescript-7/bin/tsc'), '-p', directory],
      {
        encoding: 'utf8',
      },
    );
    expect(stdout).toBe('');
    expect(status).toBe(0);
  }, 120_000);

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

  describe('a host of the samples', () => {
    let database: TestDatabase;
    let host: ChildProcess | null = null;

    beforeAll(async () => {
      database = await createTestDatabase();
    });

    afterAll(async () => {
      if (host && host.exitCode === null) {
        host.kill('SIGTERM');
        await new Promise((resolve) => host!.once('exit', resolve));
      }
      await database.drop();
    });

    it('stream what the host sends to the signed-in user and to nobody else', async () => {
      compile('types', 'host');
      const port = await freePort();
      const origin = `http://127.0.0.1:${port}`;
      host = spawn(process.execPath, [join(directory, 'host.js')], {
        env: { PATH: process.env.PATH, DATABASE_URL: database.url, PORT: `${port}` },
        stdio: 'ignore',
      });
      const client = await eventually(
        () => connect(`${origin}/v1/stream`, { headers: { cookie: 'session=of-ada' } }),
        { timeoutMs: 30_000 },
      );
      await client.waitFor(({ event }) => event === 'feed.ready');
      expect((await fetch(`${origin}/v1/stream`)).status).toBe(401);

      const answer = await fetch(`${origin}/projects/7/invitations/ada`, { method: 'POST' });
      expect(answer.status).toBe(201);
      const { data } = await client.waitFor(({ event }) => event === 'invitation');
      expect(JSON.parse(data!)).toMatchObject({ title: 'Grace invites you', link: '/projects/7' });
      await client.close();
    }, 60_000);
  });

  describeWith('redis-server', 'the samples with Redis', () => {
    let database: TestDatabase;
    let redis: RedisServer;

    beforeAll(async () => {
      [database, redis] = await Promise.all([createTestDatabase(), startRedis()]);
    });

    afterAll(async () => {
      await killServices();
      await redis.stop();
      await database.drop();
    });

    it('publish with nothing but BullMQ', async () => {
      const env = { DATABASE_URL: database.url, REDIS_URL: redis.url };
      const service = await startService(env);
      const client = await connect(`${service.origin}/v1/stream`, {
        headers: { authorization: `Bearer ${service.token}` },
      });
      await client.waitFor(({ event }) => event === 'feed.ready');
      const { status, stderr } = spawnSync(process.execPath, [join(directory, 'producer.mjs')], {
        env: { PATH: process.env.PATH, REDIS_URL: redis.url },
        encoding: 'utf8',
      });
      expect([status, stderr]).toEqual([0, '']);
      const { data } = await client.waitFor(({ event }) => event === 'new-order');
      expect(JSON.parse(data!)).toMatchObject({ title: 'New order 17', body: 'Zoe: 2 items, €42.00' });
      await client.close();
      await service.stop();
    }, 60_000);
  });
});

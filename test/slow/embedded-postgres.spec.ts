import { afterEach, describe, expect, it } from '@jest/globals';
import { fork, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, existsSync, lstatSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import pg from 'pg';
import {
  startEmbeddedPostgres,
  type EmbeddedPostgres,
} from '../../src/embedded-postgres/embedded-postgres.js';
import { isRoot } from '../../src/embedded-postgres/account.js';
import { findBinaries } from '../../src/embedded-postgres/binaries.js';
import { findPostmaster, signalTree } from '../../src/embedded-postgres/postmaster.js';
import { eventually } from '../support/eventually.js';
import { freePort } from '../support/ports.js';
import { testDirectory } from '../support/test-root.js';

const NOBODY = 65_534;

type Started = Pick<EmbeddedPostgres, 'url' | 'port' | 'attached'>;
type Said = { started?: Started; failed?: string; interrupted?: true; stopped?: true };

const servers: EmbeddedPostgres[] = [];
const children: ChildProcess[] = [];

afterEach(async () => {
  await Promise.all(servers.splice(0).map((server) => server.stop()));
  for (const child of children.splice(0)) child.kill('SIGKILL');
});

async function start(dataDir: string, options: { port?: number } = {}): Promise<EmbeddedPostgres> {
  const server = await startEmbeddedPostgres({ dataDir, ...options });
  servers.push(server);
  return server;
}

/** Another process that starts or attaches. */
async function startChild(dataDir: string, uid?: number): Promise<Started & { child: ChildProcess }> {
  const script = new URL('../support/embedded-postgres-child.ts', import.meta.url).pathname;
  const child = fork(script, [dataDir, String(uid ?? '')], {
    execArgv: ['--import', 'tsx'],
    // A process group of its own, like a command in a terminal.
    detached: true,
  });
  children.push(child);
  const said = await next(child);
  if (!said.started) throw new Error(said.failed);
  return { ...said.started, child };
}

async function next(child: ChildProcess): Promise<Said> {
  const [said] = (await once(child, 'message')) as [Said];
  return said;
}

async function kill(child: ChildProcess): Promise<void> {
  const exited = once(child, 'exit');
  child.kill('SIGKILL');
  await exited;
}

async function rows(url: string, sql: string): Promise<unknown[]> {
  const client = new pg.Client(url);
  client.on('error', () => {});
  await client.connect();
  try {
    return (await client.query<Record<string, unknown>>(sql)).rows;
  } finally {
    await client.end();
  }
}

const postmasterOf = (dataDir: string): ReturnType<typeof findPostmaster> =>
  findPostmaster(join(realpathSync(join(dataDir, 'postgres')), 'data'));

describe('the embedded Postgres', () => {
  // One data directory for what can share it: making one takes a second.
  const dataDir = testDirectory('embedded');
  const numbers = (): Promise<unknown[]> =>
    start(dataDir).then(({ url }) => rows(url, 'SELECT n FROM t ORDER BY n'));

  it('starts from nothing with durable settings and an unprivileged role', async () => {
    const server = await start(dataDir);
    expect(server.attached).toBe(false);
    expect(server.url).toBe(
      `postgres://tidings:${new URL(server.url).password}@127.0.0.1:${server.port}/tidings`,
    );
    const names =
      'fsync synchronous_commit full_page_writes max_connections server_encoding is_superuser'.split(' ');
    const columns = names.map((name) => `current_setting('${name}') AS ${name}`).join(', ');
    expect(await rows(server.url, `SELECT ${columns}`)).toEqual([
      {
        fsync: 'on',
        synchronous_commit: 'on',
        full_page_writes: 'on',
        max_connections: '200',
        server_encoding: 'UTF8',
        is_superuser: 'off',
      },
    ]);
    await rows(server.url, 'CREATE TABLE t (n int); INSERT INTO t VALUES (1)');
    expect(lstatSync(join(dataDir, 'postgres', 'password')).mode & 0o777).toBe(0o600);
    await expect(rows(server.url.replace(/:[0-9a-f]+@/, ':guess@'), 'SELECT 1')).rejects.toMatchObject({
      code: '28P01',
    });
  });

  it('gives the superuser another password than the application, which cannot run programs', async () => {
    const server = await start(dataDir);
    const asSuperuser = server.url.replace('tidings:', 'postgres:');
    await expect(rows(asSuperuser, 'SELECT 1')).rejects.toMatchObject({ code: '28P01' });
    await expect(rows(server.url, "COPY (SELECT 1) TO PROGRAM 'true'")).rejects.toMatchObject({
      code: '42501',
    });
    await expect(rows(server.url, 'ALTER ROLE tidings SUPERUSER')).rejects.toMatchObject({ code: '42501' });
    const file = join(dataDir, 'postgres', 'superuser-password');
    expect(lstatSync(file).mode & 0o777).toBe(0o600);
    const password = readFileSync(file, 'utf8').trim();
    expect(await rows(asSuperuser.replace(/:[0-9a-f]+@/, `:${password}@`), 'SELECT 1 AS n')).toEqual([
      { n: 1 },
    ]);
  });

  it('upgrades a directory whose roles share one password, also when two processes start at once', async () => {
    const old = testDirectory('embedded-one-password');
    const first = await start(old);
    await rows(first.url, 'CREATE TABLE t (n int); INSERT INTO t VALUES (7)');
    const file = join(old, 'postgres', 'superuser-password');
    const password = new URL(first.url).password;
    const superuser = first.url
      .replace('tidings:', 'postgres:')
      .replace(password, readFileSync(file, 'utf8').trim());
    await rows(superuser, `ALTER ROLE postgres PASSWORD '${password}'; ALTER ROLE tidings SUPERUSER`);
    rmSync(file);
    await first.stop();

    const servers = await Promise.all([start(old), startChild(old)]);
    for (const { url } of servers) {
      expect(await rows(url, 'SELECT n FROM t')).toEqual([{ n: 7 }]);
      const roles = await rows(url, "SELECT rolsuper FROM pg_roles WHERE rolname = 'tidings'");
      expect(roles).toEqual([{ rolsuper: false }]);
      await expect(rows(url.replace('tidings:', 'postgres:'), 'SELECT 1')).rejects.toMatchObject({
        code: '28P01',
      });
    }
  }, 60_000);

  it('keeps data and address over a second start, and accepts a second stop()', async () => {
    const first = await start(dataDir);
    await Promise.all([first.stop(), first.stop()]);
    await expect(rows(first.url, 'SELECT 1')).rejects.toMatchObject({ code: 'ECONNREFUSED' });
    const second = await start(dataDir);
    expect(second).toMatchObject({ url: first.url, attached: false });
    expect(await rows(second.url, 'SELECT n FROM t')).toEqual([{ n: 1 }]);
  });

  it('attaches to the server that a killed process left behind, and stops it', async () => {
    const owner = await startChild(dataDir);
    await rows(owner.url, 'INSERT INTO t VALUES (2)');
    await kill(owner.child);
    const heir = await start(dataDir);
    expect(heir).toMatchObject({ attached: true, url: owner.url });
    expect(await rows(heir.url, 'SELECT n FROM t ORDER BY n')).toEqual([{ n: 1 }, { n: 2 }]);
    await heir.stop();
    expect(await postmasterOf(dataDir)).toBeNull();
  });

  it('keeps running while a second process uses it, and is stopped by the last one', async () => {
    const [one, two] = await Promise.all([start(dataDir), startChild(dataDir)]);
    expect([one.attached, two.attached].sort()).toEqual([false, true]);
    await one.stop();
    expect(await rows(two.url, 'SELECT 1 AS alive')).toEqual([{ alive: 1 }]);
    two.child.send('stop');
    expect(await next(two.child)).toEqual({ stopped: true });
    expect(await postmasterOf(dataDir)).toBeNull();
  });

  it('recovers every commit after everything was killed', async () => {
    const owner = await startChild(dataDir);
    await rows(owner.url, 'INSERT INTO t VALUES (3)');
    await kill(owner.child);
    process.kill((await postmasterOf(dataDir))!.pid, 'SIGKILL');
    expect(await numbers()).toEqual([{ n: 1 }, { n: 2 }, { n: 3 }]);
  });

  it('restarts under the same address when it is killed while in use', async () => {
    const server = await start(dataDir);
    process.kill((await postmasterOf(dataDir))!.pid, 'SIGKILL');
    await eventually(() => rows(server.url, 'SELECT 1'), { timeoutMs: 15_000 });
    expect(await rows(server.url, 'SELECT count(*)::int AS n FROM t')).toEqual([{ n: 3 }]);
  });

  it("outlives a terminal's Ctrl-C until its process stops it", async () => {
    const { child, url } = await startChild(dataDir);
    const interrupted = next(child);
    process.kill(-child.pid!, 'SIGINT');
    expect(await interrupted).toEqual({ interrupted: true });
    expect(await rows(url, 'SELECT 1 AS alive')).toEqual([{ alive: 1 }]);
    child.send('stop');
    expect(await next(child)).toEqual({ stopped: true });
  });

  it('starts although postmaster.pid names an unrelated process', async () => {
    const data = join(realpathSync(join(dataDir, 'postgres')), 'data');
    const { uid, gid } = lstatSync(data);
    const stranger = spawn('sleep', ['60'], { cwd: '/', stdio: 'ignore', ...(isRoot() ? { uid, gid } : {}) });
    children.push(stranger);
    await once(stranger, 'spawn');
    writeFileSync(
      join(data, 'postmaster.pid'),
      `${stranger.pid}\n${data}\n1\n1\n\n127.0.0.1\n 1 1\nready   \n`,
    );
    expect(await numbers()).toHaveLength(3);
    expect(stranger.exitCode).toBeNull();
  });

  it('moves to another port when its own is taken, and reports a requested one', async () => {
    const { port } = await start(dataDir).then(async (server) => (await server.stop(), server));
    const squatter = createServer().listen(port, '127.0.0.1');
    await once(squatter, 'listening');
    try {
      await expect(start(dataDir, { port })).rejects.toThrow(`Port ${port}`);
      const moved = await start(dataDir);
      expect(moved.port).not.toBe(port);
      expect(await rows(moved.url, 'SELECT n FROM t')).toHaveLength(3);
    } finally {
      await new Promise((resolve) => squatter.close(resolve));
    }
    const asked = await freePort();
    await Promise.all(servers.splice(0).map((server) => server.stop()));
    expect((await start(dataDir, { port: asked })).port).toBe(asked);
  });

  it('stops within seconds although it is frozen', async () => {
    const server = await start(dataDir);
    const { pid } = (await postmasterOf(dataDir))!;
    await signalTree(pid, 'SIGSTOP');
    const before = Date.now();
    await server.stop();
    expect(Date.now() - before).toBeLessThan(10_000);
    expect(await postmasterOf(dataDir)).toBeNull();
    expect(await numbers()).toHaveLength(3);
  });

  it('reports the output of Postgres when it does not start', async () => {
    const file = join(realpathSync(join(dataDir, 'postgres')), 'data', 'PG_VERSION');
    const version = readFileSync(file, 'utf8');
    writeFileSync(file, '9\n');
    await expect(start(dataDir)).rejects.toThrow(/not compatible with this version/);
    writeFileSync(file, version);
  });

  it('reports the output of initdb when it fails', async () => {
    const bin = testDirectory('bin');
    writeFileSync(
      join(bin, 'initdb'),
      '#!/bin/sh\necho "initdb: error: No space left on device" >&2\nexit 1\n',
    );
    chmodSync(join(bin, 'initdb'), 0o755);
    const fresh = testDirectory('full');
    await expect(startEmbeddedPostgres({ dataDir: fresh, binaries: { bin } })).rejects.toThrow(
      /exit code 1.*No space left on device/s,
    );
    expect(existsSync(join(fresh, 'postgres', 'data'))).toBe(false);
  });
});

describe('the embedded Postgres as another user', () => {
  it('runs as an ordinary user, and names the fix when the data belongs to another', async () => {
    const dataDir = testDirectory('ordinary');
    if (isRoot()) chmodSync(dataDir, 0o777);
    const { url, child } = await startChild(dataDir, isRoot() ? NOBODY : undefined);
    expect(await rows(url, 'SELECT 1 AS alive')).toEqual([{ alive: 1 }]);
    child.send('stop');
    expect(await next(child)).toEqual({ stopped: true });
    if (!isRoot()) return;

    // Root goes on as the user who made it, a third user is told.
    expect(await rows((await start(dataDir)).url, 'SELECT 1 AS alive')).toEqual([{ alive: 1 }]);
    await expect(startChild(dataDir, 1)).rejects.toThrow(/another user|permission denied/);
  });

  it('works below a directory that only its owner may enter', async () => {
    const closed = testDirectory('closed');
    chmodSync(closed, 0o700);
    const dataDir = join(closed, 'app', '.tidings');
    const warnings: string[] = [];
    const server = await startEmbeddedPostgres({
      dataDir,
      logger: { log: () => {}, error: () => {}, warn: (message) => warnings.push(message) },
    });
    servers.push(server);
    await rows(server.url, 'CREATE TABLE kept ()');
    await server.stop();
    expect(await rows((await start(dataDir)).url, `SELECT to_regclass('kept')::text AS t`)).toEqual([
      { t: 'kept' },
    ]);
    if (!isRoot()) return;

    const link = join(dataDir, 'postgres');
    const home = realpathSync(link);
    expect(lstatSync(link).isSymbolicLink()).toBe(true);
    expect(home).toMatch(/^\/var\/lib\/tidings\/app-/);
    expect(warnings).toEqual([expect.stringContaining(home)]);
    await Promise.all(servers.splice(0).map((other) => other.stop()));
    rmSync(home, { recursive: true });
    await expect(start(dataDir)).rejects.toThrow(/missing directory/);
  });
});

describe('the binaries of the embedded Postgres', () => {
  afterEach(() => {
    Object.defineProperty(process, 'arch', { value: arch });
  });
  const { arch } = process;

  it('are named where a platform has none', async () => {
    Object.defineProperty(process, 'arch', { value: 'riscv64' });
    await expect(findBinaries(null)).rejects.toThrow(/riscv64.*Set DATABASE_URL/s);
  });

  it('get their library links where npm runs no scripts', async () => {
    const { bin } = await findBinaries(null);
    const links = JSON.parse(readFileSync(join(bin, '..', 'pg-symlinks.json'), 'utf8')) as {
      target: string;
    }[];
    // A library that nothing here loads, so that other runs beside this one do not miss it.
    const link = links
      .map(({ target }) => join(bin, '..', '..', target))
      .find((file) => file.endsWith('libpgtypes.so'));
    rmSync(link!);
    await findBinaries(null);
    expect(existsSync(link!)).toBe(true);
  });
});

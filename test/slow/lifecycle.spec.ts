import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { connect as connectSocket, type Socket } from 'node:net';
import { join } from 'node:path';
import { afterEach, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { eventually } from '../support/eventually.js';
import { createTestDatabase } from '../support/postgres.js';
import {
  buildService,
  killServices,
  spawnService,
  startService,
  type ServiceProcess,
} from '../support/service.js';
import { connect, type SseClient } from '../support/sse-client.js';

// Processes start, and on a busy machine that takes a while.
jest.setTimeout(120_000);
beforeAll(() => buildService(), 180_000);
afterEach(killServices);

async function announce(service: ServiceProcess, title: string, body = ''): Promise<void> {
  const response = await fetch(`${service.origin}/v1/notifications`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json', 'X-API-Key': service.apiKey },
    body: JSON.stringify({ type: 'announcement', to: 'ada', data: { title, ...(body && { body }) } }),
  });
  expect(response.status).toBe(202);
}

function watch(service: ServiceProcess, lastEventId = ''): Promise<SseClient> {
  const headers = {
    Authorization: `Bearer ${service.token}`,
    ...(lastEventId && { 'Last-Event-ID': lastEventId }),
  };
  return connect(`${service.origin}/v1/stream`, { headers });
}

/** A client that asks for everything and reads nothing, so that the server's socket fills up. */
async function stalledClient(service: ServiceProcess): Promise<Socket> {
  const { hostname, port } = new URL(service.origin);
  const socket = connectSocket({ host: hostname, port: Number(port) });
  socket.on('error', () => {});
  await once(socket, 'connect');
  socket.pause();
  socket.write(
    `GET /v1/stream HTTP/1.1\r\nHost: ${hostname}\r\nAuthorization: Bearer ${service.token}\r\nLast-Event-ID: 0\r\n\r\n`,
  );
  return socket;
}

/** Resolves when the stalled client has taken what its socket holds: its stream replays, and no more entries leave. */
async function untilBlocked(service: ServiceProcess): Promise<void> {
  let before = 0;
  await eventually(
    async () => {
      const text = await (await fetch(`${service.origin}/metrics`)).text();
      expect(text).toMatch(/^tidings_streams\{state="replaying"\} 1$/m);
      const last = before;
      before = Number(/^tidings_entries_delivered_total\{source="log"\} (\d+)$/m.exec(text)?.[1]);
      return before > 0 && before === last;
    },
    { timeoutMs: 60_000, everyMs: 500 },
  );
}

/** More than loopback sockets hold, so that a client which does not read blocks its stream. */
async function fillFeed(service: ServiceProcess): Promise<void> {
  const body = 'x'.repeat(60_000);
  for (let i = 0; i < 10; i++) {
    await Promise.all(Array.from({ length: 20 }, () => announce(service, 'big', body)));
  }
}

function expectToldToComeBack(stream: SseClient): void {
  const last = stream.events.at(-1)!;
  expect(last.event).toBe('feed.closing');
  expect(JSON.parse(last.data!)).toMatchObject({ reason: 'draining' });
}

/** Whether the process of the lock file is alive: `initdb`, which has one for a while, leaves it behind when it is ended. */
function postgresRuns(service: ServiceProcess): boolean {
  const file = join(service.dataDir, 'postgres', 'data', 'postmaster.pid');
  // Negative: of a server for one session, as `initdb` runs it.
  const pid = existsSync(file) ? Math.abs(parseInt(readFileSync(file, 'utf8'))) : NaN;
  try {
    return pid > 0 && process.kill(pid, 0);
  } catch {
    return false;
  }
}

describe('the end of the service', () => {
  it('is orderly when one Ctrl-C arrives twice, as under npm: streams closed, Postgres stopped, code 0', async () => {
    const service = await startService();
    const open = await watch(service);
    await open.waitFor(({ event }) => event === 'feed.ready');
    expect(postgresRuns(service)).toBe(true);
    service.signal('SIGINT');
    service.signal('SIGINT');
    expect(await service.exited).toMatchObject({ code: 0, signal: null });
    expectToldToComeBack(open);
    expect(await open.closed).toBe('ended');
    expect(postgresRuns(service)).toBe(false);
  });

  it('takes at most 5 s with stalled streams, after readiness has failed', async () => {
    const service = await startService();
    await fillFeed(service);
    const open = await watch(service);
    await open.waitFor(({ event }) => event === 'feed.ready');
    const stalled = await stalledClient(service);
    await untilBlocked(service);

    service.signal('SIGTERM');

    // The stalled stream keeps the drain going for long enough to be seen.
    const report = await eventually(async () => {
      const response = await fetch(`${service.origin}/readyz`);
      expect(response.status).toBe(503);
      return (await response.json()) as { code: string };
    });
    expect(report.code).toBe('draining');
    const exit = await service.exited;
    expect(exit).toMatchObject({ code: 0 });
    expect(exit.tookMs).toBeLessThan(5_000);
    expectToldToComeBack(open);
    expect(await open.closed).toBe('ended');
    expect(postgresRuns(service)).toBe(false);
    stalled.destroy();
  });

  it('leaves no Postgres behind during the start', async () => {
    const service = await spawnService();
    await eventually(() => postgresRuns(service), { timeoutMs: 60_000 });
    const exit = await service.stop('SIGINT');
    expect(exit).toMatchObject({ code: 0 });
    expect(exit.tookMs).toBeLessThan(5_000);
    expect(postgresRuns(service)).toBe(false);
  });

  it('does not come because nobody reads the output', async () => {
    const database = await createTestDatabase();
    const service = await startService({ DATABASE_URL: database.url });
    service.child.stdout!.destroy();
    service.child.stderr!.destroy();
    // The end is told in a line, which nobody takes.
    expect(await service.stop()).toMatchObject({ code: 0 });
    await database.drop();
  });
});

describe('a service that was killed', () => {
  it('restarts on the same data, with the same credentials, and resumes where its clients stopped', async () => {
    const first = await startService();
    const before = await watch(first, '0');
    await announce(first, 'one');
    const seen = await before.waitFor(({ raw }) => raw.includes('"one"'));
    await announce(first, 'two');
    await before.waitFor(({ raw }) => raw.includes('"two"'));
    await first.stop('SIGKILL');
    expect(await before.closed).toBe('broken');
    expect(postgresRuns(first)).toBe(true);

    const second = await startService({ TIDINGS_DATA_DIR: first.dataDir });
    const headers = { Authorization: `Bearer ${first.token}`, 'Last-Event-ID': seen.lastEventId };
    const after = await connect(`${second.origin}/v1/stream`, { headers });
    await announce(second, 'three');
    await after.waitFor(({ raw }) => raw.includes('"three"'));
    const titles = after.events
      .map(({ data }) => JSON.parse(data!) as { title?: string })
      .flatMap(({ title }) => (title === undefined ? [] : [title]));
    expect(titles).toEqual(['two', 'three']);
    expect(await second.stop()).toMatchObject({ code: 0 });
    expect(postgresRuns(second)).toBe(false);
  });
});

describe('a start that cannot succeed', () => {
  it('lists every error in the settings, without a stack', async () => {
    const service = await spawnService({
      PORT: 'x',
      DATABASE_URL: 'mysql://u:hunter2@h/d',
      CORS_ORIGINS: '*',
    });
    expect(await service.exited).toMatchObject({ code: 1 });
    expect(service.stderr.trim().split('\n')).toEqual([
      'Tidings cannot start. These settings are not valid:',
      '  - PORT: must be a whole number from 0 to 65535, is "x"',
      '  - DATABASE_URL: must begin with postgres:// or postgresql://, such as postgres://user:password@localhost:5432/app; is "mysql://u:***@h/d"',
      '  - CORS_ORIGINS: item 1 must not be "*": any page could act for the user. List the origins',
    ]);
    expect(service.stdout).toBe('');
  });

  it('names the invalid export of TIDINGS_TYPES', async () => {
    const service = await spawnService({ TIDINGS_TYPES: './missing.mjs' });
    expect(await service.exited).toMatchObject({ code: 1 });
    expect(service.stderr).toContain(
      `TIDINGS_TYPES: there is no readable file ${join(service.dataDir, 'missing.mjs')}`,
    );
  });

  it('reports the refusal of the database in one line', async () => {
    const url = new URL(process.env['TIDINGS_TEST_PG_URL']!);
    url.pathname = '/no_such_database';
    const service = await spawnService({ DATABASE_URL: url.href });
    expect(await service.exited).toMatchObject({ code: 1 });
    expect(service.stderr).toBe(
      `Tidings cannot start. Postgres at ${url.host}${url.pathname} refused the connection: database "no_such_database" does not exist\n`,
    );
  });

  it('can be ended while it waits for a database', async () => {
    const service = await spawnService({ DATABASE_URL: 'postgres://u:hunter2@127.0.0.1:1/d' });
    await service.says(/attempt 2 of/);
    const exit = await service.stop('SIGINT');
    expect(exit).toMatchObject({ code: 0 });
    expect(exit.tookMs).toBeLessThan(5_000);
    expect(service.stdout + service.stderr).not.toContain('hunter2');
  });
});

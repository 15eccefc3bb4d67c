import { afterEach, describe, expect, it } from '@jest/globals';
import { createServer, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import pg from 'pg';
import { eventually } from './eventually.js';
import { createMigratedDatabase, createTestDatabase, startPostgres } from './postgres.js';
import { startRedis } from './redis.js';
import { connect } from './sse-client.js';
import { SseParser } from './sse-parser.js';
import { describeWith } from './tools.js';

async function rows(url: string, sql: string): Promise<unknown[]> {
  const client = new pg.Client({ connectionString: url, query_timeout: 500 });
  client.on('error', () => {});
  await client.connect();
  try {
    return (await client.query<Record<string, unknown>>(sql)).rows;
  } finally {
    await client.end();
  }
}

describe('createTestDatabase', () => {
  it('gives each caller an empty database of an unprivileged role', async () => {
    const [one, two] = await Promise.all([createTestDatabase(), createTestDatabase()]);
    await rows(one.url, 'CREATE TABLE t (); SELECT 1');
    expect(
      await rows(two.url, `SELECT to_regclass('t') AS t, current_setting('is_superuser') AS su`),
    ).toEqual([{ t: null, su: 'off' }]);
    expect(await rows(one.adminUrl, `SELECT current_setting('is_superuser') AS su`)).toEqual([{ su: 'on' }]);
    await one.drop();
    await two.drop();
    await expect(rows(one.url, 'SELECT 1')).rejects.toMatchObject({ code: '3D000' });
  });
});

describe('createMigratedDatabase', () => {
  it('gives each caller the tables of the log and of BullMQ, and nothing in them', async () => {
    const [one, two] = await Promise.all([createMigratedDatabase(), createMigratedDatabase()]);
    const count =
      'SELECT (SELECT count(*) FROM tidings.installation)::int AS n, (SELECT count(*) FROM bullmq.job)::int AS jobs';
    await rows(one.url, `INSERT INTO tidings.installation (incarnation) VALUES (gen_random_uuid())`);
    expect(await rows(one.url, count)).toEqual([{ n: 1, jobs: 0 }]);
    expect(await rows(two.url, count)).toEqual([{ n: 0, jobs: 0 }]);
    await one.drop();
    await two.drop();
  });
});

describe('startPostgres', () => {
  it('stops, crashes, freezes and goes back to a copy on the same address', async () => {
    const server = await startPostgres();
    try {
      await rows(server.url, 'CREATE TABLE t (n int); INSERT INTO t VALUES (1)');
      await server.stop();
      await expect(rows(server.url, 'SELECT 1')).rejects.toMatchObject({ code: 'ECONNREFUSED' });
      const copy = await server.copy();
      await server.start();
      await rows(server.url, 'INSERT INTO t VALUES (2)');
      await server.restart('immediate');
      expect(await rows(server.url, 'SELECT n FROM t ORDER BY n')).toEqual([{ n: 1 }, { n: 2 }]);

      const client = new pg.Client({ connectionString: server.url, query_timeout: 200 });
      client.on('error', () => {});
      await client.connect();
      await server.pause();
      await expect(client.query('SELECT 1')).rejects.toThrow(/timeout/);
      await server.resume();
      await client.end();

      await server.stop();
      await server.restore(copy);
      await server.start();
      expect(await rows(server.url, 'SELECT n FROM t')).toEqual([{ n: 1 }]);
    } finally {
      await server.stop('immediate');
    }
  });
});

describeWith('redis-server', 'startRedis', () => {
  it('keeps its data over a crash with appendonly, and answers on the same port', async () => {
    const server = await startRedis({ appendonly: true });
    try {
      const { Redis } = await import('ioredis');
      const redis = new Redis(server.url, { retryStrategy: () => 50 });
      redis.on('error', () => {});
      await redis.set('k', 'v');
      await server.kill();
      await server.start();
      expect(await redis.get('k')).toBe('v');
      await server.flushAll();
      expect(await redis.get('k')).toBeNull();
      server.pause();
      const answer = redis.get('k');
      server.resume();
      expect(await answer).toBeNull();
      await redis.quit();
      await expect(startRedis({ port: server.port })).rejects.toThrow(/did not start/);
    } finally {
      await server.stop();
    }
  });
});

describe('SseParser', () => {
  it('reads the stream as browsers do, however it is cut into pieces', () => {
    const text =
      '\uFEFF: hi\r\n\r\nevent: a\rid: 1\rdata:x\rdata:  y\r\rid\n\nid: \0\nretry: 5x\nretry: 12\n\ndata\n\nrest';
    const whole = new SseParser().push(text);
    const parser = new SseParser();
    expect([...text].flatMap((character) => parser.push(character))).toEqual(whole);
    expect(whole).toEqual([
      { event: '', id: null, data: null, retry: null, comments: ['hi'], lastEventId: '', raw: ': hi' },
      {
        event: 'a',
        id: '1',
        data: 'x\n y',
        retry: null,
        comments: [],
        lastEventId: '1',
        raw: 'event: a\nid: 1\ndata:x\ndata:  y',
      },
      { event: '', id: '', data: null, retry: null, comments: [], lastEventId: '', raw: 'id' },
      {
        event: '',
        id: null,
        data: null,
        retry: 12,
        comments: [],
        lastEventId: '',
        raw: 'id: \0\nretry: 5x\nretry: 12',
      },
      { event: '', id: null, data: '', retry: null, comments: [], lastEventId: '', raw: 'data' },
    ]);
  });
});

describe('the SSE client', () => {
  let server: Server;
  afterEach(() => new Promise((resolve) => server.close(resolve)));

  async function serve(handle: (response: ServerResponse) => void): Promise<string> {
    server = createServer((_, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      handle(response);
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  }

  it('distinguishes an orderly end from a broken connection and from its own close', async () => {
    const ended = await connect(await serve((response) => response.end('id: 7\ndata: {}\n\n')));
    expect((await ended.waitFor(({ id }) => id === '7')).data).toBe('{}');
    expect(await ended.closed).toBe('ended');
    await expect(ended.waitFor(({ id }) => id === '8')).rejects.toThrow(/over \(ended\)/);
    server.close();

    const broken = await connect(
      await serve((response) => response.write('data: 1\n\n', () => response.destroy())),
    );
    expect(await broken.closed).toBe('broken');
    server.close();

    const ours = await connect(await serve((response) => response.write(': hb\n\n')));
    await expect(ours.waitFor(({ id }) => id === '8', { timeoutMs: 50 })).rejects.toThrow(/: hb/);
    await ours.close();
    expect(await ours.closed).toBe('closed-by-us');
  });

  it('stops taking bytes while it is paused', async () => {
    let written = 0;
    const client = await connect(
      await serve((response) => {
        const chunk = `data: ${'x'.repeat(65_536)}\n\n`;
        const more = (): void => {
          if (written >= 64e6) return void response.end();
          written += chunk.length;
          if (response.write(chunk)) setImmediate(more);
          else response.once('drain', more);
        };
        more();
      }),
    );
    client.pause();
    let before = -1;
    await eventually(
      () => {
        const still = written === before;
        before = written;
        return still;
      },
      { everyMs: 200 },
    );
    expect(written).toBeLessThan(64e6);
    client.resume();
    expect(await client.closed).toBe('ended');
    expect(client.events).toHaveLength(Math.ceil(64e6 / 65_544));
  });
});

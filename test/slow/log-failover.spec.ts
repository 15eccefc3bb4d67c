import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { LogUnavailableError } from '../../src/contract/errors.js';
import { eventually } from '../support/eventually.js';
import { startPgBouncer, type PgBouncer } from '../support/pgbouncer.js';
import { startPostgres, type PrivatePostgres } from '../support/postgres.js';
import { asSuperuser, disconnect, requireStandby, untilReplicated } from '../support/standby.js';
import { TcpProxy } from '../support/tcp-proxy.js';
import { describeWith } from '../support/tools.js';
import { notification, openLog, type Log } from '../log/open-log.js';

const PATIENT = { timeoutMs: 60_000 };

const feed = { tenant: '', recipient: 'ada' };
let primary: PrivatePostgres;
let standby: PrivatePostgres;
/** The address that leads to the primary, as a virtual IP does. */
let address: TcpProxy;
let url: string;

beforeAll(async () => {
  primary = await startPostgres();
  address = await TcpProxy.start(primary.port);
  const through = new URL(primary.url);
  through.port = String(address.port);
  url = through.href;
  // Migrates; what it knows of the server is from before it had a standby.
  await (await openLog(url)).close();
  standby = await primary.startStandby();
  await requireStandby(primary);
}, 180_000);

afterAll(async () => {
  await address?.close();
  await Promise.all([primary?.stop('immediate'), standby?.stop('immediate')]);
});

const append = async (log: Log) => (await log.append([notification('ada')]))[0]!;

/** In an orderly way: the former primary has nothing that the new one lacks, and follows it. The address still leads to it. */
async function switchOver(): Promise<void> {
  await primary.stop();
  await standby.promote();
  await primary.follow(standby);
  await primary.start();
  [primary, standby] = [standby, primary];
}

// The later tests go on with the servers that this one leaves.
describeWith('pgbouncer', 'A database behind a pooler that fails over to a standby', () => {
  let pooler: PgBouncer;
  let log: Log;

  beforeAll(async () => {
    pooler = await startPgBouncer(url);
    log = await openLog(pooler.url);
  }, 60_000);
  afterAll(async () => {
    await log?.close();
    await pooler?.stop();
  });

  it('is unavailable while sessions are read-only, and continues when the pooler reaches the primary', async () => {
    const before = await append(log);
    await switchOver();
    await eventually(async () => {
      const error = await append(log).catch((problem: unknown) => problem);
      expect(error).toBeInstanceOf(LogUnavailableError);
      expect((error as Error).message).toMatch(/read-only|recovery|standby/);
    }, PATIENT);
    address.target = primary.port;
    // Its own connection to the former primary would last as long as that does.
    await asSuperuser(standby, (client) =>
      client.query(`SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'tidings'`),
    );
    const after = await eventually(() => append(log), PATIENT);
    expect([after.epoch, after.seq]).toEqual([before.epoch, before.seq + 1]);
  }, 180_000);
});

describe('A database that fails over to a standby', () => {
  let writer: Log;
  let reader: Log;

  beforeAll(async () => {
    await requireStandby(primary);
    [writer, reader] = await Promise.all([openLog(url), openLog(url)]);
  }, 120_000);

  afterAll(async () => {
    await Promise.all([writer?.close(), reader?.close()]);
  });

  const epochOf = async (log: Log) => (await eventually(() => log.reader.open(feed), PATIENT)).epoch;

  /** Each of the next queries opens a connection. */
  async function reconnect({ database: { pool } }: Log): Promise<void> {
    const clients = await Promise.all(Array.from({ length: 3 }, () => pool.connect()));
    for (const client of clients) client.release(true);
  }

  it('is unavailable while the address leads to the former primary, and keeps its cursors afterwards', async () => {
    const before = await append(writer);
    await switchOver();
    await expect(append(writer)).rejects.toThrow(LogUnavailableError);
    await expect(append(writer)).rejects.toThrow('hot standby');
    address.target = primary.port;
    const after = await eventually(() => append(writer), PATIENT);
    expect([after.epoch, after.seq]).toEqual([before.epoch, before.seq + 1]);
    expect(await epochOf(reader)).toBe(before.epoch);
  }, 180_000);

  it('keeps its cursors when the primary crashes and commits waited for the standby', async () => {
    await requireStandby(primary);
    // Both learn that.
    for (const log of [writer, reader]) await reconnect(log);
    await epochOf(reader);
    const before = await append(writer);
    await primary.stop('immediate');
    await standby.promote();
    [primary, standby] = [standby, primary];
    address.target = primary.port;
    const after = await eventually(() => append(writer), PATIENT);
    expect([after.epoch, after.seq]).toEqual([before.epoch, before.seq + 1]);
    // The control file has the new timeline from here on, and not before.
    await asSuperuser(primary, (client) => client.query('CHECKPOINT'));
    const later = await openLog(url);
    for (const log of [reader, writer, later]) {
      await reconnect(log);
      expect(await epochOf(log)).toBe(before.epoch);
    }
    await later.close();
  }, 180_000);

  it('gets new epochs when the standby ends before what a process saw flushed, which had written nothing', async () => {
    standby = await primary.startStandby();
    await requireStandby(primary);
    const { epoch } = await append(writer);
    const idle = await openLog(url);
    expect(await epochOf(idle)).toBe(epoch);
    await disconnect(standby, primary);
    // Commits wait for the standby, but for those of a session that does not want it.
    await asSuperuser(primary, async (client) => {
      await client.query('SET synchronous_commit = local');
      await client.query('CREATE TABLE lost AS SELECT generate_series(1, 1000)');
    });
    await reconnect(idle);
    await primary.stop('immediate');
    await standby.promote();
    [primary, standby] = [standby, primary];
    address.target = primary.port;
    expect(await epochOf(idle)).not.toBe(epoch);
    await idle.close();
  }, 180_000);

  it('gets new epochs when the standby lacks a commit', async () => {
    standby = await primary.startStandby();
    await requireStandby(primary);
    await reconnect(writer);
    const before = await append(writer);
    await asSuperuser(primary, async (client) => {
      await client.query(`ALTER SYSTEM SET synchronous_standby_names = ''`);
      await client.query('SELECT pg_reload_conf()');
    });
    await untilReplicated(primary, 'async');
    await disconnect(standby, primary);
    const lost = await append(writer);
    expect([lost.epoch, lost.seq]).toEqual([before.epoch, before.seq + 1]);
    await primary.stop('immediate');
    await standby.promote();
    [primary, standby] = [standby, primary];
    address.target = primary.port;
    const after = await eventually(() => append(writer), PATIENT);
    expect(after.seq).toBe(lost.seq);
    expect(after.epoch).not.toBe(lost.epoch);
    expect(await epochOf(reader)).toBe(after.epoch);
  }, 180_000);
});

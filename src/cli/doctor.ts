import { Client } from 'pg';
import type { PostgresAddress } from '../contract/options/connections.js';
import { postgresAddress, redisAddress } from '../platform/addresses.js';
import { resolveOptions } from '../contract/options/options.js';
import { assertMigrated } from '../log/migrations/migrator.js';
import { bullmqProblem } from './bullmq-schema.js';
import { canaryThroughHouse } from './canary.js';
import { readOptions, text, type Flags } from './options.js';
import { say, type Print } from './print.js';
import { canaryThroughProxy } from './proxy-canary.js';
import { readProxy } from './proxy.js';
import { redisVersion } from './redis-version.js';

const ANSWER_MS = 5_000;
const LISTEN_MS = 2_000;
const MAX_CLOCK_SKEW_MS = 2_000;

/**
 * `tidings doctor`: looks at everything on the way of a notification, each thing by itself, and sends a canary through all of it. Ends with 1 if something
 * is wrong.
 */
export async function doctorCommand(
  flags: Flags,
  _args: readonly string[],
  print: Print = say,
): Promise<void> {
  const proxy = readProxy(flags);
  let faults = 0;
  const look = async (what: string, check: () => Promise<string>): Promise<boolean> => {
    try {
      print(`ok     ${what}: ${await check()}`);
      return true;
    } catch (error) {
      faults += 1;
      const reason = error instanceof Error && error.message !== '' ? error.message : String(error);
      print(`FAULT  ${what}: ${reason}`);
      return false;
    }
  };

  const options = await readOptions(flags);
  const { database, redis } = resolveOptions(options);
  const address = postgresAddress(database);
  let sound = await look('Postgres', () => postgresVersion(address));
  if (sound) {
    sound = await look('tables', async () => {
      await assertMigrated(address, database.schema);
      const problem = redis ? null : await bullmqProblem(address);
      if (problem) throw new Error(problem);
      return 'up to date';
    });
    await look('clock', () => clockSkew(address));
    if (!redis) await look('LISTEN', () => listens(address));
  }
  if (redis) sound = (await look('Redis', () => redisVersion(redisAddress(redis)))) && sound;
  if (sound) await look('canary', () => canaryThroughHouse(options));
  if (sound && proxy) {
    await look(`canary through ${text(flags, 'url')}`, () => canaryThroughProxy(options, proxy));
  }
  if (faults > 0) throw new Error(`${faults} ${faults === 1 ? 'fault' : 'faults'}.`);
}

async function postgresVersion(address: PostgresAddress): Promise<string> {
  return onPostgres(address, async (client) => {
    const { rows } = await client.query<{ version: string; number: number }>(
      `SELECT current_setting('server_version') AS version, current_setting('server_version_num')::int AS number`,
    );
    const { version, number } = rows[0]!;
    if (number < 140_000) throw new Error(`it is ${version}, and must be 14 or newer`);
    return version;
  });
}

async function clockSkew(address: PostgresAddress): Promise<string> {
  return onPostgres(address, async (client) => {
    const before = Date.now();
    const { rows } = await client.query<{ now: number }>(
      `SELECT (extract(epoch FROM clock_timestamp()) * 1000)::float8 AS now`,
    );
    const middle = (before + Date.now()) / 2;
    const skew = Math.round(rows[0]!.now - middle);
    if (Math.abs(skew) > MAX_CLOCK_SKEW_MS) {
      throw new Error(
        `this machine and the database are ${skew} ms apart: expiries and deliverAt will be off; run NTP`,
      );
    }
    return `${Math.abs(skew)} ms beside the database's`;
  });
}

/** A pooler in transaction mode gives the session of a LISTEN to somebody else, and its notifications to nobody. */
async function listens(address: PostgresAddress): Promise<string> {
  return onPostgres(address, (listener) =>
    onPostgres(address, async (notifier) => {
      const channel = `tidings_doctor_${process.pid}`;
      const heard = new Promise<boolean>((resolve) => {
        listener.on('notification', () => resolve(true));
        setTimeout(() => resolve(false), LISTEN_MS).unref();
      });
      await listener.query(`LISTEN ${channel}`);
      await notifier.query(`NOTIFY ${channel}`);
      if (await heard) return 'notifications arrive';
      throw new Error(
        `a NOTIFY did not arrive within ${LISTEN_MS} ms: this address leads through a pooler in transaction mode (PgBouncer); ` +
          'give the address of Postgres itself, or a pooler in session mode',
      );
    }),
  );
}

async function onPostgres<T>(address: PostgresAddress, use: (client: Client) => Promise<T>): Promise<T> {
  const client = new Client({ ...address, connectionTimeoutMillis: ANSWER_MS, query_timeout: ANSWER_MS });
  // What breaks is told by the statement.
  client.on('error', () => {});
  await client.connect();
  try {
    return await use(client);
  } finally {
    await client.end();
  }
}

import { Client } from 'pg';
import { runMigrations } from 'bullmq';
import { directPostgresAddress, postgresAddress } from '../platform/addresses.js';
import { resolveOptions } from '../contract/options/options.js';
import { ownSession } from '../jobs/queue/postgres-backend.js';
import { SCHEMA_VERSION } from '../log/migrations/index.js';
import { assertMigrated, migrate, migrationSql } from '../log/migrations/migrator.js';
import { BULLMQ_VERSION, bullmqProblem, bullmqSql, queueSql } from './bullmq-schema.js';
import { queueName, readOptions, text, type Flags } from './options.js';
import { say, type Print } from './print.js';
import { UsageError } from './usage.error.js';

/** `tidings migrate`: updates the tables, checks whether they are up to date, or prints the SQL. */
export async function migrateCommand(
  flags: Flags,
  _args: readonly string[],
  print: Print = say,
): Promise<void> {
  if (flags['print']) return printSql(flags, print);
  for (const name of ['from', 'bullmq-from']) {
    if (flags[name] !== undefined) throw new UsageError(`--${name} goes with --print.`);
  }
  const { database, redis, queue } = resolveOptions(await readOptions(flags));
  const address = postgresAddress(database);
  const direct = directPostgresAddress(database);
  if (flags['check']) {
    await assertMigrated(address, database.schema);
    const problem = redis ? null : await bullmqProblem(direct);
    if (problem) throw new Error(problem);
    print('The tables are up to date.');
    return;
  }
  await migrate(address, database.schema);
  if (!redis) {
    const client = new Client({ ...ownSession(direct), connectionTimeoutMillis: 10_000 });
    await client.connect();
    try {
      await runMigrations(client, 'bullmq');
      for (const statement of queueSql(queue.name)) await client.query(statement);
    } finally {
      await client.end();
    }
  }
  print(`The tables are up to date: schema "${database.schema}"${redis ? '' : ' and "bullmq"'}.`);
}

/**
 * Prints the SQL without connecting, for a DBA or another migration tool. It is for an empty database, unless
 * versions are given: then for an upgrade from them, without the part whose version is not given.
 */
async function printSql(flags: Flags, print: Print): Promise<void> {
  const schema = text(flags, 'schema') ?? 'tidings';
  const onRedis = Boolean(text(flags, 'redis-url') ?? process.env['REDIS_URL']);
  const upgrades = flags['from'] !== undefined || flags['bullmq-from'] !== undefined;
  const from = versionOf(flags, 'from', SCHEMA_VERSION);
  const bullmqFrom = versionOf(flags, 'bullmq-from', BULLMQ_VERSION);
  if (bullmqFrom !== undefined && onRedis) throw new UsageError('--bullmq-from is for a queue on Postgres.');

  const ours = upgrades && from === undefined ? [] : await migrationSql(schema, from);
  const bullmq = onRedis || (upgrades && bullmqFrom === undefined) ? [] : await bullmqSql(bullmqFrom);
  print(`-- Tidings. All of it in one transaction.\nBEGIN;`);
  if (ours.length > 0) print(`\n-- The schema "${schema}", ${whence(from)}.`);
  for (const statement of ours) print(terminated(statement));
  if (bullmq.length > 0) {
    print(
      `\n-- BullMQ, ${whence(bullmqFrom)}: the queue on Postgres. With the queue on Redis (REDIS_URL) it is left out.`,
    );
    for (const statement of [...bullmq, ...queueSql(queueName(flags) ?? 'tidings')]) {
      print(terminated(statement));
    }
  }
  print('COMMIT;');
}

/** A version that can be upgraded. */
function versionOf(flags: Flags, name: string, current: number): number | undefined {
  const given = text(flags, name);
  if (given === undefined) return undefined;
  const version = Number(given);
  if (!/^\d+$/.test(given) || version >= current) {
    const there = `a version from 0 to ${current - 1}; ${current} is the current one`;
    throw new UsageError(`--${name} must be ${there}, is ${JSON.stringify(given)}.`);
  }
  return version;
}

function whence(from = 0): string {
  return from === 0 ? 'for an empty database' : `from version ${from} on`;
}

function terminated(statement: string): string {
  const trimmed = statement.trim();
  return trimmed.endsWith(';') ? trimmed : `${trimmed};`;
}

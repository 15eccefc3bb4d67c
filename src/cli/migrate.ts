import { Client } from 'pg';
import { runMigrations } from 'bullmq';
import { postgresAddress } from '../contract/connections.js';
import { resolveOptions } from '../contract/options.js';
import { assertMigrated, migrate, migrationSql } from '../log/migrator.js';
import { bullmqProblem, bullmqSql } from './bullmq-schema.js';
import { readOptions, text, type Flags } from './options.js';
import { say, type Print } from './print.js';

/** `tidings migrate`: brings the tables up to date, says whether they are, or prints what would. */
export async function migrateCommand(
  flags: Flags,
  _args: readonly string[],
  print: Print = say,
): Promise<void> {
  if (flags['print']) {
    // Without a database: for a DBA, or a tool with a history of its own.
    const schema = text(flags, 'schema') ?? 'tidings';
    print(`-- Tidings, for an empty database. All of it in one transaction.\nBEGIN;`);
    for (const statement of await migrationSql(schema)) print(terminated(statement));
    if (!(text(flags, 'redis-url') ?? process.env['REDIS_URL'])) {
      print('\n-- BullMQ: the queue on Postgres. With the queue on Redis (REDIS_URL) it is left out.');
      for (const statement of await bullmqSql()) print(terminated(statement));
    }
    print('COMMIT;');
    return;
  }
  const { database, redis } = resolveOptions(await readOptions(flags));
  const address = postgresAddress(database);
  if (flags['check']) {
    await assertMigrated(address, database.schema);
    const problem = redis ? null : await bullmqProblem(address);
    if (problem) throw new Error(problem);
    print('The tables are up to date.');
    return;
  }
  await migrate(address, database.schema);
  if (!redis) {
    const client = new Client({ ...address, connectionTimeoutMillis: 10_000 });
    await client.connect();
    try {
      await runMigrations(client, 'bullmq');
    } finally {
      await client.end();
    }
  }
  print(`The tables are up to date: schema "${database.schema}"${redis ? '' : ' and "bullmq"'}.`);
}

function terminated(statement: string): string {
  const trimmed = statement.trim();
  return trimmed.endsWith(';') ? trimmed : `${trimmed};`;
}

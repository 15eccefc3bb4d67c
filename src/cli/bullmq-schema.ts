import { runMigrations } from 'bullmq';
import { Client } from 'pg';
import type { PostgresAddress } from '../contract/connections.js';

const SCHEMA = 'bullmq';

/** What BullMQ runs on an empty database, in order. It is asked to migrate one that only listens. */
export async function bullmqSql(): Promise<string[]> {
  const statements: string[] = [];
  const recorder = {
    query: (query: string, values: readonly unknown[] = []): Promise<{ rows: object[] }> => {
      if (!/^\s*(BEGIN|COMMIT|SELECT\s+COALESCE|SELECT\s+pg_advisory)/i.test(query)) {
        statements.push(withValues(query, values));
      }
      return Promise.resolve({ rows: [{ version: 0, min_client_version: 0 }] });
    },
  };
  await runMigrations(recorder as unknown as Client, SCHEMA, { skipVersionCheck: true });
  return statements.filter((statement) => !/^\s*SELECT/i.test(statement));
}

/** What is wrong with BullMQ's tables, or `null`. */
export async function bullmqProblem(address: PostgresAddress): Promise<string | null> {
  const client = new Client({ ...address, connectionTimeoutMillis: 5_000 });
  await client.connect();
  try {
    const { rows } = await client.query<{ found: boolean }>(
      `SELECT to_regclass('"${SCHEMA}".migration') IS NOT NULL AS found`,
    );
    return rows[0]?.found
      ? null
      : 'BullMQ\'s tables (schema "bullmq") are missing: run "npx tidings migrate".';
  } finally {
    await client.end();
  }
}

function withValues(query: string, values: readonly unknown[]): string {
  return query.replace(/\$(\d+)/g, (_, place: string) => {
    const value = values[Number(place) - 1];
    return typeof value === 'number' ? String(value) : `'${String(value).replaceAll("'", "''")}'`;
  });
}

import {
  assertSchemaCompatibility,
  LATEST_SCHEMA_VERSION,
  runMigrations,
  SchemaMigrationRequiredError,
} from 'bullmq';
import { Client } from 'pg';
import type { PostgresAddress } from '../contract/options/connections.js';
import { ownSession } from '../jobs/queue/postgres-backend.js';
import { escalationsQueue } from '../jobs/after/escalations.js';

const SCHEMA = 'bullmq';

/** BullMQ's version of its tables. */
export const BULLMQ_VERSION = LATEST_SCHEMA_VERSION;

/** What BullMQ runs on a database with this version of its tables, in order. It is asked to migrate one that only listens. */
export async function bullmqSql(from = 0): Promise<string[]> {
  const statements: string[] = [];
  const recorder = {
    query: (query: string, values: readonly unknown[] = []): Promise<{ rows: object[] }> => {
      if (!/^\s*(BEGIN|COMMIT|SELECT\s+COALESCE|SELECT\s+pg_advisory)/i.test(query)) {
        statements.push(withValues(query, values));
      }
      return Promise.resolve({ rows: [{ version: from, min_client_version: 0 }] });
    },
  };
  await runMigrations(recorder as unknown as Client, SCHEMA, { skipVersionCheck: true });
  return statements.filter((statement) => !/^\s*SELECT/i.test(statement));
}

/**
 * Makes what BullMQ would otherwise make when the first job is added, for which the application's role would need CREATE: each queue's sequence. Adding no
 * jobs at all, which BullMQ's own function does in this form, leaves nothing else behind.
 */
export function queueSql(queue: string): string[] {
  return [queue, escalationsQueue(queue)].map(
    (name) => `SELECT count(*) FROM "${SCHEMA}".add_jobs_bulk('${name.replaceAll("'", "''")}', '[]')`,
  );
}

/** What is wrong with BullMQ's tables, or `null`. */
export async function bullmqProblem(address: PostgresAddress): Promise<string | null> {
  const client = new Client({ ...ownSession(address), connectionTimeoutMillis: 5_000 });
  await client.connect();
  try {
    const version = await assertSchemaCompatibility(client, SCHEMA);
    return version >= BULLMQ_VERSION
      ? null
      : `BullMQ's tables (schema "bullmq") have version ${version}, the installed BullMQ needs ${BULLMQ_VERSION}: run "npx tidings migrate".`;
  } catch (error) {
    if (!(error instanceof SchemaMigrationRequiredError)) throw error;
    return 'BullMQ\'s tables (schema "bullmq") are missing: run "npx tidings migrate".';
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

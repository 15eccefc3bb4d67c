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

/** The version of BullMQ's schema. */
export const BULLMQ_VERSION = LATEST_SCHEMA_VERSION;

/** The statements that BullMQ runs on a schema of this version, in order, recorded by migrating with a fake client. */
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
 * Creates the sequence of each queue, which BullMQ would otherwise create with the first job, and for which
 * the application's role would need CREATE. BullMQ's own function does so when it adds an empty list of jobs,
 * and leaves nothing else behind.
 */
export function queueSql(queue: string): string[] {
  return [queue, escalationsQueue(queue)].map(
    (name) => `SELECT count(*) FROM "${SCHEMA}".add_jobs_bulk('${name.replaceAll("'", "''")}', '[]')`,
  );
}

/** The problem of BullMQ's tables, or `null`. */
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

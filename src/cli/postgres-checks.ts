import { Client } from 'pg';
import type { PostgresAddress } from '../contract/options/connections.js';
import { ownSession } from '../jobs/queue/postgres-backend.js';
import { lookAtSession } from '../platform/postgres/session.js';

const ANSWER_MS = 5_000;
const LISTEN_MS = 2_000;
const MAX_CLOCK_SKEW_MS = 2_000;
const DIRECT =
  'set DATABASE_DIRECT_URL (--database-direct-url, database.directUrl) to the address of Postgres itself';

/** Defaults of the server, the database or the role that cost speed. */
export async function sessionDefaults(address: PostgresAddress): Promise<string> {
  const { unfit } = await onPostgres(address, lookAtSession);
  if (unfit.length === 0) return 'suitable';
  const settings = unfit.map(({ name, value }) => `${name} = ${JSON.stringify(value)}`).join(', ');
  return `${settings}: each statement overrides them, which costs two more round trips; ALTER ROLE ... SET avoids that`;
}

interface Missing {
  readonly right: string;
  readonly object: string;
}

/**
 * Parameters: the schemas; whether BullMQ is in one of them. Result: the privileges that a role without
 * migrations needs but lacks.
 */
const MISSING_RIGHTS = `
  SELECT p.name AS right, n.nspname || '.' || c.relname AS object
    FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
    CROSS JOIN (VALUES ('SELECT'), ('INSERT'), ('UPDATE'), ('DELETE')) AS p (name)
   WHERE n.nspname = ANY ($1::text[]) AND c.relkind IN ('r', 'p') AND c.relname NOT IN ('migration', 'schema_version')
     AND pg_catalog.has_schema_privilege(n.oid, 'USAGE') AND NOT pg_catalog.has_table_privilege(c.oid, p.name)
  UNION ALL
  SELECT 'USAGE', 'sequence ' || n.nspname || '.' || c.relname
    FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
   WHERE $2 AND n.nspname = 'bullmq' AND pg_catalog.has_schema_privilege(n.oid, 'USAGE')
     -- In one expression: the planner is free to look at what is no sequence first, which is an error.
     AND CASE WHEN c.relkind = 'S' THEN NOT pg_catalog.has_sequence_privilege(c.oid, 'USAGE') END
  UNION ALL
  SELECT 'EXECUTE', 'function ' || n.nspname || '.' || f.proname
    FROM pg_catalog.pg_proc f JOIN pg_catalog.pg_namespace n ON n.oid = f.pronamespace
   WHERE n.nspname = ANY ($1::text[])
     AND pg_catalog.has_schema_privilege(n.oid, 'USAGE') AND NOT pg_catalog.has_function_privilege(f.oid, 'EXECUTE')
  UNION ALL
  SELECT 'USAGE', 'schema ' || n.nspname
    FROM pg_catalog.pg_namespace n
   WHERE n.nspname = ANY ($1::text[]) AND NOT pg_catalog.has_schema_privilege(n.oid, 'USAGE')
  UNION ALL
  SELECT 'TEMPORARY', 'database ' || pg_catalog.current_database()
   WHERE $2 AND NOT pg_catalog.has_database_privilege(pg_catalog.current_database(), 'TEMPORARY')
   ORDER BY 2, 1`;

/** Checks the role's privileges on existing tables. */
export async function rights(address: PostgresAddress, schema: string, withQueue: boolean): Promise<string> {
  const schemas = withQueue ? [schema, 'bullmq'] : [schema];
  return onPostgres(address, async (client) => {
    const { rows: missing } = await client.query<Missing>(MISSING_RIGHTS, [schemas, withQueue]);
    if (missing.length > 0) {
      const named = missing.slice(0, 5).map(({ right, object }) => `${right} on ${object}`);
      const more = missing.length > 5 ? ` and ${missing.length - 5} more` : '';
      throw new Error(
        `the role lacks ${named.join(', ')}${more}: GRANT USAGE ON SCHEMA ${schemas.join(', ')}, ` +
          `SELECT, INSERT, UPDATE, DELETE ON ALL TABLES${withQueue ? ' and USAGE ON ALL SEQUENCES' : ''} in them`,
      );
    }
    const { rows } = await client.query<{ granted: boolean }>(
      `SELECT pg_catalog.has_function_privilege('pg_catalog.pg_control_system()', 'EXECUTE') AS granted`,
    );
    return rows[0]!.granted
      ? 'complete'
      : 'all that are needed; without EXECUTE on pg_control_system() some restores are not detected';
  });
}

/** Checks whether BullMQ's sessions get the settings that they request at the start. */
export async function queueSessions(address: PostgresAddress): Promise<string> {
  const fix = `${DIRECT} (BullMQ's sessions have settings of their own)`;
  const path = await onPostgres(ownSession(address), async (client) => {
    const { rows } = await client.query<{ search_path: string }>('SHOW search_path');
    return rows[0]!.search_path;
  }).catch((error: Error) => {
    if (!/startup parameter/.test(error.message)) throw error;
    throw new Error(`a pooler refuses the parameter "options" (${error.message}): ${fix}`);
  });
  if (path === 'bullmq') return 'settings are kept';
  throw new Error(`a pooler ignores the parameter "options" (search_path is ${path}): ${fix}`);
}

export async function clockSkew(address: PostgresAddress): Promise<string> {
  return onPostgres(address, async (client) => {
    const before = Date.now();
    const { rows } = await client.query<{ now: string }>(
      `SELECT (extract(epoch FROM pg_catalog.clock_timestamp()) * 1000)::bigint AS now`,
    );
    const middle = (before + Date.now()) / 2;
    const skew = Math.round(Number(rows[0]!.now) - middle);
    if (Math.abs(skew) > MAX_CLOCK_SKEW_MS) {
      throw new Error(
        `this machine and the database are ${skew} ms apart: expiries and deliverAt will be off; run NTP`,
      );
    }
    return `${Math.abs(skew)} ms off the database's`;
  });
}

/**
 * A pooler in transaction mode reassigns the session of a LISTEN, so its notifications are lost.
 *
 * @param direct Where a process listens.
 * @param address Where it notifies: of the same database, or nothing arrives either.
 */
export async function listens(direct: PostgresAddress, address: PostgresAddress): Promise<string> {
  return onPostgres(direct, (listener) =>
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
        `a NOTIFY did not arrive within ${LISTEN_MS} ms: the address leads through a pooler in transaction mode (PgBouncer), or ` +
          `DATABASE_URL and DATABASE_DIRECT_URL lead to two databases; ${DIRECT}`,
      );
    }),
  );
}

async function onPostgres<T>(address: PostgresAddress, use: (client: Client) => Promise<T>): Promise<T> {
  const client = new Client({ ...address, connectionTimeoutMillis: ANSWER_MS, query_timeout: ANSWER_MS });
  // The failing statement reports a broken connection.
  client.on('error', () => {});
  await client.connect();
  try {
    return await use(client);
  } finally {
    await client.end();
  }
}

import { InvalidRequestError } from '../../contract/errors.js';
import type { JobData } from '../../contract/model/job.js';
import type { Transaction } from '../../contract/model/notify.js';
import type { Outbox, OutboxRow } from '../../contract/ports/outbox.js';
import type { Tracing } from '../../contract/ports/tracing.js';

/** The identity of a database: its name, its oid and the start of its server, which can be read without special rights. */
const IDENTITY = `pg_catalog.current_database() || '/'
  || (SELECT d.oid FROM pg_catalog.pg_database d WHERE d.datname = pg_catalog.current_database())
  || '/' || extract(epoch FROM pg_catalog.pg_postmaster_start_time())`;

const OWN_IDENTITY = `SELECT ${IDENTITY} AS identity`;

/**
 * Inspects a transaction before its first insert. Parameters: the schema. Result: the identity of its database, its number (`null` on a
 * standby), whether it may insert. It never fails: it looks the table up in the catalogue, because a missing or forbidden table would be an
 * error, and an error aborts the caller's transaction.
 */
const LOOK = `
  SELECT ${IDENTITY} AS identity,
         CASE WHEN NOT pg_catalog.pg_is_in_recovery() THEN pg_catalog.pg_current_xact_id()::text END AS xid,
         pg_catalog.current_setting('transaction_read_only') = 'off' AND coalesce((
           SELECT pg_catalog.has_schema_privilege(n.oid, 'USAGE') AND pg_catalog.has_table_privilege(c.oid, 'INSERT')
                  AND pg_catalog.has_column_privilege(c.oid, 'id', 'SELECT')
             FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
            WHERE n.nspname = $1::text AND c.relname = 'outbox'), false) AS writable`;

interface Look {
  identity: string;
  xid: string | null;
  writable: boolean;
}

/** Runs statements outside a transaction, on the database of the log. */
export interface HomeDatabase {
  query(text: string): Promise<unknown>;
}

/**
 * Writes rows of the outbox in a caller's transaction. All values are strings, and the row is one JSON string: every driver and every ORM can
 * send those.
 */
export class PostgresOutbox implements Outbox {
  private home: string | null = null;
  /** Shared by concurrent transactions. */
  private reading: Promise<string> | null = null;
  /** The numbers of known transactions: a second notification takes one statement only. */
  private readonly seen = new WeakMap<Transaction, string>();
  private readonly insert: string;
  private readonly insertTraced: string;

  constructor(
    private readonly database: HomeDatabase,
    private readonly schema: string,
    private readonly tracing: Tracing | null = null,
  ) {
    // The number proves that this is still the same transaction: without one, each statement would be its own, and nothing would be atomic.
    this.insert = this.insertWith('');
    // Alone, so that a producer without traces does not need a schema that has the column.
    this.insertTraced = this.insertWith('trace_context');
  }

  private insertWith(more: '' | 'trace_context'): string {
    const column = (prefix: string): string => (more === '' ? '' : `, ${prefix}${more}`);
    return `
      INSERT INTO "${this.schema}".outbox
        (id, type, recipients, audience, tenant, data, version, dedupe_key, deliver_at, expires_at, collapse_key${column('')})
      SELECT r.id, r.type, r.recipients, r.audience, r.tenant, r.data, r.version, r.dedupe_key, r.deliver_at, r.expires_at, r.collapse_key${column('r.')}
        FROM pg_catalog.json_to_record($1::text::json) AS r (id uuid, type text, recipients text[], audience text, tenant text, data json,
             version integer, dedupe_key text, deliver_at timestamptz, expires_at timestamptz, collapse_key text, trace_context json)
       WHERE pg_catalog.pg_current_xact_id()::text = $2::text
      RETURNING id::text AS id`;
  }

  /** Reads the database's identity, so that no transaction has to wait for it. */
  async prepare(): Promise<void> {
    this.home = await this.readHome();
  }

  async stage(tx: Transaction, row: OutboxRow): Promise<void> {
    refuseUnusable(tx);
    const trace = this.tracing?.active() ?? undefined;
    const json = JSON.stringify({ ...columnsOf(row), trace_context: trace });
    const insert = trace ? this.insertTraced : this.insert;
    const known = this.seen.get(tx);
    if (known !== undefined && (await this.write(tx, insert, json, known))) return;
    const xid = await this.look(tx);
    if (!(await this.write(tx, insert, json, xid))) {
      refuse(
        'is no transaction: each statement runs in its own. Pass the client that your library gives to the transaction',
      );
    }
    this.seen.set(tx, xid);
  }

  /** @returns The transaction's number. */
  private async look(tx: Transaction): Promise<string> {
    const [seen] = rowsOf(await tx.query(LOOK, [this.schema])) as unknown as Look[];
    if (!seen) refuse('returned no rows: its query() must return them, or an object with `rows`');
    // A restart changes the identity of a server; so our own is read again before a transaction is refused.
    if (seen.identity !== this.home) this.home = await this.readHome();
    if (seen.identity !== this.home) {
      refuse(`is on another database (${nameOf(seen)}) than the log (${nameOf({ identity: this.home })})`);
    }
    if (!seen.writable || seen.xid === null)
      refuse(
        `may not insert into ${this.schema}.outbox, or the table is missing: grant INSERT and SELECT (id)`,
      );
    return seen.xid;
  }

  private async write(tx: Transaction, insert: string, json: string, xid: string): Promise<boolean> {
    return rowsOf(await tx.query(insert, [json, xid])).length === 1;
  }

  private readHome(): Promise<string> {
    this.reading ??= this.database
      .query(OWN_IDENTITY)
      .then((result) => (rowsOf(result) as unknown as Look[])[0]!.identity)
      .finally(() => (this.reading = null));
    return this.reading;
  }
}

function columnsOf({ id, type, data }: OutboxRow): Record<string, unknown> {
  return {
    id,
    type,
    ...targetColumns(data.to),
    tenant: data.tenant ?? '',
    data: data.data,
    version: data.version,
    dedupe_key: data.dedupeKey,
    deliver_at: data.deliverAt,
    expires_at: data.expiresAt,
    collapse_key: data.collapseKey,
  };
}

function targetColumns(to: JobData['to']): { recipients?: string[]; audience?: string } {
  if (typeof to === 'string') return { recipients: [to] };
  return Array.isArray(to) ? { recipients: to } : to;
}

/** TypeORM and Prisma return the rows; pg, Knex and Drizzle return an object with them. */
function rowsOf(result: unknown): Record<string, unknown>[] {
  const rows: unknown = Array.isArray(result) ? result : (result as { rows?: unknown } | null)?.rows;
  return Array.isArray(rows) ? (rows as Record<string, unknown>[]) : [];
}

function nameOf({ identity }: Pick<Look, 'identity'>): string {
  const [database, , startedAt] = identity.split('/');
  return `${database} of the server started at ${new Date(Number(startedAt) * 1_000).toISOString()}`;
}

function refuseUnusable(tx: Transaction): void {
  if (typeof (tx as Partial<Transaction> | null)?.query === 'function') return;
  refuse(
    'must have query(text, values); for Prisma, Drizzle and Knex use fromPrisma, fromDrizzle and fromKnex',
  );
}

function refuse(problem: string): never {
  throw new InvalidRequestError([{ field: 'tx', problem }]);
}

import { InvalidRequestError } from '../../contract/errors.js';
import type { Transaction } from '../../contract/model/notify.js';
import type { Outbox, OutboxRow } from '../../contract/ports/outbox.js';

/** Which database this is: of which server, since when it runs, so that no special rights are needed to tell two servers apart. */
const IDENTITY = `pg_catalog.current_database() || '/'
  || (SELECT d.oid FROM pg_catalog.pg_database d WHERE d.datname = pg_catalog.current_database())
  || '/' || extract(epoch FROM pg_catalog.pg_postmaster_start_time())`;

const OWN_IDENTITY = `SELECT ${IDENTITY} AS identity`;

/**
 * Looks at a transaction before anything is done in it. Parameters: the schema. Result: which database it is on, its number (`null` on a
 * standby), whether it may insert. Never fails: the table is looked up in the catalogue, because one that is not there, or not allowed,
 * would be an error, and an error ends the caller's transaction.
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

/** Statements outside of any transaction, on the database that holds the log. */
export interface HomeDatabase {
  query(text: string): Promise<unknown>;
}

/**
 * The outbox in the log's database, as a caller's transaction sees it. All values go in as texts, and the row as one JSON text: what
 * every driver and every ORM can send.
 */
export class PostgresOutbox implements Outbox {
  private home: string | null = null;
  /** The numbers of transactions seen last: a second notification costs one statement. */
  private readonly seen = new WeakMap<Transaction, string>();
  private readonly insert: string;

  constructor(
    private readonly database: HomeDatabase,
    private readonly schema: string,
  ) {
    // The number says that this is still the same transaction: without one, each statement would be its own, and all or nothing a lie.
    this.insert = `
      INSERT INTO "${schema}".outbox
        (id, type, recipients, tenant, data, version, dedupe_key, deliver_at, expires_at, collapse_key)
      SELECT r.id, r.type, r.recipients, r.tenant, r.data, r.version, r.dedupe_key, r.deliver_at, r.expires_at, r.collapse_key
        FROM pg_catalog.json_to_record($1::text::json) AS r (id uuid, type text, recipients text[], tenant text, data json,
             version integer, dedupe_key text, deliver_at timestamptz, expires_at timestamptz, collapse_key text)
       WHERE pg_catalog.pg_current_xact_id()::text = $2::text
      RETURNING id::text AS id`;
  }

  async stage(tx: Transaction, row: OutboxRow): Promise<void> {
    refuseUnusable(tx);
    const json = JSON.stringify(columnsOf(row));
    const known = this.seen.get(tx);
    if (known !== undefined && (await this.write(tx, json, known))) return;
    const xid = await this.look(tx);
    if (!(await this.write(tx, json, xid))) {
      refuse(
        'is no transaction: each statement runs in one of its own. Give what your library hands to the transaction',
      );
    }
    this.seen.set(tx, xid);
  }

  /** @returns The transaction's number. */
  private async look(tx: Transaction): Promise<string> {
    const [seen] = rowsOf(await tx.query(LOOK, [this.schema])) as unknown as Look[];
    if (!seen) refuse('gave no rows back: its query() must return them, or an object that has rows');
    // A server that was started again is another one by this measure; so before anybody is refused, our own is looked at again.
    if (seen.identity !== this.home) this.home = await this.readHome();
    if (seen.identity !== this.home) {
      refuse(`is on another database (${nameOf(seen)}) than the log (${nameOf({ identity: this.home })})`);
    }
    if (!seen.writable || seen.xid === null)
      refuse(
        `may not insert into ${this.schema}.outbox, which may also be missing: grant INSERT and SELECT (id)`,
      );
    return seen.xid;
  }

  private async write(tx: Transaction, json: string, xid: string): Promise<boolean> {
    return rowsOf(await tx.query(this.insert, [json, xid])).length === 1;
  }

  private async readHome(): Promise<string> {
    const [row] = rowsOf(await this.database.query(OWN_IDENTITY)) as unknown as Look[];
    return row!.identity;
  }
}

function columnsOf({ id, type, data }: OutboxRow): Record<string, unknown> {
  return {
    id,
    type,
    recipients: typeof data.to === 'string' ? [data.to] : data.to,
    tenant: data.tenant ?? '',
    data: data.data,
    version: data.version,
    dedupe_key: data.dedupeKey,
    deliver_at: data.deliverAt,
    expires_at: data.expiresAt,
    collapse_key: data.collapseKey,
  };
}

/** Libraries return the rows (TypeORM, Prisma), or an object with them (pg, Knex, Drizzle). */
function rowsOf(result: unknown): Record<string, unknown>[] {
  const rows: unknown = Array.isArray(result) ? result : (result as { rows?: unknown } | null)?.rows;
  return Array.isArray(rows) ? (rows as Record<string, unknown>[]) : [];
}

function nameOf({ identity }: Pick<Look, 'identity'>): string {
  const [database, , startedAt] = identity.split('/');
  return `${database} of the server that runs since ${new Date(Number(startedAt) * 1_000).toISOString()}`;
}

function refuseUnusable(tx: Transaction): void {
  if (typeof (tx as Partial<Transaction> | null)?.query === 'function') return;
  refuse(
    'must have query(text, values); for Prisma, Drizzle and Knex take fromPrisma, fromDrizzle and fromKnex',
  );
}

function refuse(problem: string): never {
  throw new InvalidRequestError([{ field: 'tx', problem }]);
}

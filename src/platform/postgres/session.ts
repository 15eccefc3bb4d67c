import type { ClientBase, PoolClient, QueryResult, QueryResultRow } from 'pg';

/** A setting that our statements depend on. */
interface Need {
  readonly name: string;
  /** Its value in our transactions, as an SQL expression; `null` if `BEGIN` sets it. */
  readonly value: string | null;
  /** Whether a statement outside a transaction works with this value of `pg_settings`. */
  readonly fits: (setting: string) => boolean;
}

/** The longest time that a caller waits for a statement. */
const LONGEST_STATEMENT_MS = 30_000;

const is =
  (value: string) =>
  (setting: string): boolean =>
    setting === value;
const whatever = (): boolean => true;
const noLimitBelow =
  (ms: number) =>
  (setting: string): boolean =>
    setting === '0' || Number(setting) >= ms;

/**
 * The settings of a server, a database or a role that change what our statements mean or whether they end. All others are left as they are: our
 * statements take and return times as ISO text in UTC or as numbers (`DateStyle`, `IntervalStyle`, `TimeZone`, `extra_float_digits`), name their schema, and
 * have no literal that the rest could change.
 */
const NEEDS: readonly Need[] = [
  { name: 'default_transaction_isolation', value: null, fits: is('read committed') },
  { name: 'default_transaction_read_only', value: null, fits: is('off') },
  // Other functions may come before those of Postgres (orafce asks for that).
  { name: 'search_path', value: `'pg_catalog'`, fits: isPgCatalogFirst },
  // If it is off, a null in an array that pg sends arrives as the text NULL.
  { name: 'array_nulls', value: `'on'`, fits: is('on') },
  { name: 'standard_conforming_strings', value: `'on'`, fits: is('on') },
  {
    name: 'synchronous_commit',
    // A confirmed append must survive a crash; `remote_apply` waits for even more and stays.
    value: `CASE WHEN pg_catalog.current_setting('synchronous_commit') IN ('off', 'local') THEN 'on'
                 ELSE pg_catalog.current_setting('synchronous_commit') END`,
    fits: (setting) => setting !== 'off' && setting !== 'local',
  },
  { name: 'statement_timeout', value: `'0'`, fits: noLimitBelow(LONGEST_STATEMENT_MS) },
  { name: 'lock_timeout', value: `'0'`, fits: noLimitBelow(LONGEST_STATEMENT_MS) },
  { name: 'transaction_timeout', value: `'0'`, fits: noLimitBelow(LONGEST_STATEMENT_MS) },
  { name: 'idle_in_transaction_session_timeout', value: `'0'`, fits: whatever },
];

/**
 * Begins a transaction that depends on no default: one message, whatever the number of settings, and nothing of it outlives the transaction (a pooler hands
 * the session to somebody else, a host uses it for other things). Settings that this version of Postgres does not have are left out.
 */
export const BEGIN = `BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE;
SELECT pg_catalog.set_config(s.name, s.value, true) FROM (VALUES ${NEEDS.filter(({ value }) => value !== null)
  .map(({ name, value }) => `('${name}', ${value})`)
  .join(', ')}) AS s (name, value) WHERE pg_catalog.current_setting(s.name, true) IS NOT NULL`;

/** The same for sessions that nobody else uses, as the server takes it at their start (libpq, `options`): BullMQ's statements are not ours to change. */
export const SESSION_OPTIONS = Object.entries({
  default_transaction_isolation: 'read committed',
  default_transaction_read_only: 'off',
  default_transaction_deferrable: 'off',
  synchronous_commit: 'on',
  lock_timeout: '0',
  idle_in_transaction_session_timeout: '0',
  idle_session_timeout: '0',
  DateStyle: 'ISO, MDY',
  IntervalStyle: 'postgres',
  TimeZone: 'UTC',
  bytea_output: 'hex',
  extra_float_digits: '1',
  array_nulls: 'on',
  standard_conforming_strings: 'on',
  transform_null_equals: 'off',
})
  .map(([name, value]) => `-c ${name}=${value.replaceAll(' ', '\\ ')}`)
  .join(' ');

/** The state of a new session. */
export interface Session {
  /** The server is a replica, where nothing can be written. */
  readonly standby: boolean;
  /** The settings with which statements outside a transaction do not work. */
  readonly unfit: readonly { readonly name: string; readonly value: string }[];
  /** The server ends the session after so many milliseconds without a statement; 0: never. */
  readonly idleMs: number;
}

const LOOK = `SELECT pg_catalog.pg_is_in_recovery() AS standby, s.name, s.setting AS value FROM pg_catalog.pg_settings s
  WHERE s.name IN ('idle_session_timeout', ${NEEDS.map(({ name }) => `'${name}'`).join(', ')})`;

export async function lookAtSession(client: Pick<ClientBase, 'query'>): Promise<Session> {
  const { rows } = await client.query<{ standby: boolean; name: string; value: string }>(LOOK);
  const values = new Map(rows.map(({ name, value }) => [name, value]));
  return {
    standby: rows[0]?.standby ?? false,
    unfit: NEEDS.flatMap(({ name, fits }) => {
      const value = values.get(name);
      return value === undefined || fits(value) ? [] : [{ name, value }];
    }),
    idleMs: Number(values.get('idle_session_timeout') ?? 0),
  };
}

/** The server is a hot standby. The connection is replaced, so that it follows an address that leads to a new primary. */
export class StandbyError extends Error {
  constructor() {
    super(
      'this server is a hot standby, where nothing can be written: give an address that leads to the primary',
    );
    this.name = 'StandbyError';
  }
}

/** The pool for {@link inTransaction}. */
export interface TransactionPool {
  connect(): Promise<PoolClient>;
}

/** Runs one statement of a transaction. */
export type Query = <Row extends QueryResultRow>(
  text: string,
  values?: readonly unknown[],
) => Promise<QueryResult<Row>>;

/** Runs statements in one transaction that depends on no default, see {@link BEGIN}; each may take so many milliseconds. */
export async function inTransaction<T>(
  pool: TransactionPool,
  queryTimeoutMs: number,
  work: (query: Query) => Promise<T>,
): Promise<T> {
  const client = await pool.connect();
  // pg takes a timeout for one query; only its types do not know that.
  const query: Query = (text, values) =>
    client.query({ text, values: values && [...values], query_timeout: queryTimeoutMs } as { text: string });
  let broken: Error | undefined;
  try {
    await query(BEGIN);
    const result = await work(query);
    await query('COMMIT');
    return result;
  } catch (error) {
    broken = error as Error;
    // After an error that Postgres reported, the connection still works; after any other it may not, and is closed with its transaction.
    if (hasSqlState(error)) {
      await query('ROLLBACK').then(
        () => (broken = undefined),
        () => {},
      );
    }
    throw error;
  } finally {
    client.release(broken);
  }
}

function hasSqlState(error: unknown): boolean {
  return /^[0-9A-Z]{5}$/.test(String((error as { code?: unknown } | null)?.code));
}

/** Postgres searches its own schema first, unless the path names it later. Temporary schemas come before it, but have no functions. */
function isPgCatalogFirst(searchPath: string): boolean {
  const names = searchPath
    .split(',')
    .map((name) => name.trim().replaceAll('"', ''))
    .filter((name) => name !== 'pg_temp');
  return names.indexOf('pg_catalog') <= 0;
}

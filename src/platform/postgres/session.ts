import type { ClientBase, PoolClient, QueryResult, QueryResultRow } from 'pg';

/** What a statement of ours needs of the session that runs it. */
interface Need {
  readonly name: string;
  /** Its value in our transactions, as an SQL expression; `null` where `BEGIN` says it. */
  readonly value: string | null;
  /** Whether a statement outside of our transactions does with this value, as `pg_settings` has it. */
  readonly fits: (setting: string) => boolean;
}

/** No statement of ours takes longer, or the caller has given it up. */
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
  // Functions of somebody's own may stand before those of Postgres (orafce asks for that).
  { name: 'search_path', value: `'pg_catalog'`, fits: isPgCatalogFirst },
  // Off, a null in an array that pg sends arrives as the text NULL.
  { name: 'array_nulls', value: `'on'`, fits: is('on') },
  { name: 'standard_conforming_strings', value: `'on'`, fits: is('on') },
  {
    name: 'synchronous_commit',
    // What was confirmed must survive a crash; `remote_apply` waits for more than that, and may.
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

/** A session as it is before we do anything in it. */
export interface Session {
  /** A server that only follows another: nothing can be written there. */
  readonly standby: boolean;
  /** The settings with which only our transactions work. */
  readonly unfit: readonly { readonly name: string; readonly value: string }[];
  /** After so many milliseconds without a statement the server ends it; 0: never. */
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

/** A connection to it is dropped and made anew, so that an address that leads to a new primary is followed. */
export class StandbyError extends Error {
  constructor() {
    super(
      'this server is a hot standby, where nothing can be written: give the address of the primary ' +
        '(or, with several hosts, target_session_attrs=read-write)',
    );
    this.name = 'StandbyError';
  }
}

/** Where {@link inTransaction} takes its connection from. */
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
    // A statement that Postgres refused has not harmed the connection; anything else may have, and then the transaction ends with it.
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

/** Postgres looks at its own schema first, unless it is named elsewhere; and at temporary tables before all, where there are no functions. */
function isPgCatalogFirst(searchPath: string): boolean {
  const names = searchPath
    .split(',')
    .map((name) => name.trim().replaceAll('"', ''))
    .filter((name) => name !== 'pg_temp');
  return names.indexOf('pg_catalog') <= 0;
}

import { Logger } from '@nestjs/common';
import pg, { type ClientBase, type Pool, type QueryResult, type QueryResultRow } from 'pg';
import { DataSource } from 'typeorm';
import { describeAddress, postgresAddress } from '../../platform/addresses.js';
import { LogUnavailableError } from '../../contract/errors.js';
import type { ResolvedDatabase } from '../../contract/options/options.js';
import type { Sql } from '../../contract/ports/sql.js';
import { BorrowedPool } from './borrowed-pool.js';
import { inTransaction, lookAtSession, StandbyError, type Query } from '../../platform/postgres/session.js';
import { assertMigrated, migrate, SchemaTooNewError, SchemaTooOldError } from '../migrations/migrator.js';
import { isOfDefaults, sqlState, translate } from './pg-error.js';
import { requireSuitable, UnsuitableDatabaseError } from './requirements.js';
import { RestoreGuard } from './restore-guard.js';
import type { Statement } from './statement.js';

/** The options of {@link LogDatabase.connect}; defaults are those of the module. */
export type LogDatabaseOptions = Pick<ResolvedDatabase, 'url' | 'poolSize' | 'queryTimeoutMs'> &
  Partial<Pick<ResolvedDatabase, 'pool' | 'schema' | 'migrate'>>;

/**
 * The connection to Postgres: a DataSource of its own, which the application's knows nothing of. Queries use its
 * pool directly: they work on sets of rows, under locks and on one snapshot, which entities cannot express.
 */
export class LogDatabase implements Sql {
  private readonly texts = new Map<Statement, string>();

  private constructor(
    readonly dataSource: DataSource,
    readonly schema: string,
    /** Identifies this log: the same in every process, and different for every other database or schema. */
    readonly identity: string,
    private readonly guard: RestoreGuard,
    private readonly queryTimeoutMs: number,
    private readonly defaults: { suit: boolean },
  ) {}

  /**
   * Migrates, connects, and checks whether the database was restored.
   *
   * @throws {LogUnavailableError} if the database is unavailable or not writable yet;
   * `UnsuitableDatabaseError` if it can never hold the log;
   * `SchemaTooNewError` if the schema is too new for this code; `SchemaTooOldError` if it is too old and
   * `migrate` is off.
   */
  static async connect(options: LogDatabaseOptions): Promise<LogDatabase> {
    const { url, pool = null, schema: name = 'tidings', migrate: mode = 'auto' } = options;
    const schema = `"${name}"`;
    const address = postgresAddress({ url, pool });
    const logger = new Logger('Tidings');
    const guard = new RestoreGuard(schema);
    const defaults = { suit: true, idleMs: 0 };
    const verify = async (client: ClientBase): Promise<void> => {
      // The pool listens to idle clients only. A client in use whose connection breaks between two statements
      // would end the process; its user gets the error from the next statement.
      client.on('error', (error: Error) => logger.debug(`A connection in use broke: ${error.message}`));
      const { standby, unfit, idleMs } = await lookAtSession(client);
      if (standby) throw new StandbyError();
      if (unfit.length > 0 && defaults.suit) {
        defaults.suit = false;
        const settings = unfit.map(({ name, value }) => `${name} = ${value}`).join(', ');
        logger.warn(
          `The defaults of this database or role (${settings}) are unsuitable: each statement overrides them, which costs two more round trips. ` +
            'Change them with ALTER ROLE ... SET.',
        );
      }
      defaults.idleMs = idleMs;
      await guard.check(client);
    };
    const dataSource = new DataSource({
      type: 'postgres',
      ...(pool && { driver: borrowing(new BorrowedPool(pool, options.queryTimeoutMs, verify)) }),
      schema: name,
      applicationName: 'tidings',
      poolSize: options.poolSize,
      connectTimeoutMS: 5_000,
      installExtensions: false,
      poolErrorHandler: (error: Error) => logger.warn(`A connection to Postgres broke: ${error.message}`),
      extra: {
        ...address,
        // An unresponsive server never answers: without this limit every caller would wait forever.
        query_timeout: options.queryTimeoutMs,
        keepAlive: true,
        // Before the connection is used for anything else, so that nothing is appended to a restored log
        // unnoticed.
        verify: (client: ClientBase, done: (error?: Error) => void) => {
          verify(client).then(() => done(), done);
        },
      },
    });
    try {
      if (mode === 'auto') await migrate(address, name);
      else await requireSuitable(address);
      if (mode === 'check') await assertMigrated(address, name);
      await dataSource.initialize();
      if (!pool && defaults.idleMs > 0) letGoWithin(dataSource, defaults.idleMs / 2);
      const identity = await identify(dataSource, name);
      return new LogDatabase(dataSource, schema, identity, guard, options.queryTimeoutMs, defaults);
    } catch (error) {
      if (dataSource.isInitialized) await dataSource.destroy();
      if (error instanceof SchemaTooNewError || error instanceof SchemaTooOldError) throw error;
      if (error instanceof UnsuitableDatabaseError) throw error;
      const reason = error instanceof Error && error.message !== '' ? error.message : String(error);
      const place = `Postgres at ${describeAddress(address)}`;
      if (sqlState(error) === null && isConnectionError(error)) {
        throw new LogUnavailableError(`${place} cannot be reached: ${reason}`, { cause: error });
      }
      // The standby may be promoted, or the address may soon lead to the primary.
      if (error instanceof StandbyError)
        throw new LogUnavailableError(`${place}: ${reason}`, { cause: error });
      const refusal = new Error(`${place} refused the connection: ${reason}`, { cause: error });
      throw Object.assign(refusal, { code: (error as { code?: unknown } | null)?.code });
    }
  }

  /** The DataSource's pool. */
  get pool(): Pool {
    return (this.dataSource.driver as unknown as { master: Pool }).master;
  }

  /**
   * Runs one statement. It is not prepared: its plan would be kept as long as the connection, even one made
   * while the tables were empty.
   *
   * @throws {LogUnavailableError}, {FeedBusyError} or {InvalidJobError}, see {@link translate}.
   */
  async query<Row extends QueryResultRow>(
    statement: string | Statement,
    values: unknown[] = [],
  ): Promise<Row[]> {
    const text = this.text(statement);
    try {
      return (await this.run<Row>(text, values)).rows;
    } catch (error) {
      throw translate(error);
    }
  }

  /**
   * Runs several statements in one transaction, independent of the server's defaults.
   *
   * @throws as {@link query}.
   */
  async transaction<T>(work: (query: Query) => Promise<T>): Promise<T> {
    try {
      return await inTransaction(this.pool, this.queryTimeoutMs, work);
    } catch (error) {
      throw translate(error);
    }
  }

  /**
   * Runs the statement alone, one round trip instead of three, if the session's defaults allow it. A pooler
   * may have assigned a session that was never checked: then the statement fails and runs again in a transaction, and if that works,
   * all later statements use one too. On a server that has become a standby it does not.
   */
  private async run<Row extends QueryResultRow>(text: string, values: unknown[]): Promise<QueryResult<Row>> {
    if (this.defaults.suit) {
      try {
        return await this.pool.query<Row>(text, values);
      } catch (error) {
        if (!isOfDefaults(error)) throw error;
      }
    }
    const result = await inTransaction(this.pool, this.queryTimeoutMs, (query) => query<Row>(text, values));
    this.defaults.suit = false;
    return result;
  }

  /** The SQL of a statement for our schema. */
  text(statement: string | Statement): string {
    if (typeof statement === 'string') return statement;
    let text = this.texts.get(statement);
    if (text === undefined) this.texts.set(statement, (text = statement(this.schema)));
    return text;
  }

  /** Records the dedupe key of a commit: if the key disappears later, the database was restored. */
  committed(key: Buffer): void {
    this.guard.committed(key);
  }

  async close(): Promise<void> {
    if (this.dataSource.isInitialized) await this.dataSource.destroy();
  }
}

/** Closes idle connections before the server does, which could be just when one is taken. */
function letGoWithin(dataSource: DataSource, ms: number): void {
  const { options } = (dataSource.driver as unknown as { master: Pool }).master;
  options.idleTimeoutMillis = Math.min(options.idleTimeoutMillis ?? Infinity, Math.ceil(ms));
}

/** A `pg` module for a DataSource with an existing pool. */
function borrowing(pool: BorrowedPool): object {
  return {
    ...pg,
    Pool: function LentPool() {
      return pool;
    },
  };
}

/** 12 hexadecimal digits that identify this schema in this database of this cluster. */
async function identify(dataSource: DataSource, schema: string): Promise<string> {
  const statements = [
    `SELECT pg_catalog.substr(pg_catalog.md5(system_identifier::text || '/' || pg_catalog.current_database() || '/' || $1), 1, 12) AS identity
       FROM pg_catalog.pg_control_system()`,
    // Where the server does not reveal its identifier, the database's name and number must do.
    `SELECT pg_catalog.substr(pg_catalog.md5(datname || '/' || oid::text || '/' || $1), 1, 12) AS identity
       FROM pg_catalog.pg_database WHERE datname = pg_catalog.current_database()`,
  ];
  const [row] = await dataSource
    .query<[{ identity: string }]>(statements[0]!, [schema])
    .catch(() => dataSource.query<[{ identity: string }]>(statements[1]!, [schema]));
  return row.identity;
}

/** Whether the server was unreachable, rather than rejecting us: a wrong password does not pass by itself. */
function isConnectionError(error: unknown): boolean {
  const code: unknown = (error as { code?: unknown } | null)?.code;
  return typeof code === 'string' && /^E[A-Z]+$/.test(code);
}

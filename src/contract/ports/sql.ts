/** Statements on the database that holds the log, for a stage that reads it or changes it in ways of its own. */
export interface Sql {
  /** The schema of our tables, quoted, to be put before their names. */
  readonly schema: string;
  /**
   * Runs one statement, in a transaction and thus on a snapshot of its own.
   *
   * @throws {FeedBusyError} if it asked for a lock with a limit of time (`lock_timeout`), and did not get it.
   * @throws {LogUnavailableError} if the database is away or too slow.
   */
  query<Row extends object>(text: string, values?: unknown[]): Promise<Row[]>;
}

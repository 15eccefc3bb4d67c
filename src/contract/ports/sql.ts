/** Runs statements on the log's database, for stages with queries of their own. */
export interface Sql {
  /** The quoted schema of our tables, to prefix their names. */
  readonly schema: string;
  /**
   * Runs one statement, in a transaction and on a snapshot of its own.
   *
   * @throws {FeedBusyError} if it did not get a lock within its `lock_timeout`.
   * @throws {LogUnavailableError} if the database is unavailable or too slow.
   */
  query<Row extends object>(text: string, values?: unknown[]): Promise<Row[]>;
}

import { Logger } from '@nestjs/common';
import { Outage } from '../../platform/logging/outage.js';
import { PeriodicTask } from '../../platform/time/periodic-task.js';
import type { LogDatabase } from '../database/database.js';
import type { Statement } from '../database/statement.js';

/**
 * Parameter: a number of the kind of sweep. Result: whether this transaction alone has the lock of that kind, and the time of
 * the database in milliseconds. By the oid
 * of a table of this schema, so that two logs in one database do not wait for each other.
 */
const LOCK: Statement = (schema) =>
  `SELECT pg_catalog.pg_try_advisory_xact_lock('${schema}.feed'::regclass::oid::integer, $1) AS alone,
          (extract(epoch FROM now()) * 1000)::bigint AS ms`;

/** Runs statements of a sweep in its transaction. */
export type SweepQuery = <Row>(statement: Statement, values: readonly unknown[]) => Promise<Row[]>;

/** Upkeep of the log that every worker repeats, one of them at a time: the others leave it to that one. */
export abstract class Sweep {
  private readonly task: PeriodicTask;

  /**
   * @param name The subject of the log lines about an outage, such as "The retention sweep".
   * @param lock The number of this kind of sweep.
   */
  protected constructor(
    name: string,
    protected readonly database: LogDatabase,
    private readonly lock: number,
    everyMs: number,
  ) {
    const outage = new Outage(new Logger('Tidings'), name);
    this.task = new PeriodicTask(() => this.sweep(), everyMs, {
      succeeded: () => outage.end(),
      failed: (error) => outage.begin(error),
    });
  }

  start(): void {
    this.task.start();
  }

  stop(): Promise<void> {
    return this.task.stop();
  }

  /** Does everything that is due now. Resolves to the number of what it changed. */
  abstract sweep(): Promise<number>;

  /**
   * Runs batches, each in a transaction of its own that holds the lock, until one finds nothing: `null`.
   * Ends early when another process sweeps, or when this one stops. The lock is of the transaction, because
   * one of the session does not work behind a pooler.
   *
   * @returns What each batch has done, after its commit.
   */
  protected async *batches<Done>(
    batch: (query: SweepQuery, now: Date) => Promise<Done | null>,
  ): AsyncGenerator<Done> {
    while (!this.task.stopped) {
      const done = await this.database.transaction(async (query) => {
        const run: SweepQuery = async <Row>(statement: Statement, values: readonly unknown[]) =>
          (await query(this.database.text(statement), values)).rows as Row[];
        const [row] = await run<{ alone: boolean; ms: string }>(LOCK, [this.lock]);
        return row!.alone ? batch(run, new Date(Number(row!.ms))) : null;
      });
      if (done === null) return;
      yield done;
    }
  }
}

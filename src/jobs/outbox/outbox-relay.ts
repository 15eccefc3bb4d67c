import { Logger } from '@nestjs/common';
import type { Pool, PoolClient } from 'pg';
import { InvalidJobError, QueueUnavailableError } from '../../contract/errors.js';
import { jittered } from '../../platform/time/jitter.js';
import { backoffMs } from '../../platform/time/backoff.js';
import { settlesWithin, withTimeout } from '../../platform/time/with-timeout.js';
import { BEGIN } from '../../platform/postgres/session.js';
import type { JobQueue } from '../queue/queue.js';
import { describeError } from '../../platform/logging/describe-error.js';
import { RepeatedErrors } from '../../platform/logging/repeated-errors.js';
import type { TypeRegistry } from '../../types/type-registry.js';
import { jobOfRow, type RawRow, type RelayedJob } from './relay-row.js';

const BATCH = 200;
/** How long a row waits whose notification was lost, or never comes because LISTEN is behind a pooler; jittered. */
const POLL_MS = 2_000;
const CLOSE_MS = 2_000;
const PROBLEM_LENGTH = 2_000;

/** Whatever tells of new rows: a connection that LISTENs. */
export interface RowListener {
  start(): void;
  close(): Promise<void>;
}

/** What {@link OutboxRelay} needs. */
export interface RelayParts {
  /** Of the log's database. One connection of it is taken for as long as a batch takes. */
  readonly pool: Pick<Pool, 'connect'>;
  /** The schema of the table, not quoted. */
  readonly schema: string;
  readonly jobs: JobQueue;
  readonly types: TypeRegistry;
  /** Milliseconds that the queue has to take a batch. */
  readonly enqueueTimeoutMs: number;
  /** Calls `wake` when there may be rows. */
  readonly listen: (channel: string, wake: () => void) => RowListener;
}

/**
 * Turns the rows of the outbox into jobs, once their transactions have committed.
 *
 *     idle --woken, or polled--> draining --no rows left--> idle
 *                                         --queue or database away--> waiting --backoff--> draining
 *       any state --close()--> closed, when the batch that runs has ended
 *
 * One transaction a batch: lock rows that nobody else has (SKIP LOCKED, so that any number of relays share the work; and never "all above
 * the last id", because lower ones may not be committed yet), put them on the queue, delete them. If it dies before the end, the rows are
 * there again, and become the same jobs: the queue takes an id once, and when it has forgotten the id the log still knows the dedupe key,
 * which derives from it. A row that can never become a job stays, with what is wrong with it.
 */
export class OutboxRelay {
  private readonly logger = new Logger('Outbox');
  private readonly errors = new RepeatedErrors(this.logger);
  private readonly listener: RowListener;
  private readonly table: string;
  private timer: NodeJS.Timeout | null = null;
  private draining: Promise<void> | null = null;
  private woken = false;
  private failures = 0;
  private closed = false;

  constructor(private readonly parts: RelayParts) {
    this.table = `"${parts.schema}".outbox`;
    this.listener = parts.listen(`${parts.schema}.outbox`, () => this.wake());
  }

  start(): void {
    this.listener.start();
    this.wake();
  }

  /** Rows that are being relayed may be relayed again by another process; that is no harm. */
  async close(): Promise<void> {
    this.closed = true;
    clearTimeout(this.timer ?? undefined);
    await Promise.all([this.listener.close(), settlesWithin(CLOSE_MS, this.draining ?? Promise.resolve())]);
  }

  private wake(): void {
    if (this.closed) return;
    this.woken = true;
    // While the queue or the database is away, the backoff decides.
    if (this.draining || this.failures > 0) return;
    this.run();
  }

  private run(): void {
    clearTimeout(this.timer ?? undefined);
    this.draining = this.drain()
      .then(
        () => (this.failures = 0),
        (error: unknown) => {
          this.failures += 1;
          this.errors.report(error);
        },
      )
      .then(() => {
        this.draining = null;
        if (this.closed) return;
        const pause = this.failures > 0 ? backoffMs(this.failures) : jittered(POLL_MS, 0.2);
        this.timer = setTimeout(() => this.run(), pause).unref();
      });
  }

  private async drain(): Promise<void> {
    const { jobs } = this.parts;
    do {
      this.woken = false;
      // Before a connection is taken: the rows have time, but others need the pool.
      if (!jobs.usable) throw new QueueUnavailableError('The queue is away; rows of the outbox wait.');
      while (!this.closed && (await this.relayBatch()) === BATCH);
    } while (this.woken && !this.closed);
  }

  /** @returns How many rows there were. */
  private async relayBatch(): Promise<number> {
    const client = await this.parts.pool.connect();
    let broken: Error | undefined;
    try {
      await client.query(BEGIN);
      const count = await this.relay(client).catch(async (error: unknown) => {
        await client.query('ROLLBACK');
        throw error;
      });
      await client.query('COMMIT');
      return count;
    } catch (error) {
      if (!(error instanceof QueueUnavailableError)) broken = error as Error;
      throw error;
    } finally {
      client.release(broken);
    }
  }

  private async relay(client: PoolClient): Promise<number> {
    const { rows } = await client.query<RawRow>(
      `SELECT id::text AS id, type, recipients, tenant, data::text AS data, version, dedupe_key, ${ms('deliver_at')}, ${ms('expires_at')},
              collapse_key, ${ms('created_at')}
         FROM ${this.table} o WHERE failed_at IS NULL ORDER BY o.created_at LIMIT $1 FOR UPDATE SKIP LOCKED`,
      [BATCH],
    );
    if (rows.length === 0) return 0;
    const jobs = new Map<string, RelayedJob>();
    const refused = new Map<string, unknown>();
    for (const row of rows) {
      try {
        jobs.set(row.id, await jobOfRow(row, this.parts.types));
      } catch (error) {
        refused.set(row.id, error);
      }
    }
    for (const [id, error] of await this.enqueue(jobs)) refused.set(id, error);
    const done = [...jobs.keys()].filter((id) => !refused.has(id));
    if (done.length > 0) await client.query(`DELETE FROM ${this.table} WHERE id = ANY ($1::uuid[])`, [done]);
    for (const [id, error] of refused) await this.refuse(client, id, error);
    return rows.length;
  }

  /**
   * @returns The jobs that the queue refuses for what is in them.
   * @throws {QueueUnavailableError} if it takes none now.
   */
  private async enqueue(jobs: ReadonlyMap<string, RelayedJob>): Promise<Map<string, unknown>> {
    const refused = new Map<string, unknown>();
    if (jobs.size === 0) return refused;
    try {
      await this.add([...jobs.values()]);
    } catch (error) {
      if (!isContentError(error)) throw this.away(error);
      // One by one, so that the guilty one does not hold up the others.
      for (const [id, job] of jobs) {
        await this.add([job]).catch((reason: unknown) => {
          if (!isContentError(reason)) throw this.away(reason);
          refused.set(id, reason);
        });
      }
    }
    return refused;
  }

  private async add(jobs: RelayedJob[]): Promise<void> {
    const { queue } = this.parts.jobs;
    const { enqueueTimeoutMs } = this.parts;
    const late = (): Error => new Error(`no answer within ${enqueueTimeoutMs} ms`);
    // A batch that is late and arrives after all is found there the next time, by its ids.
    await withTimeout(
      enqueueTimeoutMs,
      queue.waitUntilReady().then(() => queue.addBulk(jobs)),
      late,
    );
  }

  private away(cause: unknown): QueueUnavailableError {
    return new QueueUnavailableError(
      `The queue does not take rows of the outbox (they wait): ${describeError(cause)}`,
      { cause },
    );
  }

  private async refuse(client: PoolClient, id: string, error: unknown): Promise<void> {
    const problem = describeError(error)
      .slice(0, PROBLEM_LENGTH)
      .toWellFormed()
      .replaceAll('\u0000', '\ufffd');
    this.logger.error(`Row ${id} of ${this.table} cannot become a job, and stays there: ${problem}`);
    await client.query(
      `UPDATE ${this.table} SET failed_at = clock_timestamp(), problem = $2 WHERE id = $1::uuid`,
      [id, problem],
    );
  }
}

/** A time in milliseconds, or an infinite one, whatever the DateStyle is; cut off, as a Date is. */
function ms(column: string): string {
  return `floor(extract(epoch FROM ${column}) * 1000)::text AS ${column}`;
}

/** SQLSTATE class 22 and 23, of a queue on Postgres: the content itself is refused. Anything else may pass by waiting. */
function isContentError(error: unknown): boolean {
  if (error instanceof InvalidJobError) return true;
  const code: unknown = (error as { code?: unknown } | null)?.code;
  return typeof code === 'string' && /^2[23][0-9A-Z]{3}$/.test(code);
}

import { Logger } from '@nestjs/common';
import type { Pool, PoolClient } from 'pg';
import { InvalidJobError, isRetryable, QueueUnavailableError } from '../../contract/errors.js';
import { spanOf } from '../../contract/model/span.js';
import { traced, type Tracing } from '../../contract/ports/tracing.js';
import { jittered } from '../../platform/time/jitter.js';
import { backoffMs } from '../../platform/time/backoff.js';
import { settlesWithin, withTimeout } from '../../platform/time/with-timeout.js';
import type { ListenClient } from '../../platform/postgres/listen-client.js';
import { BEGIN } from '../../platform/postgres/session.js';
import type { Delivery } from '../deliver/delivery.js';
import type { JobQueue } from '../queue/queue.js';
import { describeError } from '../../platform/logging/describe-error.js';
import { RepeatedErrors } from '../../platform/logging/repeated-errors.js';
import type { TypeRegistry } from '../../types/type-registry.js';
import { jobOfRow, type QueuedJob, type RawRow } from './relay-row.js';

const BATCH = 200;
/** Rows that may wait for the queue before a pass ends; the rows after them wait for the next pass. */
const MAX_LEFT = 2_000;
/** The longest wait of a row whose NOTIFY is lost, or never arrives because LISTEN is behind a pooler; jittered. */
const POLL_MS = 2_000;
const CLOSE_MS = 2_000;
const PROBLEM_LENGTH = 2_000;

/** The dependencies of {@link OutboxRelay}. */
export interface RelayParts {
  /** The log's pool. A batch uses one connection of it. */
  readonly pool: Pick<Pool, 'connect'>;
  /** The schema of the table, unquoted. */
  readonly schema: string;
  readonly jobs: JobQueue;
  readonly types: TypeRegistry;
  readonly delivery: Delivery;
  readonly tracing: Tracing | null;
  /** The longest wait for the queue to accept a batch. */
  readonly enqueueTimeoutMs: number;
  /** For the NOTIFY of the table's trigger. The caller closes it. */
  readonly listener: Pick<ListenClient, 'listen'>;
}

/**
 * Delivers the rows of the outbox after their transactions have committed. Rows that are due later, or cannot be delivered now, become jobs
 * of the queue.
 *
 *     idle --woken, or polled--> draining --no rows left--> idle
 *                                         --queue or database unavailable--> waiting --backoff--> draining
 *       any state --close()--> closed, when the batch that runs has ended
 *
 * Each batch is one transaction: it locks rows that no other relay has (SKIP LOCKED, so that relays share the work; never "all above the last
 * id", because lower ones may not be committed yet), appends them in the group commit of this process, and deletes them. If the process dies
 * before the end, the rows are still there and become the same jobs: the log knows the dedupe key, which derives from the row's id. A row that
 * can never be delivered stays, with the reason.
 */
export class OutboxRelay {
  private readonly logger = new Logger('Outbox');
  private readonly errors = new RepeatedErrors(this.logger);
  private readonly table: string;
  private timer: NodeJS.Timeout | null = null;
  private draining: Promise<void> | null = null;
  private woken = false;
  private failures = 0;
  private closed = false;

  constructor(private readonly parts: RelayParts) {
    this.table = `"${parts.schema}".outbox`;
  }

  start(): void {
    const wake = (): void => this.wake();
    // Rows may have come before the LISTEN was acknowledged.
    this.parts.listener.listen(`${this.parts.schema}.outbox`, { payload: wake, up: wake });
    this.wake();
  }

  /** Another process may relay the rows of an unfinished batch again, without harm. */
  async close(): Promise<void> {
    this.closed = true;
    clearTimeout(this.timer ?? undefined);
    await settlesWithin(CLOSE_MS, this.draining ?? Promise.resolve());
  }

  private wake(): void {
    if (this.closed) return;
    this.woken = true;
    // While the queue or the database is unavailable, the backoff decides.
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
    do {
      this.woken = false;
      const left = new Set<string>();
      while (!this.closed && (await this.relayBatch(left)) === BATCH && left.size < MAX_LEFT);
      if (left.size > 0)
        throw new QueueUnavailableError('The queue is unavailable; rows of the outbox wait.');
    } while (this.woken && !this.closed);
  }

  /**
   * @param left Rows that wait for the queue; this pass skips them.
   * @returns The number of rows in the batch.
   */
  private async relayBatch(left: Set<string>): Promise<number> {
    const client = await this.parts.pool.connect();
    let broken: Error | undefined;
    try {
      await client.query(BEGIN);
      const count = await this.relay(client, left).catch(async (error: unknown) => {
        await client.query('ROLLBACK');
        throw error;
      });
      await client.query('COMMIT');
      return count;
    } catch (error) {
      broken = error as Error;
      throw error;
    } finally {
      client.release(broken);
    }
  }

  private async relay(client: PoolClient, left: Set<string>): Promise<number> {
    const { rows } = await client.query<RawRow>(
      `SELECT id::text AS id, type, recipients, audience, tenant, data::text AS data, version, dedupe_key, ${ms('deliver_at')}, ${ms('expires_at')},
              collapse_key, trace_context::text AS trace_context, ${ms('created_at')}
         FROM ${this.table} o
        WHERE failed_at IS NULL AND id <> ALL ($2::uuid[])
          AND ($3 OR o.deliver_at IS NULL OR o.deliver_at <= pg_catalog.clock_timestamp())
        ORDER BY o.created_at LIMIT $1 FOR UPDATE SKIP LOCKED`,
      // While the queue is unavailable, rows that are due later must not hold up those that are due now.
      [BATCH, [...left], this.parts.jobs.usable],
    );
    const refused = new Map<string, unknown>();
    const forQueue = new Map<string, QueuedJob>();
    await Promise.all(
      rows.map(async (row) => {
        try {
          const queued = await this.deliver(row);
          if (queued) forQueue.set(row.id, queued);
        } catch (error) {
          refused.set(row.id, error);
        }
      }),
    );
    for (const id of await this.enqueue(forQueue, refused)) left.add(id);
    const done = rows.map(({ id }) => id).filter((id) => !refused.has(id) && !left.has(id));
    if (done.length > 0) await client.query(`DELETE FROM ${this.table} WHERE id = ANY ($1::uuid[])`, [done]);
    for (const [id, error] of refused) await this.refuse(client, id, error);
    return rows.length;
  }

  /**
   * Delivers the row at once.
   *
   * @returns The job for the queue, if the row cannot be delivered now.
   * @throws if it can never be delivered.
   */
  private async deliver(row: RawRow): Promise<QueuedJob | null> {
    const { types, jobs, delivery } = this.parts;
    const { queued, deliverable, trace: parent } = await jobOfRow(row, { types, queueName: jobs.name });
    if (!deliverable) return queued;
    const subject = { type: deliverable.type, id: deliverable.identity.id, queue: 'outbox', parent };
    try {
      await traced(
        this.parts.tracing,
        () => spanOf('process', subject),
        () => delivery.deliver(deliverable),
      );
      return null;
    } catch (error) {
      if (!isRetryable(error)) throw error;
      this.errors.report(error);
      return queued;
    }
  }

  /**
   * @param refused Receives the jobs that the queue refuses because of their content.
   * @returns The rows whose jobs it does not accept now.
   */
  private async enqueue(
    jobs: ReadonlyMap<string, QueuedJob>,
    refused: Map<string, unknown>,
  ): Promise<string[]> {
    if (jobs.size === 0) return [];
    if (!this.parts.jobs.usable) return [...jobs.keys()];
    try {
      await this.add([...jobs.values()]);
      return [];
    } catch (error) {
      if (!isContentError(error)) return this.leave([...jobs.keys()], error);
    }
    // One by one, so that a bad job does not block the others.
    const left: string[] = [];
    for (const [id, job] of jobs) {
      try {
        await this.add([job]);
      } catch (error) {
        if (isContentError(error)) refused.set(id, error);
        else left.push(...this.leave([id], error));
      }
    }
    return left;
  }

  private leave(ids: string[], error: unknown): string[] {
    this.errors.report(
      new Error(`The queue does not accept outbox rows, so they wait: ${describeError(error)}`),
    );
    return ids;
  }

  private async add(jobs: QueuedJob[]): Promise<void> {
    const { queue } = this.parts.jobs;
    const { enqueueTimeoutMs } = this.parts;
    const late = (): Error => new Error(`no answer within ${enqueueTimeoutMs} ms`);
    // If a late batch arrives after all, the next attempt finds its jobs by their ids.
    await withTimeout(
      enqueueTimeoutMs,
      queue.waitUntilReady().then(() => queue.addBulk(jobs)),
      late,
    );
  }

  private async refuse(client: PoolClient, id: string, error: unknown): Promise<void> {
    const problem = describeError(error)
      .slice(0, PROBLEM_LENGTH)
      .toWellFormed()
      .replaceAll('\u0000', '\ufffd');
    this.logger.error(`Row ${id} of ${this.table} cannot be delivered and stays in the table: ${problem}`);
    await client.query(
      `UPDATE ${this.table} SET failed_at = clock_timestamp(), problem = $2 WHERE id = $1::uuid`,
      [id, problem],
    );
  }
}

/** A time in milliseconds, or infinity, independent of the DateStyle; truncated, as in a Date. */
function ms(column: string): string {
  return `floor(extract(epoch FROM ${column}) * 1000)::text AS ${column}`;
}

/** SQLSTATE classes 22 and 23, from a queue on Postgres: the content itself is refused. Any other error may be temporary. */
function isContentError(error: unknown): boolean {
  if (error instanceof InvalidJobError) return true;
  const code: unknown = (error as { code?: unknown } | null)?.code;
  return typeof code === 'string' && /^2[23][0-9A-Z]{3}$/.test(code);
}

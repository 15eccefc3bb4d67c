import { Logger } from '@nestjs/common';
import type { NotificationItem } from '../../contract/model/entry.js';
import type { FeedKey } from '../../contract/model/feed.js';
import type { ActedNotification, ActionJob } from '../../contract/model/hooks.js';
import type { Sql } from '../../contract/ports/sql.js';
import { Outage } from '../../platform/logging/outage.js';
import { PeriodicTask } from '../../platform/time/periodic-task.js';
import type { EntryUpgrade } from '../../types/entry-upgrade.js';
import { KEPT } from '../queue/finished-jobs.js';
import { JobQueue } from '../queue/queue.js';

const RECOVERY_MS = 5_000;
const JOBS_PER_BATCH = 100;
/** For handlers that fail; the last attempt is about three hours after the first. */
const ATTEMPTS = { attempts: 12, backoff: { type: 'exponential', delay: 5_000 } };

interface StagedRow extends FeedKey {
  readonly item: string;
}

/**
 * Puts a job on the application's queue for each chosen action, at least once.
 *
 *     staged, in the transaction of the action --enqueued--> on the queue, row deleted
 *            └──process dies or queue unavailable──> recovered by any process, 5 s later ──^
 *
 * The id of the job is that of the notification, so the queue drops a second one for as long as it keeps the first. Its
 * `timestamp` is the time of the action, by which an erasure removes it, whenever it was enqueued.
 */
export class ActionJobs {
  /** Opens the queue beside the queue of jobs, on the same backend. */
  static openQueue(beside: JobQueue, name: string, enqueueTimeoutMs: number): Promise<JobQueue> {
    return JobQueue.openOn(beside.backend, { name, enqueueTimeoutMs }, beside.errors);
  }

  private readonly recovery: PeriodicTask;

  constructor(
    readonly jobs: JobQueue,
    private readonly sql: Sql,
    private readonly upgrade: EntryUpgrade,
    recoveryMs = RECOVERY_MS,
  ) {
    const outage = new Outage(new Logger('Actions'), 'The queue of actions');
    this.recovery = new PeriodicTask(() => this.recover(recoveryMs), recoveryMs, {
      succeeded: () => outage.end(),
      failed: (error) => outage.begin(error),
    });
  }

  /** Called after the commit, with data of the current version. What fails is recovered. */
  acted({ feed, notification }: ActedNotification): void {
    this.enqueue([{ feed, notification }]).catch(this.jobs.errors.report);
  }

  start(): void {
    this.recovery.start();
  }

  async close(): Promise<void> {
    await this.recovery.stop();
    await this.jobs.close();
  }

  /** Enqueues what was staged longer ago, oldest first. */
  private async recover(olderThanMs: number): Promise<void> {
    const { schema } = this.sql;
    while (!this.recovery.stopped) {
      const rows = await this.sql.query<StagedRow>(
        `SELECT f.tenant, f.recipient, o.item FROM ${schema}.action_outbox o JOIN ${schema}.feed f ON f.id = o.feed_id
          WHERE o.acted_at < now() - $1::integer * interval '1 millisecond' ORDER BY o.acted_at LIMIT $2`,
        [olderThanMs, JOBS_PER_BATCH],
      );
      if (rows.length === 0) return;
      await this.enqueue(
        await Promise.all(
          rows.map(async ({ tenant, recipient, item }) => ({
            feed: { tenant, recipient },
            notification: await this.upgrade.item(JSON.parse(item) as NotificationItem),
          })),
        ),
      );
    }
  }

  private async enqueue(actions: readonly Pick<ActedNotification, 'feed' | 'notification'>[]): Promise<void> {
    const staged = await this.stagedAmong(actions.map(({ notification }) => notification.id));
    const present = actions.filter(({ notification }) => staged.has(notification.id));
    if (present.length === 0) return;
    const jobs = present.map(({ feed, notification }) => {
      const data: ActionJob = {
        to: feed.recipient,
        tenant: feed.tenant,
        ...notification.acted!,
        notification,
      };
      const jobId = `action-${notification.id}`;
      const kept = { removeOnComplete: KEPT.completed, removeOnFail: KEPT.failed };
      return {
        name: notification.type,
        data,
        opts: { jobId, timestamp: Date.parse(data.at), ...ATTEMPTS, ...kept },
      };
    });
    await this.jobs.ask((queue) => queue.addBulk(jobs));
    await this.sql.query(`DELETE FROM ${this.sql.schema}.action_outbox WHERE id = ANY ($1::uuid[])`, [
      present.map(({ notification }) => notification.id),
    ]);
  }

  /** An erasure deletes them, and another process that has enqueued them. */
  private async stagedAmong(ids: readonly string[]): Promise<ReadonlySet<string>> {
    const rows = await this.sql.query<{ id: string }>(
      `SELECT id FROM ${this.sql.schema}.action_outbox WHERE id = ANY ($1::uuid[])`,
      [ids],
    );
    return new Set(rows.map(({ id }) => id));
  }
}

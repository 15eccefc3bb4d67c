import { Logger } from '@nestjs/common';
import { DelayedError, UnrecoverableError, type Job } from 'bullmq';
import { isAudience } from '../../contract/model/audience.js';
import { LogUnavailableError } from '../../contract/errors.js';
import type { AppendResult } from '../../contract/ports/append.js';
import type { TakenNotification } from '../../contract/ports/audience.js';
import type { FeedReader } from '../../contract/ports/read.js';
import type { Sql } from '../../contract/ports/sql.js';
import { backoffMs } from '../../platform/time/backoff.js';
import { jobsOf, type EscalationJob, type EscalationRule } from './escalation-rule.js';
import { isSeen, notificationAt } from './notification-lookup.js';
import { JobQueue } from '../queue/queue.js';
import { QueueWorker } from '../queue/queue-worker.js';
import { describeError } from '../../platform/logging/describe-error.js';

const ATTEMPTS = 12;
const RETRY = { firstMs: 5_000, longestMs: 600_000 };
const CONCURRENCY = 20;

/** The return value of a completed escalation job. */
export interface EscalationResult {
  /** `left`: the notification is read (or seen) or no longer visible, or the rule no longer exists. */
  readonly outcome: 'escalated' | 'left';
}

/**
 * Calls a handler for notifications that stay unread: one delayed job per notification and rule, on a separate queue.
 *
 *     scheduled --due--> unread (or unseen)? --no--> completed (left)
 *                                --yes, the handler returns--> completed (escalated)
 *                                --yes, the handler throws--> delayed --> unread? ..., failed after 12 attempts
 *                        log unavailable --> delayed
 *
 * Reading a notification cancels nothing: its escalation job checks the state when it is due. A notification job completes only after
 * its escalations are scheduled; if it runs again, their job ids are the same.
 */
export class Escalations {
  /** Opens the escalation queue that belongs to a job queue. */
  static openQueue(beside: JobQueue, enqueueTimeoutMs: number): Promise<JobQueue> {
    return JobQueue.openOn(
      beside.backend,
      { name: escalationsQueue(beside.name), enqueueTimeoutMs },
      beside.errors,
    );
  }

  private readonly logger = new Logger('Escalations');
  private readonly rules: ReadonlyMap<string, EscalationRule>;
  readonly worker: QueueWorker;

  constructor(
    /** The escalation queue. */
    readonly jobs: JobQueue,
    rules: readonly EscalationRule[],
    private readonly reader: FeedReader,
    private readonly sql: Sql,
  ) {
    this.rules = new Map(rules.map((rule) => [rule.name, rule]));
    this.worker = new QueueWorker(
      jobs,
      (job, token) => this.process(job as Job<EscalationJob>, token),
      { concurrency: CONCURRENCY },
      this.logger,
    );
  }

  /** `false` if a rule applies to the type and the queue seems to be unavailable. */
  isReadyFor(type: string): boolean {
    return this.jobs.usable || this.rulesFor(type).every(({ neededBy }) => neededBy);
  }

  /**
   * Schedules the escalations of new notifications.
   *
   * Duplicates of the same job count as new: the process may have died between the commit and this call.
   *
   * @throws {QueueUnavailableError}
   */
  async schedule(type: string, results: readonly AppendResult[]): Promise<void> {
    const places = results.flatMap((result): EscalationJob[] => {
      const isOwn = result.outcome === 'appended' || (result.outcome === 'duplicate' && !result.conflict);
      // An audience's entry escalates for those who have taken it, from then on.
      if (!isOwn || isAudience(result.feed)) return [];
      const { feed, epoch, seq } = result;
      return [{ to: feed.recipient, tenant: feed.tenant, epoch, seq }];
    });
    const rules = this.rulesFor(type);
    const jobs = rules.filter(({ neededBy }) => !neededBy).flatMap((rule) => jobsOf(rule, places));
    if (jobs.length > 0) await this.jobs.ask((queue) => queue.addBulk(jobs));
    for (const rule of rules) if (rule.neededBy) await this.scheduleNeeded(rule, places);
  }

  private async scheduleNeeded(rule: EscalationRule, places: readonly EscalationJob[]): Promise<void> {
    if (places.length === 0 || !this.jobs.usable) return;
    try {
      const needed = await rule.neededBy!(places.map(({ to, tenant }) => ({ tenant, recipient: to })));
      const jobs = jobsOf(
        rule,
        places.filter((_, index) => needed[index]),
      );
      if (jobs.length > 0) await this.jobs.ask((queue) => queue.addBulk(jobs));
    } catch (error) {
      this.jobs.errors.report(error);
    }
  }

  /**
   * Schedules the escalations of notifications that were taken from audiences, or came back from being snoozed: as new,
   * with numbers of their own. Not awaited by anyone: a queue that is
   * unavailable is tried again, for as long as this process runs.
   */
  taken(notifications: readonly TakenNotification[], attempt = 1): void {
    const types = new Set(
      notifications.map(({ type }) => type).filter((type) => this.rulesFor(type).length > 0),
    );
    for (const type of types) {
      const own = notifications.filter((each) => each.type === type);
      this.schedule(type, own).catch((error: unknown) => {
        this.jobs.errors.report(error);
        if (this.jobs.closing) return;
        setTimeout(() => this.taken(own, attempt + 1), backoffMs(attempt, RETRY)).unref();
      });
    }
  }

  /** Starts to call the handlers once the queue is available. */
  start(): void {
    this.worker.start();
  }

  /** Waits up to 3 s for running handlers; handlers that take longer are called again. */
  stop(): Promise<void> {
    return this.worker.close();
  }

  /** Closes the queue. */
  close(): Promise<void> {
    return this.jobs.close();
  }

  private rulesFor(type: string): readonly EscalationRule[] {
    return [...this.rules.values()].filter(({ types }) => !types || types.some(({ name }) => name === type));
  }

  private async process(job: Job<EscalationJob>, token?: string): Promise<EscalationResult> {
    const rule = this.rules.get(job.name);
    if (!rule) return { outcome: 'left' };
    const { to: recipient, tenant, epoch, seq } = job.data;
    const place = { feed: { tenant, recipient }, epoch, seq };
    const done = new Set(Array.isArray(job.progress) ? (job.progress as string[]) : []);
    const before = done.size;
    try {
      const found = await notificationAt(this.reader, place);
      if (!found || found.notification.readAt !== null) return { outcome: 'left' };
      if (rule.unless === 'seen' && (await isSeen(this.sql, place))) return { outcome: 'left' };
      await rule.handler({ ...found, idempotencyKey: job.id!, attempt: job.attemptsStarted }, done);
      return { outcome: 'escalated' };
    } catch (error) {
      const logUnavailable = error instanceof LogUnavailableError;
      this.logger.warn(`The escalation ${job.name} failed: ${describeError(error)}`);
      if (!logUnavailable && job.attemptsStarted >= ATTEMPTS)
        throw new UnrecoverableError(describeError(error));
      if (done.size > before) await job.updateProgress([...done]).catch(this.jobs.errors.report);
      const delay = backoffMs(job.attemptsStarted, logUnavailable ? undefined : RETRY);
      // If the queue is unavailable too, the job stays active without a lock and runs again once it is found
      // stalled.
      await job.moveToDelayed(Date.now() + delay, token).catch(this.jobs.errors.report);
      throw new DelayedError();
    }
  }
}

/** The name of the escalation queue that belongs to a job queue. */
export function escalationsQueue(queue: string): string {
  return `${queue}-escalations`;
}

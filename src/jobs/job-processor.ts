import { Logger } from '@nestjs/common';
import { DelayedError, UnrecoverableError, type Job } from 'bullmq';
import { InvalidJobError, isRetryable, LogUnavailableError, UnknownTypeError } from '../contract/errors.js';
import { parseJobData } from '../contract/job.js';
import { typeNameProblem } from '../contract/notification-type.js';
import type { Appender, NewNotification } from '../contract/ports/append.js';
import type { Metrics } from '../contract/ports/metrics.js';
import { backoffMs } from './backoff.js';
import { dedupeKeyOf } from './dedupe-key.js';
import { describeError, RepeatedErrors } from './repeated-errors.js';
import type { TypeRegistry } from './type-registry.js';
import { uuidV7 } from './uuid-v7.js';

/** What a completed job shows as its return value. */
export interface JobResult {
  readonly appended: number;
  /** Committed by an earlier run of this job, or by another job with the same key. */
  readonly duplicates: number;
  /** Came too late for so many recipients. */
  readonly expired?: number;
}

/** The ports and settings of {@link JobProcessor}. */
export interface JobProcessorParts {
  readonly types: TypeRegistry;
  readonly appender: Appender;
  readonly metrics: Metrics;
  /** How long a job of an unknown type waits for a worker that knows it, ms. */
  readonly unknownTypeRetryMs: number;
  /** Told after each job whether the log took it (true), or was away (false). */
  readonly logAnswered: (there: boolean) => void;
}

/**
 * One job, one append. A job ends in one of three ways:
 *
 *     active --> completed   appended, found to be appended already, or too late
 *            --> failed      can never succeed (bad data), at once and without a retry; or of a type that nobody knew for 15 minutes
 *            --> delayed     the log is away, or the type is not known yet; run again later
 *
 * It never throws what BullMQ would count as an attempt: attempts belong to the producer, and plain producers set none.
 */
export class JobProcessor {
  private readonly errors = new RepeatedErrors(new Logger('Worker'));

  constructor(private readonly parts: JobProcessorParts) {}

  /** @throws {UnrecoverableError} to fail the job. @throws {DelayedError} when it was put back. */
  readonly process = async (job: Job<unknown>, token?: string): Promise<JobResult> => {
    try {
      const result = await this.append(job);
      this.parts.metrics.jobProcessed('completed');
      return result;
    } catch (error) {
      if (error instanceof UnknownTypeError) {
        const left = (await this.firstTry(job)) + this.parts.unknownTypeRetryMs - Date.now();
        if (left > 0) return this.putBack(job, token, error, left);
      } else if (isRetryable(error)) {
        if (error instanceof LogUnavailableError) this.parts.logAnswered(false);
        return this.putBack(job, token, error);
      }
      this.parts.metrics.jobProcessed('failed');
      throw new UnrecoverableError(describeError(error));
    }
  };

  private async append(job: Job<unknown>): Promise<JobResult> {
    const problem = typeNameProblem(job.name);
    if (problem) throw new InvalidJobError([{ field: 'type', problem: `(the job's name) ${problem}` }]);
    const { feeds, data, expiresAt, collapseKey, ...parsed } = parseJobData(job.data);
    if (expiresAt && expiresAt.getTime() <= Date.now())
      return { appended: 0, duplicates: 0, expired: feeds.length };

    const { types, appender, logAnswered } = this.parts;
    const { type, version, title, body, link, dataJson } = await types.compose(job.name, data, {
      locale: 'en',
    });
    const identity = { queue: job.queueName, id: job.id ?? '', timestamp: job.timestamp };
    const dedupeKey = dedupeKeyOf(identity, parsed.dedupeKey);
    // Field by field: spreading one object into another here takes V8 as long as all the rest of this method.
    const results = await appender.append(
      feeds.map((feed): NewNotification => ({
        feed,
        dedupeKey,
        id: uuidV7(),
        type,
        title,
        body,
        link,
        dataJson,
        version,
        expiresAt,
        collapseKey,
      })),
    );
    logAnswered(true);
    const appended = results.filter((result) => result.outcome === 'appended').length;
    return { appended, duplicates: results.length - appended };
  }

  /** When the job was first found to be of an unknown type: kept with the job, so that restarts do not prolong its wait. */
  private async firstTry(job: Job<unknown>): Promise<number> {
    const { progress } = job;
    if (typeof progress === 'object' && 'unknownTypeSince' in progress) {
      const since = Number(progress.unknownTypeSince);
      if (Number.isFinite(since)) return since;
    }
    const now = Date.now();
    // Without it the wait begins again, which is no harm.
    await job.updateProgress({ unknownTypeSince: now }).catch(this.errors.report);
    return now;
  }

  private async putBack(
    job: Job<unknown>,
    token: string | undefined,
    reason: unknown,
    atMostMs = Infinity,
  ): Promise<never> {
    this.errors.report(reason);
    const delay = Math.min(backoffMs(job.attemptsStarted), atMostMs);
    try {
      await job.moveToDelayed(Date.now() + delay, token);
      this.parts.metrics.jobProcessed('delayed');
    } catch (error) {
      // The queue is away as well. The job stays active without a lock, and whoever finds it stalled runs it again.
      this.errors.report(error);
    }
    throw new DelayedError();
  }
}

import { Logger } from '@nestjs/common';
import { DelayedError, UnrecoverableError, type Job } from 'bullmq';
import {
  InvalidJobError,
  isRetryable,
  LogUnavailableError,
  UnknownTypeError,
} from '../../contract/errors.js';
import { parseJobData } from '../../contract/model/job.js';
import { typeNameProblem } from '../../contract/model/notification-type.js';
import type { IdempotencyKeys } from '../../contract/ports/idempotency.js';
import type { Metrics } from '../../contract/ports/metrics.js';
import { spanOf } from '../../contract/model/span.js';
import { traced, type Tracing } from '../../contract/ports/tracing.js';
import { describeError } from '../../platform/logging/describe-error.js';
import { printable } from '../../platform/logging/printable.js';
import { RepeatedErrors } from '../../platform/logging/repeated-errors.js';
import { backoffMs } from '../../platform/time/backoff.js';
import type { TypeRegistry } from '../../types/type-registry.js';
import type { Delivery, DeliveryResult } from '../deliver/delivery.js';
import { claimOf, isIdempotentJobId } from '../produce/job-identity.js';
import { inCallOf, traceOf } from '../queue/job-carrier.js';

/** The return value of a completed job. */
export type JobResult = DeliveryResult;

/** The ports and settings of {@link JobProcessor}. */
export interface JobProcessorParts {
  readonly types: TypeRegistry;
  readonly delivery: Delivery;
  readonly idempotencyKeys: IdempotencyKeys;
  readonly metrics: Metrics;
  readonly tracing?: Tracing | null;
  /** How long a job of an unknown type is retried until a worker knows the type, ms. */
  readonly unknownTypeRetryMs: number;
  /** Called after each job: `true` if the log took it, `false` if the log was unavailable. */
  readonly logAnswered: (there: boolean) => void;
}

/**
 * Appends one job. A job ends in one of three ways:
 *
 *     active --> completed   appended, found to be appended already, or dropped (too late, muted, recalled, erased)
 *     active --> failed      can never succeed (bad data): at once, without a retry; or its type stayed unknown for 15 minutes
 *     active --> delayed     the log is unavailable, or the type is unknown so far; runs again later
 *
 * Nothing that BullMQ would count as an attempt is thrown: attempts belong to the producer, and plain producers set none.
 */
export class JobProcessor {
  private readonly logger = new Logger('Worker');
  private readonly errors = new RepeatedErrors(this.logger);
  private readonly failures = new RepeatedErrors({ warn: (message) => this.logger.error(message) });

  constructor(private readonly parts: JobProcessorParts) {}

  /** @throws {UnrecoverableError} to fail the job. @throws {DelayedError} after it was put back. */
  readonly process = (job: Job<unknown>, token?: string): Promise<JobResult> =>
    inCallOf(job, () => this.run(job, token));

  private async run(job: Job<unknown>, token: string | undefined): Promise<JobResult> {
    try {
      const { name: type, id = '', queueName: queue } = job;
      const subject = { type: printable(type, 64), id, queue, parent: traceOf(job) };
      const result = await traced(
        this.parts.tracing ?? null,
        () => spanOf('process', subject),
        () => this.deliver(job),
      );
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
      const reason = describeError(error);
      // The producer's answer was "queued": without this line only the list of failed jobs would show the
      // failure.
      const what = printable(
        `A job of "${job.name}" can never be delivered and stays in the failed set`,
        200,
      );
      this.failures.report(new Error(`${what}: ${printable(reason, 1_000)}`));
      throw new UnrecoverableError(reason);
    }
  }

  private async deliver(job: Job<unknown>): Promise<JobResult> {
    const { name: type, data, id = '', queueName: queue, timestamp } = job;
    const problem = typeNameProblem(type);
    if (problem) throw new InvalidJobError([{ field: 'type', problem: `(the job's name) ${problem}` }]);
    const parsed = parseJobData(data);
    const { types, delivery, idempotencyKeys, logAnswered } = this.parts;
    const prepared = await types.prepare(type, parsed.data, parsed.version);
    const identity = { queue, id, timestamp };
    // Only to reject other bodies from now on: this job was accepted by the queue and is delivered.
    if (isIdempotentJobId(id)) await idempotencyKeys.claim(claimOf(identity, parsed, type, data));
    const result = await delivery.deliver({ identity, type, parsed, prepared });
    logAnswered(true);
    return result;
  }

  /** When the job's type was first found unknown: stored with the job, so that restarts do not prolong its wait. */
  private async firstTry(job: Job<unknown>): Promise<number> {
    const { progress } = job;
    if (typeof progress === 'object' && 'unknownTypeSince' in progress) {
      const since = Number(progress.unknownTypeSince);
      if (Number.isFinite(since)) return since;
    }
    const now = Date.now();
    // If this fails, the wait begins again, which does no harm.
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
      // The queue is unavailable too. The job stays active without a lock and runs again once it is found
      // stalled.
      this.errors.report(error);
    }
    throw new DelayedError();
  }
}

import { Logger } from '@nestjs/common';
import { DelayedError, UnrecoverableError, type Job } from 'bullmq';
import {
  InvalidJobError,
  isRetryable,
  LogUnavailableError,
  UnknownTypeError,
} from '../../contract/errors.js';
import { parseJobData } from '../../contract/model/job.js';
import { printable } from '../../platform/logging/printable.js';
import { typeNameProblem } from '../../contract/model/notification-type.js';
import type { FeedKey } from '../../contract/model/feed.js';
import type { Appender, AppendResult, NewNotification } from '../../contract/ports/append.js';
import type { Metrics } from '../../contract/ports/metrics.js';
import type { DropLog, DropReason } from '../../contract/ports/support.js';
import { backoffMs } from '../../platform/time/backoff.js';
import { CANARY } from '../../types/canary.js';
import { dedupeKeyOf } from '../produce/dedupe-key.js';
import type { Escalations } from '../after/escalations.js';
import type { Locales } from './locales.js';
import { describeError } from '../../platform/logging/describe-error.js';
import { RepeatedErrors } from '../../platform/logging/repeated-errors.js';
import type { Composed, TypeRegistry } from '../../types/type-registry.js';

/** What a completed job shows as its return value. */
export interface JobResult {
  readonly appended: number;
  /** Committed by an earlier run of this job, or by another job with the same key. */
  readonly duplicates: number;
  /** So many recipients did not get it: it came too late, they do not want it, it was recalled, or they were erased since. */
  readonly expired?: number;
  readonly muted?: number;
  readonly recalled?: number;
  readonly erased?: number;
}

/** The ports and settings of {@link JobProcessor}. */
export interface JobProcessorParts {
  readonly types: TypeRegistry;
  readonly appender: Appender;
  readonly dropLog: DropLog;
  readonly metrics: Metrics;
  readonly locales: Locales;
  readonly escalations?: Pick<Escalations, 'schedule'> | null;
  /** How long a job of an unknown type waits for a worker that knows it, ms. */
  readonly unknownTypeRetryMs: number;
  /** Told after each job whether the log took it (true), or was away (false). */
  readonly logAnswered: (there: boolean) => void;
}

/**
 * One job, one append. A job ends in one of three ways:
 *
 *     active --> completed   appended, found to be appended already, or dropped (too late, muted, recalled, erased)
 *            --> failed      can never succeed (bad data), at once and without a retry; or of a type that nobody knew for 15 minutes
 *            --> delayed     the log is away, or the type is not known yet; run again later
 *
 * It never throws what BullMQ would count as an attempt: attempts belong to the producer, and plain producers set none.
 */
export class JobProcessor {
  private readonly logger = new Logger('Worker');
  private readonly errors = new RepeatedErrors(this.logger);
  private readonly failures = new RepeatedErrors({ warn: (message) => this.logger.error(message) });

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
      const reason = describeError(error);
      // Its producer was told "queued": without this line nobody would hear of it who does not look at the failed jobs.
      const what = printable(
        `A job of "${job.name}" can never be delivered, and stays among the failed ones`,
        200,
      );
      this.failures.report(new Error(`${what}: ${printable(reason, 1_000)}`));
      throw new UnrecoverableError(reason);
    }
  };

  private async append(job: Job<unknown>): Promise<JobResult> {
    const problem = typeNameProblem(job.name);
    if (problem) throw new InvalidJobError([{ field: 'type', problem: `(the job's name) ${problem}` }]);
    const { feeds, data, collapseKey, ...parsed } = parseJobData(job.data);
    if (parsed.expiresAt && parsed.expiresAt.getTime() <= Date.now()) {
      await this.recordDropped(job, feeds, 'expired');
      return { appended: 0, duplicates: 0, expired: feeds.length };
    }

    const { types, appender, locales, logAnswered } = this.parts;
    const prepared = await types.prepare(job.name, data, parsed.version);
    const { mandatory = false, expiresAfterMs } = prepared.type;
    const byLocale = new Map<string, Composed>();
    const composed = (await locales.of(feeds)).map((locale) => {
      const known = byLocale.get(locale) ?? prepared.compose({ locale });
      byLocale.set(locale, known);
      return known;
    });
    const expiresAt = parsed.expiresAt ?? (expiresAfterMs ? new Date(Date.now() + expiresAfterMs) : null);
    const identity = { queue: job.queueName, id: job.id ?? '', timestamp: job.timestamp };
    const dedupeKey = dedupeKeyOf(identity, parsed.dedupeKey);
    const queuedAt = new Date(job.timestamp);
    // Field by field: spreading one object into another here takes V8 as long as all the rest of this method.
    const results = await appender.append(
      feeds.map((feed, index): NewNotification => {
        const { type, version, title, body, link, dataJson } = composed[index]!;
        return {
          feed,
          dedupeKey,
          type,
          title,
          body,
          link,
          dataJson,
          version,
          expiresAt,
          collapseKey,
          mandatory,
          queuedAt,
        };
      }),
    );
    logAnswered(true);
    if (job.name !== CANARY.name)
      await this.parts.escalations?.schedule(job.name, results, job.attemptsStarted > 1);
    return this.summarize(job, results, parsed.dedupeKey !== null);
  }

  /** Counts the outcomes, and notes what was dropped. */
  private async summarize(
    job: Job<unknown>,
    results: readonly AppendResult[],
    keyIsGiven: boolean,
  ): Promise<JobResult> {
    const feeds = { appended: [], duplicate: [], muted: [], recalled: [], erased: [] } as Record<
      AppendResult['outcome'],
      FeedKey[]
    >;
    for (const { outcome, feed } of results) feeds[outcome].push(feed);
    // A run that is not the first finds what the ones before it have committed: nothing that anybody did not get.
    if (keyIsGiven && job.attemptsStarted <= 1) await this.recordDropped(job, feeds.duplicate, 'duplicate');
    const summary: { -readonly [K in keyof JobResult]: JobResult[K] } = {
      appended: feeds.appended.length,
      duplicates: feeds.duplicate.length,
    };
    for (const reason of ['muted', 'recalled', 'erased'] as const) {
      if (feeds[reason].length === 0) continue;
      summary[reason] = feeds[reason].length;
      await this.recordDropped(job, feeds[reason], reason);
    }
    return summary;
  }

  private async recordDropped(
    { id = '', name: type }: Job<unknown>,
    feeds: readonly FeedKey[],
    reason: DropReason,
  ): Promise<void> {
    if (feeds.length === 0) return;
    await this.parts.dropLog.record(feeds.map((feed) => ({ feed, reason, type, jobId: id })));
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

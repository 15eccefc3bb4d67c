import { Logger } from '@nestjs/common';
import {
  FeedBusyError,
  IdempotencyKeyReusedError,
  isRetryable,
  LogUnavailableError,
} from '../../contract/errors.js';
import type { JobData } from '../../contract/model/job.js';
import type { IdempotencyKeys } from '../../contract/ports/idempotency.js';
import type { HandoverReason, Metrics } from '../../contract/ports/metrics.js';
import { spanOf } from '../../contract/model/span.js';
import type { Enqueued, EnqueueOptions, Producer } from '../../contract/ports/produce.js';
import { traced, type Tracing } from '../../contract/ports/tracing.js';
import { CircuitBreaker } from '../../platform/circuit-breaker.js';
import { Outage } from '../../platform/logging/outage.js';
import { uuidV7 } from '../../platform/uuid-v7.js';
import { withTimeout } from '../../platform/time/with-timeout.js';
import type { TypeRegistry } from '../../types/type-registry.js';
import { checkJob, delayOf, type CheckedJob } from '../produce/check-job.js';
import { claimOf, directJob, idempotentJobId, type JobIdentity } from '../produce/job-identity.js';
import type { Door } from '../produce/notifier.js';
import { refuseOtherBody, type QueueProducer } from '../produce/queue-producer.js';
import type { Delivery } from './delivery.js';

/** After this time the job goes to the queue, which needs the rest of the caller's time. */
const ANSWER_MS = 1_000;
/** The maximum number of recipients with appends in progress. The queue buffers the excess, not memory. */
const MAX_IN_PROGRESS = 2_000;

/** The dependencies of {@link DirectProducer}. */
export interface DirectProducerParts {
  readonly types: TypeRegistry;
  readonly delivery: Delivery;
  readonly idempotencyKeys: IdempotencyKeys;
  readonly queue: QueueProducer;
  /** The name of the queue; part of each job's identity. */
  readonly queueName: string;
  /** The longest wait of a caller, for log and queue together. */
  readonly enqueueTimeoutMs: number;
  /** `queue`: this process never appends directly. */
  readonly mode: 'direct' | 'queue';
  readonly metrics: Pick<Metrics, 'handedToQueue'>;
  readonly tracing?: Tracing | null;
}

/**
 * Delivers due jobs directly and passes the rest to the queue:
 *
 *     checked --due later, or its escalations need the queue, which is unavailable--> queue
 *             --too many appends in progress, or a recent outage--> queue
 *             --append--> committed: delivered
 *                     --log unavailable, feed busy, or no answer within 1 s--> queue
 *
 * What waits for a transaction after 1 s is withdrawn. What is in one may still commit: the job has the same identity at both doors, so the
 * queued job is a duplicate then.
 */
export class DirectProducer implements Producer, Door {
  private readonly outage = new Outage(new Logger('Producer'), 'Direct delivery');
  private readonly breaker = new CircuitBreaker();
  private readonly answerMs: number;
  private inProgress = 0;

  constructor(private readonly parts: DirectProducerParts) {
    this.answerMs = Math.min(ANSWER_MS, parts.enqueueTimeoutMs / 2);
  }

  async enqueue(type: string, data: JobData, { idempotency }: EnqueueOptions = {}): Promise<Enqueued> {
    const job = await checkJob(this.parts.types, type, data);
    return this.publish(job, idempotency);
  }

  send(job: CheckedJob): Promise<Enqueued> {
    return this.publish(job);
  }

  private publish(job: CheckedJob, idempotency?: EnqueueOptions['idempotency']): Promise<Enqueued> {
    const { tracing = null, queueName: queue } = this.parts;
    const subject = { type: job.type, queue, recipients: job.parsed.feeds.length };
    return traced(
      tracing,
      () => spanOf('send', subject),
      () => this.deliver(job, idempotency),
    );
  }

  private async deliver(job: CheckedJob, idempotency?: EnqueueOptions['idempotency']): Promise<Enqueued> {
    const { delivery, queue, queueName, mode, metrics } = this.parts;
    const now = Date.now();
    const startedAt = performance.now();
    let reason = this.reasonToQueue(job, now);
    const direct = mode === 'direct' && reason === null;
    const identity: JobIdentity =
      direct && !idempotency
        ? directJob(queueName, job.parsed)
        : { queue: queueName, id: idempotency ? idempotentJobId(idempotency) : uuidV7(), timestamp: now };
    const { id, timestamp } = identity;
    if (direct || idempotency) {
      const refusal = this.refusal(job);
      const failure =
        refusal ??
        (await this.attempt(job, async (signal) => {
          const isFirst = idempotency !== undefined && (await this.claim(job, identity));
          try {
            if (direct) await delivery.deliver({ ...job, identity }, { urgent: true, signal });
          } catch (error) {
            // A corrected body may use the key: nothing was delivered.
            if (isFirst && !isRetryable(error)) await this.parts.idempotencyKeys.release(id);
            throw error;
          }
        }));
      if (direct && failure === null) return { id, outcome: 'delivered' };
      reason ??= failure;
    }
    if (mode === 'direct') metrics.handedToQueue(reason!);
    await queue.store(job, {
      id,
      timestamp,
      startedAt,
      look: idempotency && refuseOtherBody(job),
    });
    return { id, outcome: 'queued' };
  }

  private reasonToQueue(job: CheckedJob, now: number): HandoverReason | null {
    if (delayOf(job.parsed, now) > 0) return 'later';
    return this.parts.delivery.isReadyFor(job.type) ? null : 'escalations';
  }

  /** Without one, the caller tries, and {@link attempt} reports the result to the circuit breaker. */
  private refusal({ parsed }: CheckedJob): HandoverReason | null {
    if (this.inProgress > 0 && this.inProgress + parsed.feeds.length > MAX_IN_PROGRESS) return 'busy';
    return this.breaker.allows() ? null : 'outage';
  }

  /** Returns the reason if the log could not append in time. The append may still commit, if it is in a transaction. */
  private async attempt(
    { parsed }: CheckedJob,
    work: (signal: AbortSignal) => Promise<void>,
  ): Promise<HandoverReason | null> {
    const startedAt = performance.now();
    const count = parsed.feeds.length;
    const abort = new AbortController();
    this.inProgress += count;
    const done = work(abort.signal).finally(() => (this.inProgress -= count));
    try {
      await withTimeout(this.answerMs, done, () => new LateError(this.answerMs));
      this.logAnswered();
      return null;
    } catch (error) {
      if (error instanceof LateError) {
        abort.abort(error);
        // No outage while other appends commit: a single feed may be locked, or there is much to do.
        if (this.parts.delivery.lastCommitAt > startedAt) this.logAnswered();
        else this.logFailed(error);
        return 'late';
      }
      // Whatever else went wrong is not the log's: a locked feed, the host's own code, or escalations, which the queued job schedules.
      if (error instanceof LogUnavailableError) this.logFailed(error);
      else this.logAnswered();
      if (!isRetryable(error)) throw error;
      if (error instanceof LogUnavailableError || error instanceof FeedBusyError) return error.code;
      return 'error';
    }
  }

  /** Returns whether the key was free. */
  private async claim(job: CheckedJob, identity: JobIdentity): Promise<boolean> {
    const { idempotencyKeys, queue } = this.parts;
    const { id: jobId } = identity;
    const outcome = await idempotencyKeys.claim(claimOf(identity, job.parsed, job.type, job.sent));
    if (outcome === 'other') throw new IdempotencyKeyReusedError();
    // The queue may hold another body, accepted while the log was unavailable and not claimed yet.
    if (outcome === 'first' && (await queue.hasOtherBody(job, jobId))) {
      await idempotencyKeys.release(jobId);
      throw new IdempotencyKeyReusedError();
    }
    return outcome === 'first';
  }

  private logAnswered(): void {
    this.breaker.succeeded();
    this.outage.end();
  }

  private logFailed(error: unknown): void {
    this.breaker.failed();
    this.outage.begin(error);
  }
}

class LateError extends Error {
  override readonly name = 'LateError';

  constructor(ms: number) {
    super(`no answer within ${ms} ms`);
  }
}

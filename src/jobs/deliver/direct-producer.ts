import { Logger } from '@nestjs/common';
import { IdempotencyKeyReusedError, isRetryable, LogUnavailableError } from '../../contract/errors.js';
import type { JobData } from '../../contract/model/job.js';
import type { IdempotencyKeys } from '../../contract/ports/idempotency.js';
import type { Enqueued, EnqueueOptions, Producer } from '../../contract/ports/produce.js';
import { CircuitBreaker } from '../../platform/circuit-breaker.js';
import { Outage } from '../../platform/logging/outage.js';
import { uuidV7 } from '../../platform/uuid-v7.js';
import { withTimeout } from '../../platform/time/with-timeout.js';
import type { TypeRegistry } from '../../types/type-registry.js';
import { checkJob, delayOf, type CheckedJob } from '../produce/check-job.js';
import { bodyFingerprint, directJobId, idempotentJobId, type JobIdentity } from '../produce/dedupe-key.js';
import type { Door } from '../produce/notifier.js';
import { refuseOtherBody, type QueueProducer } from '../produce/queue-producer.js';
import type { Delivery } from './delivery.js';

/** After this time the job goes to the queue. */
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
  /** `queue`: this process never appends directly. */
  readonly mode: 'direct' | 'queue';
}

/**
 * Delivers due jobs directly and passes the rest to the queue:
 *
 *     checked --due later, or its escalations need the queue, which is unavailable--> queue
 *             --too many appends in progress, or a recent outage--> queue
 *             --append--> committed: delivered
 *                     --log unavailable, feed busy, or no answer within 1 s--> queue
 *
 * The job has the same identity at both doors: if a late append commits after all, the queued job is a duplicate.
 */
export class DirectProducer implements Producer, Door {
  private readonly outage = new Outage(new Logger('Producer'), 'Direct delivery (the queue takes over)');
  private readonly breaker = new CircuitBreaker();
  private inProgress = 0;
  private lastCommitAt = 0;

  constructor(private readonly parts: DirectProducerParts) {}

  async enqueue(type: string, data: JobData, { idempotency }: EnqueueOptions = {}): Promise<Enqueued> {
    const job = await checkJob(this.parts.types, type, data);
    return this.deliver(job, idempotency);
  }

  send(job: CheckedJob): Promise<Enqueued> {
    return this.deliver(job);
  }

  private async deliver(job: CheckedJob, idempotency?: EnqueueOptions['idempotency']): Promise<Enqueued> {
    const { delivery, queue, queueName, mode } = this.parts;
    const timestamp = Date.now();
    const isDue = delayOf(job.parsed, timestamp) === 0;
    const direct = mode === 'direct' && isDue && delivery.isReadyFor(job.type);
    const id = idempotency ? idempotentJobId(idempotency) : direct ? directJobId() : uuidV7();
    const identity: JobIdentity = { queue: queueName, id, timestamp };
    if ((direct || idempotency) && this.hasRoomFor(job) && this.breaker.allows()) {
      const work = async (): Promise<boolean> => {
        const isFirst = idempotency !== undefined && (await this.claim(job, id));
        try {
          if (direct) await delivery.deliver({ ...job, identity });
        } catch (error) {
          // A corrected body may use the key: nothing was delivered.
          if (isFirst && !isRetryable(error)) await this.parts.idempotencyKeys.release(id);
          throw error;
        }
        return direct;
      };
      if (await this.attempt(job, work)) return { id, outcome: 'delivered' };
    }
    await queue.store(job, {
      id,
      timestamp,
      startedAt: timestamp,
      look: idempotency && refuseOtherBody(job),
    });
    return { id, outcome: 'queued' };
  }

  private hasRoomFor({ parsed }: CheckedJob): boolean {
    return this.inProgress === 0 || this.inProgress + parsed.feeds.length <= MAX_IN_PROGRESS;
  }

  /** Returns `false` if the log could not append in time. The append may still commit: the work continues. */
  private async attempt({ parsed }: CheckedJob, work: () => Promise<boolean>): Promise<boolean> {
    const startedAt = performance.now();
    const count = parsed.feeds.length;
    this.inProgress += count;
    const done = work().finally(() => (this.inProgress -= count));
    try {
      const delivered = await withTimeout(ANSWER_MS, done, () => new LateError());
      this.lastCommitAt = performance.now();
      this.logAnswered();
      return delivered;
    } catch (error) {
      if (error instanceof LateError) {
        // No outage while other appends commit: a single feed may be locked.
        if (this.lastCommitAt > startedAt) this.breaker.succeeded();
        else this.logFailed(error);
        return false;
      }
      // Whatever else went wrong is not the log's: a locked feed, the host's own code, or escalations, which the queued job schedules.
      if (error instanceof LogUnavailableError) this.logFailed(error);
      else this.logAnswered();
      if (!isRetryable(error)) throw error;
      return false;
    }
  }

  /** Returns whether the key was free. */
  private async claim(job: CheckedJob, jobId: string): Promise<boolean> {
    const { idempotencyKeys, queue } = this.parts;
    const outcome = await idempotencyKeys.claim({ jobId, fingerprint: bodyFingerprint(job.type, job.sent) });
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

  constructor() {
    super(`no answer within ${ANSWER_MS} ms`);
  }
}

import type { Logger } from '@nestjs/common';
import type { Processor, WorkerOptions } from 'bullmq';
import { outsideOfCalls } from '../../platform/call-context.js';
import { describeError } from '../../platform/logging/describe-error.js';
import { Outage } from '../../platform/logging/outage.js';
import { backoffMs } from '../../platform/time/backoff.js';
import { settlesWithin } from '../../platform/time/with-timeout.js';
import type { Connected } from './backend.js';
import { FinishedJobsSweep, KEPT } from './finished-jobs.js';
import type { ResilientWorker } from './resilient-worker.js';
import type { JobQueue } from './queue.js';

/** How long close() waits for running jobs: with everything before and after, a process ends within 5 s. */
const CLOSE_MS = 3_000;
/** While the queue is unavailable, no job can be marked as completed, so close() waits for running appends only. */
const CLOSE_UNAVAILABLE_MS = 1_000;
/** How long a worker takes at most to stop once its connections are cut. */
const GIVE_UP_MS = 200;

/** BullMQ's options that differ between workers. */
export type QueueWorkerOptions = Pick<WorkerOptions, 'concurrency' | 'lockDuration' | 'stalledInterval'>;

/**
 * Runs the jobs of one queue, as soon as its backend allows it:
 *
 *     new --start()--> starting --ready--> running --pauseFor(ms)--> paused --ms, or resume()--> running
 *                      starting --refused--> waiting --backoff--> starting
 *       any state --close()--> closed
 *
 * BullMQ's Worker never recovers from a rejected start (a Redis user without INFO, missing tables), so each attempt creates a new one. An
 * unavailable Redis does not reject: the connection waits for it.
 */
export class QueueWorker {
  private readonly outage: Outage;
  private readonly sweep: FinishedJobsSweep | null;
  private connected: Connected<ResilientWorker> | null = null;
  private started = false;
  private running = false;
  private refusals = 0;
  private refusal: unknown = 'it is still connecting';
  private retry: NodeJS.Timeout | undefined;
  private pause: NodeJS.Timeout | undefined;
  private closed: Promise<void> | undefined;

  constructor(
    private readonly jobs: JobQueue,
    private readonly processor: Processor,
    private readonly options: QueueWorkerOptions,
    private readonly logger: Logger,
  ) {
    this.outage = new Outage(logger, `The worker of the queue "${jobs.name}"`);
    this.sweep = jobs.backend.trims ? null : new FinishedJobsSweep(jobs.queue, jobs.errors.report);
  }

  get isPaused(): boolean {
    return this.pause !== undefined;
  }

  /** Whether it fetches jobs, or will after a pause. */
  get isRunning(): boolean {
    return this.running && this.closed === undefined && this.connected?.instance.fetchProblem === null;
  }

  /** Starts in the background; retries a rejected start until {@link close}. */
  start(): void {
    if (this.started || this.closed) return;
    this.started = true;
    void this.attempt();
  }

  /** Rejects with the reason while the worker takes no jobs. */
  check(): Promise<void> {
    if (this.isRunning) return Promise.resolve();
    const reason = this.closed ? 'it is closed' : (this.connected?.instance.fetchProblem ?? this.refusal);
    const problem = `the worker of the queue "${this.jobs.name}" takes no jobs: ${describeError(reason)}`;
    return Promise.reject(new Error(problem));
  }

  /** Pauses fetching. Running jobs continue: the caller may be one of them. */
  pauseFor(ms: number): void {
    if (this.pause || this.closed || !this.running) return;
    // Paused by a job, resumed for all: the jobs that come then are not a part of its call.
    this.pause = outsideOfCalls(() => setTimeout(() => this.resume(), ms));
    void this.connected?.instance.pause(true);
  }

  /** Ends a pause early. */
  resume(): void {
    if (!this.pause || this.closed) return;
    clearTimeout(this.pause);
    this.pause = undefined;
    void this.connected?.instance.resume();
  }

  /** Stops fetching and lets running jobs end, for at most 3 s; jobs that take longer run again on another worker. */
  close(): Promise<void> {
    this.closed ??= this.end();
    return this.closed;
  }

  private async attempt(): Promise<void> {
    const connected = this.open();
    const { instance } = connected;
    this.connected = connected;
    try {
      await instance.waitUntilReady();
    } catch (error) {
      if (this.closed) return;
      this.refusal = error;
      this.outage.begin(error);
      this.connected = null;
      await discard(connected);
      if (!this.closed) this.retry = setTimeout(() => void this.attempt(), backoffMs(++this.refusals));
      return;
    }
    if (this.closed) return;
    this.running = true;
    void instance.run();
    this.outage.end();
    this.sweep?.start();
    const { name, backend } = this.jobs;
    const server = backend.name === 'redis' ? 'Redis' : 'Postgres';
    this.logger.log(
      `Taking jobs from the queue "${name}" on ${server}, up to ${this.options.concurrency} at a time`,
    );
  }

  private open(): Connected<ResilientWorker> {
    const { trims } = this.jobs.backend;
    const connected = this.jobs.openWorker(this.processor, {
      ...this.options,
      // BullMQ fails a job for good after this many stalls, but an outage is not the job's fault. Postgres'
      // largest integer.
      maxStalledCount: 2 ** 31 - 1,
      runRetryDelay: 1_000,
      ...(trims && { removeOnComplete: KEPT.completed, removeOnFail: KEPT.failed }),
    });
    // start() reports its own failure, and closing a connection on purpose is no error.
    connected.instance.on('error', (error) => {
      if (this.running && !this.closed) this.jobs.errors.report(error);
    });
    return connected;
  }

  private async end(): Promise<void> {
    clearTimeout(this.retry);
    clearTimeout(this.pause);
    if (this.connected && !this.running) await discard(this.connected);
    else if (this.connected) await this.endRunning(this.connected);
    await settlesWithin(GIVE_UP_MS, this.sweep?.stop() ?? Promise.resolve());
  }

  private async endRunning({ instance, usable, destroy }: Connected<ResilientWorker>): Promise<void> {
    const closed = instance.close();
    if (!(await settlesWithin(usable() ? CLOSE_MS : CLOSE_UNAVAILABLE_MS, closed))) {
      this.logger.warn(`The queue "${this.jobs.name}" did not close in time; running jobs will run again`);
      await instance.abandon();
    }
    await destroy();
    await settlesWithin(GIVE_UP_MS, closed);
  }
}

/** Closes a worker that never ran. Its close() waits for connections that may never come, hence the limit. */
async function discard({ instance, destroy }: Connected<ResilientWorker>): Promise<void> {
  await settlesWithin(GIVE_UP_MS, instance.close());
  await instance.abandon();
  await destroy();
}

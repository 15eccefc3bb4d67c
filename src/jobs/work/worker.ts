import { Logger } from '@nestjs/common';
import type { ResolvedOptions } from '../../contract/options/options.js';
import type { Appender } from '../../contract/ports/append.js';
import type { DropLog } from '../../contract/ports/support.js';
import { backoffMs } from '../../platform/time/backoff.js';
import { settlesWithin } from '../../platform/time/with-timeout.js';
import type { Escalations } from '../after/escalations.js';
import { FinishedJobsSweep, KEPT } from '../queue/finished-jobs.js';
import { JobProcessor } from './job-processor.js';
import { Locales } from './locales.js';
import type { JobQueue } from '../queue/queue.js';
import { describeError } from '../../platform/logging/describe-error.js';
import type { TypeRegistry } from '../../types/type-registry.js';

/** A running batch has this long to commit: with what comes before and after, a process ends within 5 s. */
const CLOSE_MS = 3_000;
/** Without the queue no job can be marked as completed, so that only running appends are waited for. */
const CLOSE_AWAY_MS = 1_000;
/** After the connections were cut, what waited for them gives up. */
const GIVE_UP_MS = 200;

/** What {@link NotificationWorker} needs. */
export interface WorkerParts {
  readonly jobs: JobQueue;
  readonly types: TypeRegistry;
  readonly appender: Appender;
  readonly dropLog: DropLog;
  readonly escalations?: Escalations | null;
  readonly options: Pick<ResolvedOptions, 'worker' | 'metrics' | 'resolveLocales'>;
}

/**
 * Turns jobs into entries, as many at a time as the log likes to commit together.
 *
 *     new --start()--> fetching --the log is away--> paused --after a backoff--> fetching --close()--> closed
 *
 * While the log is away, jobs that wait on the queue stay there: without the pause each would be fetched, refused and put back, tens of
 * thousands of them over and over. Each time the pause ends, the next handful of jobs finds out; the first that is taken ends it for good.
 */
export class NotificationWorker {
  private readonly logger = new Logger('Worker');
  private readonly processor: JobProcessor;
  private readonly connected: ReturnType<JobQueue['openWorker']>;
  private readonly sweep: FinishedJobsSweep | null = null;
  private readonly waits: boolean;
  /** What it does, for whoever reads the log. */
  private readonly task: string;
  private started = false;
  private pause: NodeJS.Timeout | null = null;
  private refusals = 0;
  private closed: Promise<void> | undefined;

  constructor({ jobs, options, ...ports }: WorkerParts) {
    this.waits = jobs.backend.waits;
    const { concurrency, unknownTypeRetryMs, lockDurationMs, stalledIntervalMs } = options.worker;
    const server = jobs.backend.name === 'redis' ? 'Redis' : 'Postgres';
    this.task = `It takes jobs from the queue "${jobs.name}" on ${server} (${concurrency} at a time)`;
    this.processor = new JobProcessor({
      ...ports,
      metrics: options.metrics,
      locales: new Locales(options.resolveLocales),
      unknownTypeRetryMs,
      logAnswered: (there) => (there ? this.logIsThere() : this.logIsAway()),
    });
    this.connected = jobs.openWorker(this.processor.process, {
      concurrency,
      lockDuration: lockDurationMs,
      stalledInterval: stalledIntervalMs,
      // BullMQ fails a job for good after so many stalls. An outage is not the job's fault; the largest integer of Postgres.
      maxStalledCount: 2 ** 31 - 1,
      runRetryDelay: 1_000,
      ...(jobs.backend.trims && { removeOnComplete: KEPT.completed, removeOnFail: KEPT.failed }),
    });
    if (!jobs.backend.trims) this.sweep = new FinishedJobsSweep(jobs.queue, jobs.errors.report);
  }

  /** Begins to fetch jobs. On Postgres it rejects if the queue cannot be reached; Redis is waited for in the background. */
  async start(): Promise<void> {
    if (this.started || this.closed) return;
    this.started = true;
    const { instance } = this.connected;
    const ready = instance.waitUntilReady().then(() => {
      if (this.closed) return;
      void instance.run();
      this.logger.log(this.task);
      this.sweep?.start();
    });
    if (!this.waits) return ready;
    ready.catch((error) => {
      if (!this.closed) this.logger.error(`It cannot run: ${describeError(error)}`);
    });
  }

  /**
   * Stops fetching and lets running jobs end, for at most 3 s; those that take longer run again elsewhere. Does not hang when the queue or
   * the log is away.
   */
  close(): Promise<void> {
    this.closed ??= this.end();
    return this.closed;
  }

  private async end(): Promise<void> {
    this.endPause();
    const { instance, usable, destroy } = this.connected;
    const closed = instance.close();
    if (!(await settlesWithin(usable() ? CLOSE_MS : CLOSE_AWAY_MS, closed))) {
      this.logger.warn('The queue did not let go in time; a job that still runs will be run again.');
      await instance.abandon();
    }
    await destroy();
    await settlesWithin(GIVE_UP_MS, Promise.all([closed, this.sweep?.stop()]));
  }

  private logIsAway(): void {
    if (this.pause || this.closed) return;
    const { instance } = this.connected;
    this.pause = setTimeout(() => {
      this.pause = null;
      void instance.resume();
    }, backoffMs(++this.refusals));
    // Without waiting for running jobs: this is one of them.
    void instance.pause(true);
  }

  private logIsThere(): void {
    this.refusals = 0;
    if (!this.pause || this.closed) return;
    this.endPause();
    void this.connected.instance.resume();
  }

  private endPause(): void {
    clearTimeout(this.pause ?? undefined);
    this.pause = null;
  }
}

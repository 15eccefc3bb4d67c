import type { Queue } from 'bullmq';
import { z } from 'zod';
import { feedKeyString } from '../../src/contract/model/feed.js';
import { defineNotification, type AnyNotificationType } from '../../src/contract/model/notification-type.js';
import { resolveOptions, type RedisOptions } from '../../src/contract/options/options.js';
import type { Appender, AppendResult, NewNotification } from '../../src/contract/ports/append.js';
import { NO_METRICS } from '../../src/contract/ports/metrics.js';
import { IMPATIENT_WORKER } from '../support/impatient.js';
import {
  Delivery,
  Locales,
  openJobQueue,
  type JobQueue,
  NotificationWorker,
  QueueProducer,
  SHIPPED_TYPES,
  TypeRegistry,
} from '../../src/jobs/index.js';

export { defineNotification, z };

export const orderData = {
  orderId: 'A-17',
  customer: 'Zoe',
  items: [{ name: 'Cup', quantity: 2 }, { name: 'Pot' }],
  total: { amount: 123_450, currency: 'EUR' },
};

/** A log that remembers what it was given, and can be away or slow. */
export class RecordingAppender implements Appender {
  /** What was committed, one list for each call. */
  readonly batches: NewNotification[][] = [];
  calls = 0;
  lastCommitAt = -Infinity;
  problem: Error | null = null;
  private gate: Promise<void> = Promise.resolve();
  private readonly known = new Set<string>();

  /** Lets every call wait until the gate is opened. */
  hold(): { open: () => void } {
    let open = (): void => {};
    this.gate = new Promise((resolve) => {
      open = resolve;
    });
    return { open };
  }

  async append(notifications: readonly NewNotification[]): Promise<AppendResult[]> {
    this.calls++;
    await this.gate;
    if (this.problem) throw this.problem;
    this.batches.push([...notifications]);
    this.lastCommitAt = performance.now();
    return notifications.map(({ feed, dedupeKey }, index) => {
      const key = `${feedKeyString(feed)}\u0000${dedupeKey}`;
      const outcome = this.known.has(key) ? ('duplicate' as const) : ('appended' as const);
      this.known.add(key);
      return { outcome, feed, epoch: 'test', seq: index + 1, entry: null };
    });
  }
}

/** The whole stage, with a recording log behind it. */
export interface Jobs {
  readonly name: string;
  readonly jobs: JobQueue;
  readonly queue: Queue;
  readonly producer: QueueProducer;
  readonly appender: RecordingAppender;
  readonly outcomes: string[];
  close(): Promise<void>;
}

interface JobsSettings {
  queue?: string;
  prefix?: string;
  types?: AnyNotificationType[];
  appender?: RecordingAppender;
  concurrency?: number;
  unknownTypeRetryMs?: number;
  /** How long the queue may take to answer. */
  answerMs?: number;
  /** Default `true`. */
  worker?: boolean;
}

export async function openJobs(
  server: { database: { url: string }; redis: RedisOptions | null },
  settings: JobsSettings,
): Promise<Jobs> {
  const { queue: name = 'tidings', appender = new RecordingAppender() } = settings;
  const outcomes: string[] = [];
  const options = resolveOptions({
    database: { url: server.database.url },
    redis: server.redis,
    roles: ['worker'],
    queue: { name, prefix: settings.prefix, enqueueTimeoutMs: settings.answerMs },
    worker: {
      ...IMPATIENT_WORKER,
      concurrency: settings.concurrency,
      unknownTypeRetryMs: settings.unknownTypeRetryMs,
    },
    types: [...SHIPPED_TYPES, ...(settings.types ?? [])],
    metrics: { ...NO_METRICS, jobProcessed: (outcome) => outcomes.push(outcome) },
  });
  const types = new TypeRegistry(options.types);
  const delivery = new Delivery({
    appender,
    dropLog: { record: () => Promise.resolve() },
    locales: new Locales(options.resolveLocales),
    escalations: null,
  });
  const idempotencyKeys = {
    claim: () => Promise.resolve('first' as const),
    isDelivered: () => Promise.resolve(false),
    release: () => Promise.resolve(),
  };
  const jobs = await openJobQueue(options);
  const worker =
    settings.worker === false
      ? null
      : new NotificationWorker({ jobs, types, delivery, idempotencyKeys, options });
  worker?.start();
  return {
    name,
    jobs,
    queue: jobs.queue,
    producer: new QueueProducer(jobs, types, options.queue.enqueueTimeoutMs),
    appender,
    outcomes,
    close: async () => {
      await worker?.close();
      await jobs.close();
    },
  };
}

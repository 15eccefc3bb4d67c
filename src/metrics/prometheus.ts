import { Logger } from '@nestjs/common';
import { Counter, Gauge, Histogram, register as defaultRegister, type Registry } from 'prom-client';
import type { HandoverReason, Metrics } from '../contract/ports/metrics.js';
import type { QueueDepth } from '../contract/ports/ops.js';
import type { StreamStates } from '../contract/ports/stream.js';
import { describeError } from '../platform/logging/describe-error.js';
import { withTimeout } from '../platform/time/with-timeout.js';

/** Scrapes within this time share a query: however often somebody scrapes, the queue is asked this often. */
const QUEUE_DEPTH_MAX_AGE_MS = 5_000;
/** A slower queue is omitted from this scrape, so that it does not hide the other metrics. */
const QUEUE_DEPTH_TIMEOUT_MS = 1_000;

const NO_EXEMPLAR = {};
const LATENCIES = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];

/** A base class, so that the registry is set before the fields below are initialized. */
class Registered {
  constructor(readonly register: Registry) {}

  protected counter<Label extends string>(
    name: string,
    help: string,
    ...labelNames: Label[]
  ): Counter<Label> {
    return new Counter({ name: `tidings_${name}`, help, labelNames, registers: [this.register] });
  }

  /** A histogram whose observations may name a trace. */
  protected latency(name: string, help: string): Histogram {
    const options = { name: `tidings_${name}`, help, buckets: LATENCIES, enableExemplars: true };
    // Registered afterwards: prom-client refuses exemplars in a registry of the format of Prometheus, which leaves them out.
    const histogram = new Histogram({ ...options, registers: [] });
    this.register.registerMetric(histogram);
    return histogram;
  }
}

/**
 * Exposes Tidings' metrics with prom-client, for the option `metrics`:
 *
 * ```ts
 * TidingsModule.forRoot({ ..., metrics: new PrometheusMetrics() })
 * ```
 *
 * Names begin with `tidings_` and follow https://prometheus.io/docs/practices/naming/: base units, `_total`
 * for counters. The latencies have exemplars while traces are recorded; they show in OpenMetrics, see {@link openMetricsOf}.
 */
export class PrometheusMetrics extends Registered implements Metrics {
  private readonly logger = new Logger('Metrics');
  private streamStates: (() => StreamStates) | null = null;
  private queueDepth: QueueDepth | null = null;
  /** The pending query, shared by all scrapes: a hanging queue is queried once. */
  private asking: ReturnType<QueueDepth> | null = null;
  private lastDepth: { readonly at: number; readonly depth: Awaited<ReturnType<QueueDepth>> } | null = null;

  private readonly appended = this.counter('entries_appended_total', 'Entries committed to the log.');
  private readonly taken = this.counter(
    'audience_entries_taken_total',
    'Entries of audiences taken into feeds; also counted as appended.',
  );
  private readonly duplicates = this.counter(
    'entries_duplicate_total',
    'Notifications that were already in the log and were not appended again.',
  );
  private readonly batchSeconds = new Histogram({
    name: 'tidings_append_batch_duration_seconds',
    help: 'Duration of the transaction of a batch.',
    buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
    registers: [this.register],
  });
  private readonly batchEntries = new Histogram({
    name: 'tidings_append_batch_entries',
    help: 'Entries and duplicates per batch: the effect of the group commit.',
    buckets: [1, 2, 5, 10, 25, 50, 100, 250, 500, 1_000, 2_500],
    registers: [this.register],
  });
  private readonly busyFeeds = this.counter(
    'append_feeds_busy_total',
    'Feeds that were locked elsewhere and left to a later batch.',
  );
  private readonly delivered = this.counter(
    'entries_delivered_total',
    'Entries passed to connections, by source.',
    'source',
  );
  private readonly sinceAppend = this.latency(
    'commit_to_frame_seconds',
    'Time from the append of a notification, on the clock of the database, to its frame on a stream that waited for it.',
  );
  private readonly sincePublish = this.latency(
    'publish_to_frame_seconds',
    'Time from the publishing of a notification (its due time, if later) to its frame on a stream that waited for it.',
  );
  private readonly pageQueries = this.counter('page_queries_total', 'Queries that read pages of the log.');
  private readonly pages = this.counter('pages_read_total', 'Pages read; connections can share a query.');
  private readonly heals = this.counter(
    'stream_heals_total',
    'Reads of the log by live connections that found a hole.',
  );
  private readonly resets = this.counter('stream_resets_total', 'Sent feed.reset frames.', 'reason');
  private readonly open = new Gauge({
    name: 'tidings_streams_open',
    help: 'Open streams.',
    registers: [this.register],
  });
  private readonly opened = this.counter('streams_opened_total', 'Streams opened.');
  private readonly closed = this.counter('streams_closed_total', 'Streams closed, by reason.', 'reason');
  private readonly refused = this.counter(
    'streams_refused_total',
    'Streams refused with only feed.closing, by reason.',
    'reason',
  );
  private readonly httpRefusals = this.counter(
    'http_refused_total',
    'HTTP requests that were refused with a status from 400 to 499, by code of the problem.',
    'code',
  );
  private readonly handovers = this.counter(
    'direct_handovers_total',
    'Notifications that went to the queue instead of being delivered directly, by reason.',
    'reason',
  );
  private readonly jobs = this.counter('jobs_processed_total', 'Jobs that ended, by outcome.', 'outcome');
  private readonly busMessages = this.counter('bus_messages_total', 'Messages on the live bus.', 'direction');
  private readonly busFailures = this.counter(
    'bus_failures_total',
    'Messages that the bus did not take; the cursors heal from the log.',
  );

  /**
   * @param options `register`: prom-client's registry. Default: its global one, which the application's
   * exporter serves.
   */
  constructor({ register = defaultRegister }: { readonly register?: Registry } = {}) {
    super(register);
    const streams = new Gauge({
      name: 'tidings_streams',
      help: 'Open streams, by state; replaying: replays under way.',
      labelNames: ['state'],
      registers: [register],
      collect: () => {
        for (const [state, count] of Object.entries(this.streamStates?.() ?? {}))
          streams.set({ state }, count);
      },
    });
    const collect = async (): Promise<void> => {
      depth.reset();
      for (const [state, count] of Object.entries(await this.readQueueDepth())) depth.set({ state }, count);
    };
    const depth = new Gauge({
      name: 'tidings_queue_jobs',
      help: 'Jobs in the queue, by state. Absent while the queue does not answer.',
      labelNames: ['state'],
      registers: [register],
      collect,
    });
  }

  entryShown({
    sinceAppendMs,
    sincePublishMs,
    trace,
  }: Parameters<NonNullable<Metrics['entryShown']>>[0]): void {
    // The names of OpenTelemetry, which Grafana looks for.
    const exemplarLabels = trace ? { trace_id: trace.traceId, span_id: trace.spanId } : NO_EXEMPLAR;
    this.sinceAppend.observe({ value: sinceAppendMs / 1_000, exemplarLabels });
    if (sincePublishMs !== null) this.sincePublish.observe({ value: sincePublishMs / 1_000, exemplarLabels });
  }

  observeStreams(states: () => StreamStates): void {
    this.streamStates = states;
  }

  observeQueue(queueDepth: QueueDepth): void {
    this.queueDepth = queueDepth;
    this.lastDepth = null;
  }

  batchAppended(batch: { appended: number; duplicates: number; durationMs: number }): void {
    this.appended.inc(batch.appended);
    this.duplicates.inc(batch.duplicates);
    this.batchSeconds.observe(batch.durationMs / 1_000);
    this.batchEntries.observe(batch.appended + batch.duplicates);
  }

  audienceTaken(count: number): void {
    this.taken.inc(count);
  }

  feedsBusy(count: number): void {
    this.busyFeeds.inc(count);
  }

  entriesDelivered(count: number, from: 'memory' | 'log'): void {
    this.delivered.inc({ source: from }, count);
  }

  pagesRead(connections: number): void {
    this.pageQueries.inc();
    this.pages.inc(connections);
  }

  healed(): void {
    this.heals.inc();
  }

  reset(reason: string): void {
    this.resets.inc({ reason });
  }

  streamOpened(): void {
    this.open.inc();
    this.opened.inc();
  }

  streamClosed(reason: string): void {
    this.open.dec();
    this.closed.inc({ reason });
  }

  streamRefused(reason: string): void {
    this.refused.inc({ reason });
  }

  httpRefused(code: string): void {
    this.httpRefusals.inc({ code });
  }

  handedToQueue(reason: HandoverReason): void {
    this.handovers.inc({ reason });
  }

  jobProcessed(outcome: 'completed' | 'failed' | 'delayed'): void {
    this.jobs.inc({ outcome });
  }

  busMessage(direction: 'sent' | 'received'): void {
    this.busMessages.inc({ direction });
  }

  busFailed(): void {
    this.busFailures.inc();
  }

  private async readQueueDepth(): Promise<Readonly<Record<string, number>>> {
    if (!this.queueDepth) return {};
    if (this.lastDepth && performance.now() - this.lastDepth.at < QUEUE_DEPTH_MAX_AGE_MS)
      return this.lastDepth.depth;
    try {
      this.asking ??= this.queueDepth().finally(() => {
        this.asking = null;
      });
      const depth = await withTimeout(
        QUEUE_DEPTH_TIMEOUT_MS,
        this.asking,
        () => new Error(`no answer within ${QUEUE_DEPTH_TIMEOUT_MS} ms`),
      );
      this.lastDepth = { at: performance.now(), depth };
      return depth;
    } catch (error) {
      this.logger.warn(`The queue's depth is unknown: ${describeError(error)}`);
      return {};
    }
  }
}

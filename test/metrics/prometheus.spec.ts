import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { Logger } from '@nestjs/common';
import { register as globalRegister, Registry } from 'prom-client';
import { openMetricsOf } from '../../src/metrics/open-metrics.js';
import { PrometheusMetrics } from '../../src/metrics/prometheus.js';

let metrics: PrometheusMetrics;
beforeEach(() => {
  metrics = new PrometheusMetrics({ register: new Registry() });
});
afterEach(() => metrics.register.clear());

async function scrape(): Promise<string[]> {
  return (await metrics.register.metrics()).split('\n');
}

describe('the metrics', () => {
  it('count what the stages report', async () => {
    metrics.batchAppended({ appended: 7, duplicates: 2, durationMs: 3 });
    metrics.feedsBusy(4);
    metrics.entriesDelivered(5, 'memory');
    metrics.entriesDelivered(6, 'log');
    metrics.entryShown({ sinceAppendMs: 4, sincePublishMs: 30 });
    metrics.entryShown({ sinceAppendMs: 6, sincePublishMs: null });
    metrics.observeStreams(() => ({ opening: 0, replaying: 2, live: 5, blocked: 1, retrying: 0 }));
    metrics.pagesRead(30);
    metrics.healed();
    metrics.reset('epoch');
    metrics.streamOpened();
    metrics.streamOpened();
    metrics.streamClosed('client');
    metrics.streamRefused('busy');
    metrics.httpRefused('unauthenticated');
    metrics.jobProcessed('completed');
    metrics.busMessage('sent');
    metrics.busFailed();
    metrics.observeQueue(() => Promise.resolve({ waiting: 3, active: 1 }));
    expect(await scrape()).toEqual(
      expect.arrayContaining([
        'tidings_entries_appended_total 7',
        'tidings_entries_duplicate_total 2',
        'tidings_append_batch_duration_seconds_sum 0.003',
        'tidings_append_batch_duration_seconds_bucket{le="0.005"} 1',
        'tidings_append_batch_entries_sum 9',
        'tidings_append_feeds_busy_total 4',
        'tidings_entries_delivered_total{source="memory"} 5',
        'tidings_entries_delivered_total{source="log"} 6',
        'tidings_commit_to_frame_seconds_sum 0.01',
        'tidings_commit_to_frame_seconds_bucket{le="0.005"} 1',
        'tidings_publish_to_frame_seconds_sum 0.03',
        'tidings_streams{state="replaying"} 2',
        'tidings_page_queries_total 1',
        'tidings_pages_read_total 30',
        'tidings_stream_heals_total 1',
        'tidings_stream_resets_total{reason="epoch"} 1',
        'tidings_streams_open 1',
        'tidings_streams_opened_total 2',
        'tidings_streams_closed_total{reason="client"} 1',
        'tidings_streams_refused_total{reason="busy"} 1',
        'tidings_http_refused_total{code="unauthenticated"} 1',
        'tidings_jobs_processed_total{outcome="completed"} 1',
        'tidings_bus_messages_total{direction="sent"} 1',
        'tidings_bus_failures_total 1',
        'tidings_queue_jobs{state="waiting"} 3',
        'tidings_queue_jobs{state="active"} 1',
      ]),
    );
  });

  it('name the trace of a latency in OpenMetrics, and change nothing in the format of Prometheus', async () => {
    const trace = { traceId: '0af7651916cd43dd8448eb211c80319c', spanId: 'b7ad6b7169203331' };
    metrics.entryShown({ sinceAppendMs: 4, sincePublishMs: 60_000, trace });
    metrics.entryShown({ sinceAppendMs: 30, sincePublishMs: null, trace: null });
    metrics.streamOpened();
    const before = await metrics.register.metrics();
    const lines = (await openMetricsOf(metrics.register).metrics()).split('\n');
    const exemplars = lines.filter((line) => line.includes(' # {'));
    const ids = `{trace_id="${trace.traceId}",span_id="${trace.spanId}"}`;
    expect(exemplars).toEqual([
      expect.stringMatching(
        /^tidings_commit_to_frame_seconds_bucket\{le="0\.005"\} 1 # \{.*\} 0\.004 \d+(\.\d+)?$/,
      ),
      expect.stringMatching(
        /^tidings_publish_to_frame_seconds_bucket\{le="\+Inf"\} 1 # \{.*\} 60 \d+(\.\d+)?$/,
      ),
    ]);
    for (const line of exemplars) expect(line).toContain(` # ${ids} `);
    expect(lines).toEqual(
      expect.arrayContaining(['# TYPE tidings_streams_opened counter', 'tidings_streams_opened_total 1']),
    );
    expect(lines.slice(-2)).toEqual(['# EOF', '']);
    expect(await metrics.register.metrics()).toBe(before);
  });

  it('follow the naming conventions of Prometheus: a prefix, base units, _total for counters only', async () => {
    for (const metric of await metrics.register.getMetricsAsJSON()) {
      if (!metric.name.startsWith('tidings_')) continue;
      expect({ [metric.name]: metric.name.endsWith('_total') }).toEqual({
        [metric.name]: String(metric.type) === 'counter',
      });
      expect(metric.name).toMatch(/^tidings_[a-z]+(_[a-z]+)*$/);
      expect(metric.name).not.toMatch(/_(ms|milliseconds|kilobytes)/);
    }
  });

  it('can be created twice in one process, and use the global registry by default', () => {
    const other = new PrometheusMetrics({ register: new Registry() });
    other.healed();
    other.register.clear();
    expect(new PrometheusMetrics().register).toBe(globalRegister);
    globalRegister.clear();
  });

  it('ask the queue for its depth once in five seconds, however often they are read', async () => {
    let asked = 0;
    metrics.observeQueue(() => Promise.resolve({ waiting: (asked += 1) }));
    for (let i = 0; i < 20; i += 1) expect(await scrape()).toContain('tidings_queue_jobs{state="waiting"} 1');
    expect(asked).toBe(1);
  });

  it('omit the depth of a queue that fails or hangs, and report the rest', async () => {
    Logger.overrideLogger(false);
    let asked = 0;
    for (const depth of [() => Promise.reject(new Error('away')), () => new Promise<never>(() => asked++)]) {
      metrics.observeQueue(depth);
      const lines = await scrape();
      expect(lines.filter((line) => line.startsWith('tidings_queue_jobs{'))).toEqual([]);
      expect(lines).toContain('tidings_streams_open 0');
    }
    await scrape();
    expect(asked).toBe(1);
  });
});

import { afterAll, beforeAll, beforeEach, expect, it } from '@jest/globals';
import { context, propagation, SpanKind, trace } from '@opentelemetry/api';
import {
  InMemorySpanExporter,
  NodeTracerProvider,
  SimpleSpanProcessor,
  type ReadableSpan,
} from '@opentelemetry/sdk-trace-node';
import { BullMQOtel } from 'bullmq-otel';
import pg from 'pg';
import { Registry } from 'prom-client';
import { openMetricsOf, PrometheusMetrics } from '../../src/prometheus.js';
import { OpenTelemetryTracing } from '../../src/opentelemetry.js';
import { createProducer } from '../../src/producer.js';
import { TidingsService } from '../../src/module/tidings.service.js';
import { taskCompleted } from '../../src/types/shipped/index.js';
import { House, onBothBackends, task, untilTasks, type Instance } from '../guarantees/house.js';
import { eventually } from '../support/eventually.js';
import type { SseClient } from '../support/sse-client.js';

const exporter = new InMemorySpanExporter();

/** A trace as its names, each below its parent. */
function tree(spans: readonly ReadableSpan[], parent?: string): unknown[] {
  return spans
    .filter(({ parentSpanContext }) => parentSpanContext?.spanId === parent)
    .map((span) => {
      const below = tree(spans, span.spanContext().spanId);
      return below.length > 0 ? [span.name, ...below] : span.name;
    });
}

onBothBackends('A trace', (backend) => {
  let house: House;
  let publisher: Instance;
  let streamer: Instance;
  let client: SseClient;
  let metrics: PrometheusMetrics;
  let received = 0;

  beforeAll(async () => {
    const provider = new NodeTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] });
    provider.register();
    house = await House.open(backend);
    const tracing = new OpenTelemetryTracing();
    publisher = await house.start({ tracing });
    metrics = new PrometheusMetrics({ register: new Registry() });
    // What the check of heads finds first is read from the log, where no trace is.
    const stream = { headCheckMs: 60_000 };
    streamer = await house.start({ roles: ['api'], tracing, metrics, stream });
    client = await streamer.stream('ada');
  }, 60_000);
  beforeEach(() => {
    exporter.reset();
    received = client.frames.filter(({ event }) => event === 'task-completed').length;
  });
  afterAll(async () => {
    await house.close();
    trace.disable();
    context.disable();
    propagation.disable();
  });

  /** The spans of one trace, once its frame is written. */
  const oneTrace = async (): Promise<readonly ReadableSpan[]> => {
    await untilTasks(client, received + 1);
    const spans = await eventually(() => {
      const finished = exporter.getFinishedSpans();
      expect(finished.map(({ name }) => name)).toContain('write task-completed');
      expect(finished.map(({ name }) => name)).toContain('deliver task-completed');
      return finished;
    });
    expect(new Set(spans.map((span) => span.spanContext().traceId)).size).toBe(1);
    return spans;
  };
  const delivered = ['deliver task-completed', ['append task-completed', 'write task-completed']];

  it('goes from the call that publishes to the frame on another instance', async () => {
    const tidings = publisher.app.get(TidingsService, { strict: false });
    await trace.getTracer('test').startActiveSpan('order', async (span) => {
      await tidings.notify(taskCompleted, { to: 'ada', data: task('1') as never });
      span.end();
    });
    const spans = await oneTrace();
    expect(tree(spans)).toEqual([['order', ['send task-completed', delivered]]]);
    const send = spans.find(({ name }) => name === 'send task-completed')!;
    expect([send.kind, send.attributes]).toEqual([
      SpanKind.PRODUCER,
      {
        'messaging.system': 'tidings',
        'messaging.operation.name': 'send',
        'messaging.operation.type': 'send',
        'messaging.destination.name': 'tidings',
        'messaging.batch.message_count': 1,
        'tidings.type': 'task-completed',
      },
    ]);
    expect(JSON.stringify(spans.map(({ attributes }) => attributes))).not.toContain('ada');

    // The latency that the metrics show names the trace, and the span below which the frame is.
    const append = spans.find(({ name }) => name === 'append task-completed')!.spanContext();
    const shown = await openMetricsOf(metrics.register).metrics();
    for (const latency of ['commit', 'publish']) {
      expect(shown).toMatch(
        new RegExp(
          `^tidings_${latency}_to_frame_seconds_bucket.* # \\{trace_id="${append.traceId}",span_id="${append.spanId}"\\} `,
          'm',
        ),
      );
    }
  });

  it('goes on in the worker of the jobs of a producer with bullmq-otel', async () => {
    const { queue, close } = house.openQueue({ telemetry: new BullMQOtel({ tracerName: 'shop' }) });
    const job = (taskId: string): { name: string; data: object } => ({
      name: 'task-completed',
      data: { to: 'ada', data: task(taskId) },
    });
    const { name, data } = job('6');
    await trace.getTracer('test').startActiveSpan('order', async (span) => {
      await queue.add(name, data);
      span.end();
    });
    const processed = ['process task-completed', delivered];
    await untilTasks(client, received + 1);
    await eventually(() =>
      expect(tree(exporter.getFinishedSpans())).toEqual([
        ['order', ['add tidings.task-completed', processed]],
      ]),
    );

    exporter.reset();
    await queue.addBulk([job('7'), job('8')]);
    await untilTasks(client, received + 3);
    await eventually(() =>
      expect(tree(exporter.getFinishedSpans())).toEqual([['addBulk tidings', processed, processed]]),
    );
    await close();
  });

  it('goes on in the worker of a job, also of a producer with the telemetry of BullMQ, and of a bare one', async () => {
    const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
    const telemetry = { metadata: JSON.stringify({ traceparent }) };
    await house.add('ada', '2', {}, { telemetry });
    const spans = await oneTrace();
    expect(spans[0]!.spanContext().traceId).toBe('0af7651916cd43dd8448eb211c80319c');
    expect(tree(spans, 'b7ad6b7169203331')).toEqual([['process task-completed', delivered]]);
    expect(spans.find(({ name }) => name === 'process task-completed')!.kind).toBe(SpanKind.CONSUMER);

    exporter.reset();
    received += 1;
    const bare = await createProducer({
      ...(house.redis ? { redis: { url: house.redis.url } } : { database: { url: house.databaseUrl } }),
      tracing: new OpenTelemetryTracing(),
    });
    await bare.notify(taskCompleted, { to: 'ada', data: task('3') as never });
    expect(tree(await oneTrace())).toEqual([['send task-completed', ['process task-completed', delivered]]]);
    await bare.close();
  });

  it('goes through the outbox with the transaction', async () => {
    const tidings = publisher.app.get(TidingsService, { strict: false });
    const tx = new pg.Client(house.databaseUrl);
    await tx.connect();
    await tx.query('BEGIN');
    await tidings.notify(taskCompleted, { to: 'ada', data: task('4') as never, tx });
    await tx.query('COMMIT');
    expect(tree(await oneTrace())).toEqual([['send task-completed', ['process task-completed', delivered]]]);
    await tx.query(
      `INSERT INTO tidings.outbox (type, recipients, data, trace_context) VALUES ('task-completed', '{ada}', $1, '[1]')`,
      [JSON.stringify(task('5'))],
    );
    await untilTasks(client, received + 2);
    await tx.end();
  });

  it('has the error of what fails', async () => {
    const refused = { taskId: 1 } as never;
    await house.queue().add('task-completed', { to: 'ada', data: refused });
    const span = await eventually(() => {
      const found = exporter.getFinishedSpans().find(({ name }) => name === 'process task-completed');
      expect(found).toBeDefined();
      return found!;
    });
    expect(span.status.message).toContain('data.taskId');
    expect(span.events[0]?.name).toBe('exception');
  });
});

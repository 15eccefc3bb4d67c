import { afterAll, beforeAll, expect, it } from '@jest/globals';
import type { INestApplication } from '@nestjs/common';
import { Test } from '@nestjs/testing';
import { Registry } from 'prom-client';
import { RESOLVED_OPTIONS } from '../../src/contract/tokens.js';
import { PrometheusMetrics } from '../../src/metrics/prometheus.js';
import { METRICS_REGISTRY, MetricsController } from '../../src/service/metrics.controller.js';
import { OpenTelemetryTracing } from '../../src/tracing/opentelemetry.js';

/** As Prometheus 3 sends it. */
const ACCEPT =
  'application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.5,application/openmetrics-text;version=0.0.1;q=0.4,text/plain;version=1.0.0;q=0.3,*/*;q=0.1';

const apps: INestApplication[] = [];

/** Serves the metrics of one delivery. */
async function serve(tracing: OpenTelemetryTracing | null): Promise<string> {
  const register = new Registry();
  const trace = { traceId: 'a'.repeat(32), spanId: 'b'.repeat(16) };
  new PrometheusMetrics({ register }).entryShown({ sinceAppendMs: 4, sincePublishMs: null, trace });
  const module = await Test.createTestingModule({
    controllers: [MetricsController],
    providers: [
      { provide: METRICS_REGISTRY, useValue: register },
      { provide: RESOLVED_OPTIONS, useValue: { tracing } },
    ],
  }).compile();
  const app = module.createNestApplication();
  apps.push(app);
  await app.listen(0, '127.0.0.1');
  return `${await app.getUrl()}/metrics`;
}

let traced: string;
let untraced: string;
beforeAll(async () => {
  traced = await serve(new OpenTelemetryTracing());
  untraced = await serve(null);
});
afterAll(() => Promise.all(apps.map((app) => app.close())));

it('serves exemplars to a scraper of OpenMetrics while traces are recorded', async () => {
  const answer = await fetch(traced, { headers: { accept: ACCEPT } });
  expect(answer.headers.get('content-type')).toMatch(/^application\/openmetrics-text; ?version=1\.0\.0/);
  expect(answer.headers.get('vary')).toContain('Accept');
  const text = await answer.text();
  expect(text).toContain(`# {trace_id="${'a'.repeat(32)}",span_id="${'b'.repeat(16)}"} 0.004`);
  expect(text).toMatch(/# EOF\n$/);
});

it('serves the format of Prometheus to everybody else, before and after', async () => {
  for (const [url, accept] of [
    [traced, 'text/plain'],
    [traced, '*/*'],
    [untraced, ACCEPT],
  ] as const) {
    const answer = await fetch(url, { headers: { accept } });
    expect(answer.headers.get('content-type')).toMatch(/^text\/plain; ?version=0\.0\.4/);
    const text = await answer.text();
    expect(text).toContain('\ntidings_streams_opened_total 0\n');
    expect(text).not.toMatch(/trace_id|# EOF/);
  }
});

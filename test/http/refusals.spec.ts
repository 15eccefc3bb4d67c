import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { Logger } from '@nestjs/common';
import { Registry } from 'prom-client';
import { PrometheusMetrics } from '../../src/metrics/prometheus.js';
import { API_KEY, SECRET, startHttpApp, SUPPORT_KEY, type HttpApp } from './http-app.js';

describe('refused requests', () => {
  const register = new Registry();
  let app: HttpApp;
  beforeAll(async () => {
    app = await startHttpApp({
      http: {
        jwt: { secret: SECRET },
        producerApiKeys: [`orders:${API_KEY}`],
        supportApiKeys: [SUPPORT_KEY],
      },
      metrics: new PrometheusMetrics({ register }),
    });
  });
  beforeEach(() => {
    Logger.overrideLogger(app.logger);
    app.logger.lines.splice(0);
    app.logger.logged.splice(0);
  });
  afterAll(() => app.close());

  const publish = (key: string): Promise<Response> =>
    app.get('/v1/notifications', { method: 'POST', headers: { 'x-api-key': key } });
  async function refused(): Promise<Record<string, number>> {
    const metric = await register.getSingleMetric('tidings_http_refused_total')!.get();
    return Object.fromEntries(metric.values.map(({ labels, value }) => [String(labels['code']), value]));
  }

  it('are counted by code; those with a wrong credential are logged once, in sum, without the credential', async () => {
    for (let i = 0; i < 30; i += 1) await publish(`guessed-key-${String(i).padStart(6, '0')}`);
    for (let i = 0; i < 5; i += 1)
      await app.get('/v1/stream', { headers: { authorization: 'Bearer eyJ.a.b' } });
    await publish(SUPPORT_KEY);
    await publish(API_KEY);
    await app.get('/v1/stream', { method: 'PATCH' });
    await app.get('/v1/nothing');
    expect(await refused()).toEqual({
      unauthenticated: 35,
      forbidden: 1,
      'unsupported-media-type': 1,
      'method-not-allowed': 1,
      'not-found': 1,
    });
    expect(app.logger.lines).toEqual([]);
    await app.close();
    expect(app.logger.lines).toEqual([
      'warn Requests refused for their credentials within a minute: 35 unauthenticated, 1 forbidden TidingsHttp',
    ]);
  });
});

describe('the audit log', () => {
  let app: HttpApp;
  beforeAll(async () => {
    app = await startHttpApp({ http: { jwt: { secret: SECRET }, producerApiKeys: [`orders:${API_KEY}`] } });
  });
  beforeEach(() => {
    Logger.overrideLogger(app.logger);
  });
  afterAll(() => app.close());

  it('has a line for each cancellation and recall: the id and name of the key, not the key, and no recipient', async () => {
    app.logger.logged.splice(0);
    const headers = { 'x-api-key': API_KEY, 'content-type': 'application/json' };
    await app.get('/v1/jobs/cancelled', { method: 'DELETE', headers });
    await app.get('/v1/jobs/17', { method: 'DELETE', headers });
    const body = JSON.stringify({ to: ['ada', 'grace'], dedupeKey: 'order-of-ada' });
    await app.get('/v1/notifications/recall', { method: 'POST', headers, body });
    const lines = app.logger.logged.filter((line) => line.endsWith('TidingsAudit'));
    expect(lines).toEqual([
      expect.stringMatching(
        /^The producer key [0-9a-f]{16} \(orders\) cancels the job "cancelled": cancelled /,
      ),
      expect.stringMatching(/^The producer key [0-9a-f]{16} \(orders\) cancels the job "17": unknown /),
      expect.stringMatching(
        /^The producer key [0-9a-f]{16} \(orders\) recalls the dedupe key [0-9a-f]{16} from 2 recipients: 2 recalled /,
      ),
    ]);
    expect(lines.join()).not.toMatch(/ada|grace|producer-key/);
  });
});

import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { Logger, type INestApplication } from '@nestjs/common';
import { Test } from '@nestjs/testing';
import type { ReadinessCheck } from '../../src/contract/ports/ops.js';
import { READINESS_CHECKS } from '../../src/contract/tokens.js';
import { DrainState } from '../../src/service/health/drain-state.js';
import { HealthController } from '../../src/service/health/health.controller.js';
import { CHECK_TIMEOUT_MS, Readiness } from '../../src/service/health/readiness.js';

const logged: string[] = [];
let app: INestApplication;
let postgres: () => Promise<unknown>;
let asked = 0;

beforeEach(async () => {
  logged.length = 0;
  asked = 0;
  postgres = () => Promise.resolve();
  const checks: ReadinessCheck[] = [
    {
      name: 'postgres',
      check: () => {
        asked++;
        return postgres();
      },
    },
    { name: 'queue', check: () => Promise.resolve() },
  ];
  const module = await Test.createTestingModule({
    controllers: [HealthController],
    providers: [DrainState, Readiness, { provide: READINESS_CHECKS, useValue: checks }],
  }).compile();
  app = module.createNestApplication();
  const log = (line: unknown): void => void logged.push(String(line));
  Logger.overrideLogger({ log, warn: log, error: log });
  await app.listen(0, '127.0.0.1');
  logged.length = 0;
});
afterEach(() => app.close());

async function get(path: string): Promise<{ status: number; type: string; body: unknown }> {
  const response = await fetch(`${await app.getUrl()}${path}`);
  expect(response.headers.get('cache-control')).toBe('no-store');
  const type = response.headers.get('content-type') ?? '';
  return { status: response.status, type, body: await response.json() };
}

describe('liveness', () => {
  it('is reported whatever else is broken', async () => {
    postgres = () => new Promise(() => {});
    app.get(DrainState).begin();
    expect(await get('/healthz')).toMatchObject({ status: 200, body: { status: 'alive' } });
    expect(asked).toBe(0);
  });
});

describe('readiness', () => {
  it('lists its checks', async () => {
    expect(await get('/readyz')).toMatchObject({
      status: 200,
      body: {
        status: 'ready',
        checks: [
          { name: 'postgres', status: 'ok' },
          { name: 'queue', status: 'ok' },
        ],
      },
    });
  });

  it('fails while the instance drains, although everything answers', async () => {
    app.get(DrainState).begin();
    const { status, type, body } = await get('/readyz');
    expect(status).toBe(503);
    expect(type).toMatch(/^application\/problem\+json/);
    expect(body).toEqual({
      type: 'about:blank',
      title: 'Draining',
      status: 503,
      code: 'draining',
      detail: 'This instance is shutting down.',
      checks: [
        { name: 'postgres', status: 'ok' },
        { name: 'queue', status: 'ok' },
      ],
    });
  });

  it('names what does not answer, and logs the reason, which may name hosts', async () => {
    postgres = () => Promise.reject(new Error('connect ECONNREFUSED 10.1.2.3:5432'));
    const { status, body } = await get('/readyz');
    expect(status).toBe(503);
    expect(body).toMatchObject({
      code: 'not-ready',
      detail: 'These checks failed: postgres.',
      checks: [{ name: 'postgres', status: 'failed' }, { name: 'queue' }],
    });
    expect(JSON.stringify(body)).not.toContain('10.1.2.3');
    expect(logged).toEqual(['postgres is not ready: connect ECONNREFUSED 10.1.2.3:5432']);
  });

  it('answers within a second although Postgres does not, and asks it once for many probes', async () => {
    let answer = (): void => {};
    postgres = () => new Promise<void>((resolve) => (answer = resolve));
    const began = performance.now();
    const answers = await Promise.all(Array.from({ length: 5 }, () => get('/readyz')));
    const took = performance.now() - began;
    expect(took).toBeGreaterThanOrEqual(CHECK_TIMEOUT_MS - 5);
    expect(took).toBeLessThan(CHECK_TIMEOUT_MS + 500);
    for (const { status, body } of answers) {
      expect(status).toBe(503);
      expect(body).toMatchObject({ checks: [{ name: 'postgres', status: 'timeout' }, {}] });
    }
    expect(asked).toBe(1);
    answer();
    postgres = () => Promise.resolve();
    expect((await get('/readyz')).status).toBe(200);
  });

  it('logs the begin and the end of an outage, not every probe', async () => {
    postgres = () => Promise.reject(new Error('away'));
    for (let probe = 0; probe < 3; probe++) expect((await get('/readyz')).status).toBe(503);
    postgres = () => Promise.resolve();
    for (let probe = 0; probe < 3; probe++) expect((await get('/readyz')).status).toBe(200);
    expect(logged).toEqual(['postgres is not ready: away', 'postgres is ready again']);
  });
});

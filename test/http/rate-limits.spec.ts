import { AsyncLocalStorage, createHook } from 'node:async_hooks';
import { createConnection } from 'node:net';
import { afterAll, afterEach, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { RateLimitedError } from '../../src/contract/errors.js';
import { BODY_TIMEOUT_MS } from '../../src/http/request/body-limit.js';
import { BucketStore } from '../../src/http/limits/bucket-store.js';
import { RateLimiter } from '../../src/http/limits/rate-limiter.js';
import { SharedBuckets } from '../../src/http/limits/shared-buckets.js';
import { takeToken } from '../../src/http/limits/token-bucket.js';
import { currentCall, inCall } from '../../src/platform/call-context.js';
import { eventually } from '../support/eventually.js';
import { startRedis, type RedisServer } from '../support/redis.js';
import { describeWith } from '../support/tools.js';
import { API_KEY, SECRET, startHttpApp, type HttpApp } from './http-app.js';
import { problemOf } from './problem-of.js';
import { sign } from './tokens.js';

const OTHER_KEY = 'producer-key-0002';

describe('a token bucket', () => {
  it('allows a burst, then the rate, and is full again after a pause', () => {
    const bucket = { fullAt: 0 };
    const rate = { perSecond: 10, burst: 5 };
    const taken = (now: number, times: number): number[] =>
      Array.from({ length: times }, () => takeToken(bucket, rate, now));
    expect(taken(1_000, 7)).toEqual([0, 0, 0, 0, 0, 100, 100]);
    expect(taken(1_060, 1)).toEqual([40]);
    expect(taken(1_100, 2)).toEqual([0, 100]);
    expect(taken(9_000, 6)).toEqual([0, 0, 0, 0, 0, 100]);
  });

  it('is forgotten a minute after it is full again, or when there are too many', () => {
    const buckets = new BucketStore((now: number) => ({ fullAt: now + 100 }), 1_000);
    for (let i = 0; i < 5_000; i += 1) buckets.get(`attacker-${i}`, 0);
    expect(buckets.size).toBe(1_000);
    for (let i = 0; i < 1_000; i += 1) buckets.get(`later-${i}`, 60_200);
    expect(buckets.size).toBe(1_000);
    for (let i = 0; i < 1_000; i += 1) buckets.get('one', 120_400 + i);
    expect(buckets.size).toBe(1);
  });
});

describe('a limit', () => {
  afterEach(() => {
    jest.restoreAllMocks();
  });

  it('is that of the time that has passed, whatever the clock is set to', async () => {
    const limiter = new RateLimiter('test', { perSecond: 1, burst: 2 }, null);
    const now = Date.now.bind(Date);
    const clock = jest.spyOn(Date, 'now').mockImplementation(() => now() + 3_600_000);
    await limiter.take('ada');
    clock.mockImplementation(now);
    await limiter.take('ada');
    const refusal = await limiter.take('ada').catch((error: unknown) => error);
    expect(refusal).toBeInstanceOf(RateLimitedError);
    clock.mockImplementation(() => now() + 3_600_000);
    await expect(limiter.take('ada')).rejects.toThrow(RateLimitedError);
  });
});

describe('the limits of recipients and producers', () => {
  let app: HttpApp;
  let ada: string;
  let grace: string;
  beforeAll(async () => {
    app = await startHttpApp({
      http: {
        jwt: { secret: SECRET },
        producerApiKeys: [API_KEY, OTHER_KEY],
        // A burst of ten, and then practically none.
        recipientRequestsPerSecond: 1,
        producerRequestsPerSecond: 1,
      },
    });
    [ada, grace] = await Promise.all([sign({ sub: 'ada' }), sign({ sub: 'grace' })]);
  });
  afterAll(() => app.close());

  const count = (token: string): Promise<Response> =>
    app.get('/v1/notifications/count', { headers: { authorization: `Bearer ${token}` } });
  const publish = (key: string): Promise<Response> =>
    app.get('/v1/notifications', {
      method: 'POST',
      headers: { 'x-api-key': key, 'content-type': 'application/json' },
      body: JSON.stringify({ type: 'task-completed', to: 'ada', data: { taskId: '7', title: 'x' } }),
    });

  it('answer 429 with Retry-After, each recipient by itself, and a stream that ends with a delay', async () => {
    const statuses = (await Promise.all(Array.from({ length: 20 }, () => count(ada)))).map(
      ({ status }) => status,
    );
    expect(statuses.filter((status) => status === 200).length).toBeGreaterThanOrEqual(10);
    expect(statuses).toContain(429);

    let refused = await count(ada);
    while (refused.status === 200) refused = await count(ada);
    expect(refused.headers.get('retry-after')).toBe('1');
    expect(await problemOf(refused)).toMatchObject({ status: 429, code: 'rate-limited' });

    const before = app.streams.opened.length;
    const stream = await app.get('/v1/stream', {
      headers: { authorization: `Bearer ${ada}`, 'last-event-id': 'e-7' },
    });
    expect(stream.status).toBe(200);
    expect(await stream.text()).toContain('"reason":"busy"');
    expect(app.streams.refused.at(-1)).toEqual({ reason: 'busy', lastEventId: 'e-7' });
    expect(app.streams.opened).toHaveLength(before);

    expect((await count(grace)).status).toBe(200);
  });

  it('answer 429 to a producer, each key by itself', async () => {
    const statuses: number[] = [];
    for (let i = 0; i < 15; i += 1) statuses.push((await publish(API_KEY)).status);
    expect(statuses.slice(0, 10)).toEqual(Array.from({ length: 10 }, () => 202));
    expect(statuses).toContain(429);
    expect((await publish(OTHER_KEY)).status).toBe(202);
  });
});

describeWith('redis-server', 'limits that instances share over Redis', () => {
  let redis: RedisServer;
  beforeAll(async () => {
    redis = await startRedis();
  });
  afterAll(() => redis.stop());

  const RATE = { perSecond: 1, burst: 100 };

  async function instances(
    count: number,
  ): Promise<{ limiters: RateLimiter[]; close: () => Promise<unknown> }> {
    const shared = Array.from({ length: count }, () => new SharedBuckets(redis.url, 'bull'));
    // The connections are made with the first use, which does not wait for them.
    for (const buckets of shared) {
      await eventually(async () =>
        expect(await buckets.take('warm-up', { perSecond: 1e-6, burst: 1e-6 }, 1)).toBeGreaterThan(0),
      );
    }
    return {
      limiters: shared.map((buckets) => new RateLimiter('test', RATE, buckets)),
      close: () => Promise.all(shared.map((buckets) => buckets.close())),
    };
  }
  async function taken(limiters: readonly RateLimiter[], key: string, times: number): Promise<number> {
    let passed = 0;
    for (let i = 0; i < times; i += 1) {
      await limiters[i % limiters.length]!.take(key).then(
        () => (passed += 1),
        () => {},
      );
    }
    return passed;
  }

  it('share a connection that belongs to none of the requests that use it', async () => {
    const span = new AsyncLocalStorage<string>();
    const sockets: unknown[] = [];
    const hook = createHook({
      init: (_id, type) => {
        if (type === 'TCPWRAP') sockets.push([currentCall(), span.getStore()]);
      },
    }).enable();
    const buckets = new SharedBuckets(redis.url, 'bull');
    try {
      await inCall({ requestId: 'r1' }, () =>
        span.run('of r1', () =>
          eventually(async () =>
            expect(await buckets.take('ada', { perSecond: 1e-6, burst: 1e-6 }, 1)).toBeGreaterThan(0),
          ),
        ),
      );
    } finally {
      hook.disable();
      await buckets.close();
    }
    expect(sockets).toEqual([[undefined, undefined]]);
  });

  it('count what went to any of them, to within a tenth of the burst each', async () => {
    const { limiters, close } = await instances(4);
    expect(await taken(limiters, 'ada', 400)).toBeLessThanOrEqual(140);
    expect(await taken(limiters, 'grace', 40)).toBe(40);
    await close();
  });

  it('count requests at even intervals, too, between which the bucket of the instance is full again', async () => {
    const { limiters, close } = await instances(1);
    const now = Date.now();
    let passed = 0;
    for (let i = 0; i < 400; i += 1) {
      await limiters[0]!.take('babbage', now + 2_000 * i).then(
        () => (passed += 1),
        () => {},
      );
    }
    await close();
    // By the clock of Redis they came at once: a burst, and then a lot now and then.
    expect(passed).toBeGreaterThanOrEqual(100);
    expect(passed).toBeLessThan(300);
  });

  it('let requests pass while Redis does not answer, up to the limit of the instance', async () => {
    const { limiters, close } = await instances(2);
    const { frozen } = { frozen: redis };
    frozen.pause();
    try {
      expect(await taken(limiters, 'lovelace', 190)).toBe(190);
      expect(await taken(limiters, 'lovelace', 40)).toBeLessThan(20);
    } finally {
      frozen.resume();
      await close();
    }
  });
});

describe('a body that does not arrive', () => {
  it('ends with 408 within 10 s, whether it stalls or trickles', async () => {
    const app = await startHttpApp();
    try {
      const { hostname, port } = new URL(app.url);
      const send = (dribble: boolean): Promise<{ answer: string; tookMs: number }> =>
        new Promise((resolve, reject) => {
          const since = performance.now();
          let answer = '';
          const socket = createConnection(Number(port), hostname, () => {
            socket.write(
              `POST /v1/notifications HTTP/1.1\r\nHost: x\r\nX-API-Key: ${API_KEY}\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n{`,
            );
          });
          const drops = dribble ? setInterval(() => socket.write(' '), 500) : undefined;
          socket.setEncoding('utf8').on('data', (text: string) => (answer += text));
          socket.on('error', reject).on('close', () => {
            clearInterval(drops);
            resolve({ answer, tookMs: performance.now() - since });
          });
        });
      for (const { answer, tookMs } of await Promise.all([send(false), send(true)])) {
        expect(answer).toMatch(/^HTTP\/1\.1 408 [^]*"code":"request-timeout"/);
        expect(answer).toMatch(/connection: close/i);
        expect(tookMs).toBeGreaterThan(BODY_TIMEOUT_MS - 100);
        expect(tookMs).toBeLessThan(BODY_TIMEOUT_MS + 5_000);
      }
    } finally {
      await app.close();
    }
  }, 30_000);
});

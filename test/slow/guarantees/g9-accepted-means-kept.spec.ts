import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from '@jest/globals';
import { IMPATIENT_SERVICE } from '../../support/impatient.js';
import { buildService, killServices, startService, type ServiceProcess } from '../../support/service.js';
import { createMigratedDatabase, type TestDatabase } from '../../support/postgres.js';
import { startRedis, type RedisServer } from '../../support/redis.js';
import { connect } from '../../support/sse-client.js';
import { eventually } from '../../support/eventually.js';
import { describeWith } from '../../support/tools.js';
import {
  API_KEY,
  House,
  JWT_SECRET,
  numbered,
  onBothBackends,
  task,
  taskIds,
  token,
} from '../../guarantees/house.js';

function publish(
  service: { origin: string },
  to: string,
  id: string,
  headers: Record<string, string> = {},
): Promise<Response> {
  return fetch(`${service.origin}/v1/notifications`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'x-api-key': API_KEY, ...headers },
    body: JSON.stringify({ type: 'task-completed', to, data: task(id) }),
  });
}

onBothBackends('G9: accepted means kept', (backend) => {
  let database: TestDatabase;
  let redis: RedisServer | null = null;

  beforeAll(() => buildService(), 180_000);

  beforeEach(async () => {
    database = await createMigratedDatabase();
    if (backend === 'Redis') redis = await startRedis({ appendonly: true });
  });

  afterEach(async () => {
    await killServices();
    await redis?.stop();
    await database.drop();
  });

  afterAll(() => killServices());

  const start = (): Promise<ServiceProcess> =>
    startService({
      NODE_ENV: 'production',
      DATABASE_URL: database.url,
      ...(redis ? { REDIS_URL: redis.url } : {}),
      AUTH_JWT_SECRET: JWT_SECRET,
      PRODUCER_API_KEYS: API_KEY,
      HOST: '127.0.0.1',
      ...IMPATIENT_SERVICE,
    });

  it('delivers every job that was answered 202 by a process killed the next moment', async () => {
    const first = await start();
    const accepted: string[] = [];
    const sending = Promise.all(
      numbered(8).map(async (producer) => {
        for (let i = 0; i < 1_000; i += 1) {
          const id = `${producer}-${i}`;
          const answer = await publish(first, 'ada', id).catch(() => null);
          if (answer?.status !== 202) return;
          accepted.push(id);
        }
      }),
    );
    await eventually(() => accepted.length > 100, { timeoutMs: 30_000 });
    await first.stop('SIGKILL');
    await sending;

    const second = await start();
    const client = await connect(`${second.origin}/v1/stream?lastEventId=0`, {
      headers: { authorization: `Bearer ${await token('ada')}` },
    });
    // Jobs that the killed process was working on are found by their locks, which end after a while.
    await eventually(() => new Set(taskIds(client.frames)).size >= accepted.length, {
      timeoutMs: 60_000,
      everyMs: 250,
    });
    const received = taskIds(client.frames);
    expect(new Set(received).size).toBe(received.length);
    expect(accepted.filter((id) => !received.includes(id))).toEqual([]);
    await client.close();
  }, 120_000);
});

describeWith('redis-server', 'G9: an unavailable queue', () => {
  it('delivers directly while the log is there', async () => {
    const house = await House.open('Redis');
    try {
      const instance = await house.start();
      await house.redis!.stop();
      const answer = await instance.publish({ type: 'task-completed', to: 'ada', data: task('direct') });
      expect(answer.status).toBe(202);
      expect(await answer.json()).toMatchObject({ jobs: [{ outcome: 'delivered' }] });
    } finally {
      await house.close();
    }
  }, 60_000);

  it('answers 503 within 5 s where the log is unavailable, too, and takes the job once when it is sent again with the same key', async () => {
    const house = await House.open('Redis', { ownPostgres: true });
    try {
      const instance = await house.start();
      const client = await instance.stream('ada');
      await house.redis!.stop();
      await house.postgres!.pause();
      const body = { type: 'task-completed', to: 'ada', data: task('insisted') };
      const startedAt = Date.now();
      const refused = await instance.publish(body, { 'idempotency-key': 'try-1' });
      expect(Date.now() - startedAt).toBeLessThan(5_500);
      expect(refused.status).toBe(503);
      expect(refused.headers.get('content-type')).toMatch('application/problem+json');
      expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0);
      expect(await refused.json()).toMatchObject({ status: 503, code: 'queue-unavailable' });
      await house.postgres!.resume();
      await house.redis!.start();
      for (let i = 0; i < 3; i += 1) {
        const accepted = await eventually(
          async () => {
            const answer = await instance.publish(body, { 'idempotency-key': 'try-1' });
            expect(answer.status).toBe(202);
            return answer;
          },
          { timeoutMs: 20_000 },
        );
        expect(((await accepted.json()) as { jobs: object[] }).jobs).toHaveLength(1);
      }
      await instance.publish({ ...body, data: task('end') });
      await client.waitFor(() => taskIds(client.frames).includes('end'), { timeoutMs: 20_000 });
      expect(taskIds(client.frames).sort()).toEqual(['end', 'insisted']);
    } finally {
      await house.close();
    }
  }, 60_000);
});

import { afterEach, describe, expect, it, jest } from '@jest/globals';
import { Logger } from '@nestjs/common';
import { Queue } from 'bullmq';
import { QueueUnavailableError } from '../../../src/contract/errors.js';
import { resolveOptions } from '../../../src/contract/options/options.js';
import { openJobQueue, QueueProducer, SHIPPED_TYPES, TypeRegistry } from '../../../src/jobs/index.js';
import { openJobs, type Jobs } from '../../contract/queue-jobs.js';
import { eventually } from '../../support/eventually.js';
import { freePort } from '../../support/ports.js';
import { createTestDatabase } from '../../support/postgres.js';
import { startRedis } from '../../support/redis.js';
import { describeWith } from '../../support/tools.js';

const cleanUps: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  jest.restoreAllMocks();
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp();
});
const announcement = { to: 'ann', data: { title: 'Hello' } };

describe('The start of the queue on Postgres', () => {
  it('creates its tables once when several processes start at once', async () => {
    const database = await createTestDatabase();
    cleanUps.push(() => database.drop());
    const server = { database, redis: null };
    const opened = await Promise.allSettled(Array.from({ length: 4 }, () => openJobs(server, {})));
    for (const result of opened) if (result.status === 'fulfilled') cleanUps.push(() => result.value.close());
    expect(opened.map(({ status }) => status)).toEqual(Array.from({ length: 4 }, () => 'fulfilled'));

    const [first] = opened as PromiseFulfilledResult<Jobs>[];
    const { id } = await first!.value.producer.enqueue('announcement', announcement);
    await eventually(async () => expect(await first!.value.queue.getJobState(id)).toBe('completed'));
  });

  it('fails, and leaves nothing open, when the database is unavailable', async () => {
    const database = { url: `postgres://nobody@127.0.0.1:${await freePort()}/none` };
    await expect(openJobs({ database, redis: null }, {})).rejects.toMatchObject({ code: 'ECONNREFUSED' });
  });

  it('logs what the worker does', async () => {
    const log = jest.spyOn(Logger.prototype, 'log');
    const database = await createTestDatabase();
    cleanUps.push(() => database.drop());
    const jobs = await openJobs({ database, redis: null }, { concurrency: 7 });
    cleanUps.push(() => jobs.close());
    await eventually(() =>
      expect(log.mock.calls.flat()).toContain(
        'Taking jobs from the queue "tidings" on Postgres, up to 7 at a time',
      ),
    );
  });

  it('does not change the defaults of BullMQ in the process', async () => {
    const database = await createTestDatabase();
    cleanUps.push(() => database.drop());
    const jobs = await openJobs({ database, redis: null }, {});
    cleanUps.push(() => jobs.close());
    // A host's own queue is on Redis, as BullMQ's default says: it has a port, and nothing of our database.
    const hosts = new Queue('hosts', { connection: { port: await freePort(), lazyConnect: true } });
    hosts.on('error', () => {});
    cleanUps.push(() => hosts.close());
    expect(hosts.getBackend().constructor.name).toBe('RedisQueueBackend');
    expect(jobs.queue.getBackend().constructor.name).toBe('PostgresQueueBackend');
  });
});

describeWith('redis-server', 'The start of the queue on Redis', () => {
  const produce = async (url: string, enqueueTimeoutMs: number) => {
    const database = { url: 'postgres://127.0.0.1:1/none' };
    const options = resolveOptions({
      database,
      redis: { url },
      queue: { enqueueTimeoutMs },
      roles: ['worker'],
      types: [...SHIPPED_TYPES],
    });
    const jobs = await openJobQueue(options);
    cleanUps.push(() => jobs.close());
    return { jobs, producer: new QueueProducer(jobs, new TypeRegistry(options.types), enqueueTimeoutMs) };
  };

  it('succeeds without Redis: producers are rejected, rejected jobs do not arrive later, and accepted ones do', async () => {
    const port = await freePort();
    const warn = jest.spyOn(Logger.prototype, 'warn');
    const { jobs, producer } = await produce(`redis://127.0.0.1:${port}`, 700);
    const refused = producer.enqueue('announcement', announcement);
    await expect(refused).rejects.toBeInstanceOf(QueueUnavailableError);
    expect(warn.mock.calls.flat().join()).toMatch(/^Redis: .*connect ECONNREFUSED 127/);

    const redis = await startRedis({ port });
    cleanUps.push(() => redis.stop());
    await eventually(() => producer.enqueue('announcement', { ...announcement, to: 'bob' }), {
      timeoutMs: 10_000,
    });
    expect((await jobs.queue.getWaiting()).map((job) => (job.data as { to: string }).to)).toEqual(['bob']);

    await redis.stop();
    await expect(producer.enqueue('announcement', announcement)).rejects.toBeInstanceOf(
      QueueUnavailableError,
    );
    await redis.start();
    await eventually(() => producer.enqueue('announcement', { ...announcement, to: 'eve' }), {
      timeoutMs: 10_000,
    });
    expect((await jobs.queue.getWaiting()).map((job) => (job.data as { to: string }).to)).toEqual(['eve']);
  });

  it('closes at once when Redis never comes up, and runs when it does', async () => {
    const port = await freePort();
    const server = {
      database: { url: 'postgres://127.0.0.1:1/none' },
      redis: { url: `redis://127.0.0.1:${port}` },
    };
    const never = await openJobs(server, {});
    const began = Date.now();
    await never.close();
    expect(Date.now() - began).toBeLessThan(2_500);

    const patient = await openJobs(server, {});
    cleanUps.push(() => patient.close());
    const redis = await startRedis({ port });
    cleanUps.push(() => redis.stop());
    await eventually(() => patient.producer.enqueue('announcement', announcement), { timeoutMs: 10_000 });
    await eventually(() => expect(patient.appender.batches).toHaveLength(1), { timeoutMs: 10_000 });
  });
});

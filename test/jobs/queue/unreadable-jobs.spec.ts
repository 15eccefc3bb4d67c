import { afterEach, expect, it } from '@jest/globals';
import { Redis } from 'ioredis';
import { QueueCanceller, QueueErasure } from '../../../src/jobs/index.js';
import { openJobs, type Jobs } from '../../contract/queue-jobs.js';
import { eventually } from '../../support/eventually.js';
import { startRedis } from '../../support/redis.js';
import { describeWith } from '../../support/tools.js';

const cleanUps: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp();
});

const announcement = (to: string) => ({ to, data: { title: 'Hello' } });
const ADA = { tenant: '', recipient: 'ada' };

describeWith('redis-server', 'A job on Redis that is not JSON', () => {
  const open = async (worker: boolean): Promise<{ jobs: Jobs; redis: Redis; write: Writer }> => {
    const server = await startRedis();
    cleanUps.push(() => server.stop());
    const redis = new Redis(server.url);
    cleanUps.push(() => redis.quit());
    const database = { url: 'postgres://127.0.0.1:1/none' };
    const jobs = await openJobs({ database, redis: { url: server.url } }, { worker });
    cleanUps.push(() => jobs.close());
    const write: Writer = async (id, fields) => {
      await redis.hset(`bull:tidings:${id}`, {
        name: 'announcement',
        data: '{}',
        opts: '{}',
        timestamp: String(Date.now()),
        delay: '0',
        priority: '0',
        ...fields,
      });
      await redis.rpush('bull:tidings:wait', id);
      await redis.zadd('bull:tidings:marker', 0, '0');
    };
    return { jobs, redis, write };
  };

  it('fails with the reason, and the jobs behind it are delivered', async () => {
    const { jobs, write } = await open(true);
    await write('broken', { data: '{"to": "ada", ' });
    await jobs.producer.enqueue('announcement', announcement('ada'));
    await eventually(() => expect(jobs.appender.batches).toHaveLength(1), { timeoutMs: 10_000 });
    await eventually(async () => expect(await jobs.queue.getJobState('broken')).toBe('failed'));
    const job = await jobs.queue.getJob('broken');
    expect(job!.failedReason).toMatch(/^The job's data is not JSON: /);
    expect(await new QueueErasure(jobs.jobs).erase(ADA, new Date())).toBe(1);
  });

  it('is passed over by an erasure, whatever part of it is broken, and can be cancelled', async () => {
    const { jobs, write } = await open(false);
    const { id } = await jobs.producer.enqueue('announcement', announcement('ada'));
    await write('data', { data: 'to=ada' });
    await write('options', { opts: 'none' });
    const { id: kept } = await jobs.producer.enqueue('announcement', announcement('bob'));
    const erasure = new QueueErasure(jobs.jobs);
    expect(await erasure.erase(ADA, new Date())).toBe(1);
    expect(await erasure.erase({ tenant: '', recipient: null }, new Date())).toBe(1);
    expect(await jobs.queue.getJob(id)).toBeUndefined();
    expect(await jobs.queue.getJob(kept)).toBeUndefined();
    expect(await jobs.queue.getJobCountByTypes('waiting')).toBe(2);

    expect(await new QueueCanceller(jobs.jobs).cancel('data', null)).toBe('cancelled');
    expect(await jobs.queue.getJobCountByTypes('waiting')).toBe(1);
  });
});

type Writer = (id: string, fields: Record<string, string>) => Promise<void>;

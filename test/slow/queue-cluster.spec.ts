import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { Queue } from 'bullmq';
import { Cluster } from 'ioredis';
import { QueueUnavailableError } from '../../src/contract/errors.js';
import { QueueCanceller, QueueErasure } from '../../src/jobs/index.js';
import { createProducer, announcement } from '../../src/producer.js';
import { eventually } from '../support/eventually.js';
import { describeWith } from '../support/tools.js';
import { openJobs, type Jobs } from '../contract/queue-jobs.js';
import { startRedisCluster, type RedisClusterServer } from '../contract/redis-cluster.js';

const HELLO = { to: 'ann', data: { title: 'Hello' } };
const AWAY_MS = 60_000;

describeWith('redis-server', 'The queue on a Redis Cluster of three masters', () => {
  let cluster: RedisClusterServer;
  let names = 0;
  const cleanUps: (() => unknown)[] = [];

  beforeAll(async () => {
    cluster = await startRedisCluster(3);
  }, AWAY_MS);
  afterEach(async () => {
    for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp();
  });
  afterAll(() => cluster?.stop());

  const nodes = () => cluster.nodes.map(({ port }) => ({ host: '127.0.0.1', port }));
  const open = async (settings: Parameters<typeof openJobs>[1] = {}): Promise<Jobs> => {
    const jobs = await openJobs(
      { database: { url: 'postgres://127.0.0.1:1/none' }, redis: { nodes: cluster.urls } },
      { queue: `jobs-${++names}`, ...settings },
    );
    cleanUps.push(() => jobs.close());
    return jobs;
  };
  const plain = async (name: string, prefix = '{bull}'): Promise<Queue> => {
    const connection = new Cluster(nodes());
    connection.on('error', () => {}); // the tests stop the servers on purpose
    const queue = new Queue(name, { connection, prefix });
    queue.on('error', () => {});
    cleanUps.push(async () => {
      await queue.close();
      connection.disconnect();
    });
    await queue.waitUntilReady();
    return queue;
  };

  it('takes jobs of a plain BullMQ producer that has its prefix', async () => {
    const jobs = await open();
    const queue = await plain(jobs.name);

    const { id } = await queue.add('announcement', HELLO);
    await eventually(async () => expect(await queue.getJobState(id!)).toBe('completed'));

    expect(jobs.appender.batches.flat().map(({ feed }) => feed.recipient)).toEqual(['ann']);
  });

  it('accepts another prefix with a hash tag', async () => {
    const jobs = await open({ prefix: 'shop{7}' });
    const queue = await plain(jobs.name, 'shop{7}');

    await queue.add('announcement', HELLO);

    await eventually(() => jobs.outcomes.includes('completed'));
  });

  it('takes jobs of createProducer, one by one, in bulk and right after the start', async () => {
    const jobs = await open();
    const producer = await createProducer({
      redis: { nodes: cluster.urls.slice(1, 2) },
      queue: { name: jobs.name },
      types: [announcement],
    });
    cleanUps.push(() => producer.close());

    const each = Array.from({ length: 20 }, (_, index) =>
      producer.notify(announcement, { to: `user-${index}`, data: HELLO.data }),
    );
    await Promise.all(each);
    await producer.notifyMany(
      announcement,
      Array.from({ length: 2_500 }, (_, index) => `one-of-many-${index}`),
      { data: HELLO.data, key: 'all' },
    );

    await eventually(() => jobs.appender.batches.flat().length === 2_520);
  });

  it('cancels, erases and counts jobs, also as the first call', async () => {
    const other = await open({ worker: false });
    const queue = await plain(other.name);
    const ids: string[] = [];
    for (const to of ['ann', 'bob', 'cleo'])
      ids.push((await queue.add('announcement', { ...HELLO, to })).id!);

    const jobs = await open({ queue: other.name, worker: false });
    const [cancelled, erased, depth] = await Promise.all([
      new QueueCanceller(jobs.jobs).cancel(ids[0]!, null),
      new QueueErasure(jobs.jobs).erase({ tenant: '', recipient: 'bob' }, new Date()),
      jobs.jobs.depth(),
    ]);

    expect([cancelled, erased]).toEqual(['cancelled', 1]);
    expect(depth).toMatchObject({ active: 0, completed: 0 });
    expect((await queue.getWaiting()).map(({ id }) => id)).toEqual([ids[2]]);
  });

  describe('the queue while the cluster is unavailable', () => {
    it.each([
      ['stopped', () => cluster.stop(), () => cluster.start()],
      ['frozen', () => Promise.resolve(cluster.pause()), () => Promise.resolve(cluster.resume())],
    ])(
      'rejects in time, enqueues nothing late, and resumes when the cluster is back (%s)',
      async (_how, away, back) => {
        const jobs = await open({ answerMs: 1_500 });
        await jobs.producer.enqueue('announcement', { ...HELLO, to: 'before' });
        await eventually(() => jobs.outcomes.length === 1);

        await away();
        cleanUps.push(back);
        try {
          const began = performance.now();
          await expect(jobs.producer.enqueue('announcement', { ...HELLO, to: 'meanwhile' })).rejects.toThrow(
            QueueUnavailableError,
          );
          expect(performance.now() - began).toBeLessThan(3_000);
          await eventually(() => !jobs.jobs.usable, { timeoutMs: 15_000 });
          // Surely not on its way any more.
          await expect(jobs.producer.enqueue('announcement', { ...HELLO, to: 'never' })).rejects.toThrow(
            QueueUnavailableError,
          );
        } finally {
          cleanUps.pop();
          await back();
        }

        await eventually(() => jobs.producer.enqueue('announcement', { ...HELLO, to: 'after' }), {
          timeoutMs: 30_000,
        });
        const recipients = (): string[] => jobs.appender.batches.flat().map(({ feed }) => feed.recipient);
        await eventually(() => recipients().includes('after'), { timeoutMs: 30_000 });
        expect(recipients()).not.toContain('never');
      },
      AWAY_MS,
    );

    it(
      'closes everything in time',
      async () => {
        const jobs = await openJobs(
          { database: { url: 'postgres://127.0.0.1:1/none' }, redis: { nodes: cluster.urls } },
          { queue: `jobs-${++names}` },
        );
        await jobs.producer.enqueue('announcement', HELLO);
        await cluster.stop();
        cleanUps.push(() => cluster.start());
        await eventually(() => !jobs.jobs.usable, { timeoutMs: 15_000 });

        const began = performance.now();
        await jobs.close();
        expect(performance.now() - began).toBeLessThan(5_000);
      },
      AWAY_MS,
    );
  });
});

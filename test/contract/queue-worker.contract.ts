import { describe, expect, it } from '@jest/globals';
import type { JobsOptions } from 'bullmq';
import { LogUnavailableError, QueueUnavailableError } from '../../src/contract/errors.js';
import type { JobData } from '../../src/contract/model/job.js';
import { eventually } from '../support/eventually.js';
import type { QueueBench } from './queue-bench.js';
import { RecordingAppender } from './queue-jobs.js';

/** The worker at its end and in outages of the log and of the queue, on every backend. */
export function queueWorkerContract(bench: QueueBench): void {
  const { queueName, open, plain, stateOf, reload, inState } = bench;

  describe('the worker while the log is unavailable', () => {
    it.each([
      ['is away', new LogUnavailableError('no database')],
      ['fails in an unknown way', new TypeError('a bug')],
    ])('lets jobs wait, uses up no attempt and completes them later when the log %s', async (_, problem) => {
      const appender = new RecordingAppender();
      appender.problem = problem;
      const jobs = await open({ queue: queueName(), appender });
      const queue = await plain(jobs.name);
      // A plain producer sets no attempts: the first failure would be the last.
      const { id } = await queue.add('announcement', { to: 'ann', data: { title: 'Hello' } });
      await inState(queue, id, 'delayed');
      await eventually(() => jobs.outcomes.includes('delayed'));

      appender.problem = null;
      await inState(queue, id, 'completed', 20_000);
      expect(await reload(queue, id)).toMatchObject({ returnvalue: { appended: 1, duplicates: 0 } });
      expect((await reload(queue, id)).attemptsMade).toBeLessThanOrEqual(1);
      expect(appender.batches).toHaveLength(1);
    });

    it('leaves waiting jobs on the queue instead of trying them one by one', async () => {
      const appender = new RecordingAppender();
      appender.problem = new LogUnavailableError('no database');
      const jobs = await open({ queue: queueName(), appender, concurrency: 5 });
      const queue = await plain(jobs.name);
      const job = { name: 'announcement', data: { to: 'ann', data: { title: 'Hello' } } };
      await queue.addBulk(Array.from({ length: 300 }, () => job));

      const began = Date.now();
      await eventually(() => appender.calls >= 10 && Date.now() - began > 2_000, { timeoutMs: 15_000 });
      // In this time all 300 would have been tried, most of them more than once.
      expect(appender.calls).toBeLessThan(100);
      const { waiting, delayed } = await queue.getJobCounts('waiting', 'delayed');
      expect(waiting).toBeGreaterThan(200);
      expect(delayed).toBeGreaterThan(0);

      appender.problem = null;
      await eventually(() => expect(appender.batches).toHaveLength(300), { timeoutMs: 25_000 });
    });
  });

  describe('closing the worker', () => {
    const job: [string, JobData, JobsOptions?] = ['announcement', { to: 'ann', data: { title: 'Hello' } }];

    it('lets running jobs end and fetches no more', async () => {
      const appender = new RecordingAppender();
      const gate = appender.hold();
      const name = queueName();
      const jobs = await open({ queue: name, appender, concurrency: 2 });
      const queue = await plain(name);
      const added = await queue.addBulk(Array.from({ length: 4 }, () => ({ name: job[0], data: job[1] })));
      await eventually(() => appender.calls === 2);

      const closed = jobs.close();
      gate.open();
      await closed;
      const states = await Promise.all(added.map(({ id }) => stateOf(queue, id)));
      expect(states.filter((state) => state === 'completed')).toHaveLength(2);
      expect(states.filter((state) => state === 'waiting')).toHaveLength(2);
      await jobs.close();
    });

    it('waits at most 5 s for a job that does not end, which then runs again', async () => {
      const appender = new RecordingAppender();
      const gate = appender.hold();
      const name = queueName();
      const jobs = await open({ queue: name, appender });
      const queue = await plain(name);
      const { id } = await queue.add(...job);
      await eventually(() => appender.calls === 1);

      const began = Date.now();
      await jobs.close();
      expect(Date.now() - began).toBeLessThan(5_000);
      expect(await stateOf(queue, id)).toBe('active');
      gate.open();

      const next = await open({ queue: name });
      // Its lock runs out, then two checks for stalled jobs find it: in 4 s here, and in 35 s by default.
      await inState(queue, id, 'completed', 14_000);
      expect(next.appender.batches).toHaveLength(1);
    }, 60_000);
  });

  describe('an outage of the server', () => {
    const data: JobData = { to: 'ann', data: { title: 'Hello' } };
    const timed = async (work: Promise<unknown>): Promise<[unknown, number]> => {
      const began = Date.now();
      const outcome = await work.then(
        () => 'done',
        (error: unknown) => error,
      );
      return [outcome, Date.now() - began];
    };

    it.each([
      ['is stopped', () => bench.server.stop(), () => bench.server.start()],
      ['is frozen', () => bench.server.pause(), () => bench.server.resume()],
    ])(
      'rejects within 5 s, does not hang on close, and resumes afterwards, when it %s',
      async (_, away, back) => {
        const name = queueName();
        const jobs = await open({ queue: name });
        const doomed = await open({ queue: name });
        const before = await jobs.producer.enqueue('announcement', data);
        await inState(jobs.queue, before.id, 'completed');

        await away();
        const idempotency = { scope: 's', key: name };
        try {
          const [outcome, ms] = await timed(jobs.producer.enqueue('announcement', data, { idempotency }));
          expect(outcome).toBeInstanceOf(QueueUnavailableError);
          expect(ms).toBeLessThan(5_500);
          const [depth] = await timed(jobs.jobs.depth());
          expect(depth).toBeInstanceOf(QueueUnavailableError);
          const [, closeMs] = await timed(doomed.close());
          expect(closeMs).toBeLessThan(7_000);
        } finally {
          await back();
        }

        const { id } = await eventually(() => jobs.producer.enqueue('announcement', data, { idempotency }), {
          timeoutMs: 30_000,
        });
        await inState(jobs.queue, id, 'completed', 45_000);
        expect(await jobs.queue.getFailedCount()).toBe(0);
        const keys = [...jobs.appender.batches, ...doomed.appender.batches].map(
          (batch) => batch[0]!.dedupeKey,
        );
        expect(new Set(keys).size).toBe(2);
      },
      90_000,
    );

    it('runs a job again, and does not fail it, when it begins in the middle of the job', async () => {
      const appender = new RecordingAppender();
      const gate = appender.hold();
      const jobs = await open({ queue: queueName(), appender });
      const { id } = await jobs.producer.enqueue('announcement', data);
      await eventually(() => appender.calls === 1);
      await bench.server.stop();
      gate.open();
      await eventually(() => appender.batches.length === 1);
      await bench.server.start();

      await inState(jobs.queue, id, 'completed', 45_000);
      expect(await jobs.queue.getFailedCount()).toBe(0);
      const keys = appender.batches.map((batch) => batch[0]!.dedupeKey);
      expect(new Set(keys).size).toBe(1);
    }, 90_000);
  });
}

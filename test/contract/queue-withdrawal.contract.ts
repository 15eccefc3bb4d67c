import { describe, expect, it, jest } from '@jest/globals';
import type { Job, Queue } from 'bullmq';
import { parseProducerKey, type ProducerKey } from '../../src/contract/model/producer-key.js';
import { LogUnavailableError, QueueUnavailableError } from '../../src/contract/errors.js';
import { QueueCanceller, QueueErasure } from '../../src/jobs/index.js';
import { unlessWithdrawn, withdraw } from '../../src/jobs/queue/withdrawn.js';
import { eventually } from '../support/eventually.js';
import type { QueueBench } from './queue-bench.js';
import { RecordingAppender } from './queue-jobs.js';

const ANN = { tenant: '', recipient: 'ann' };
const LATER = { delay: 3_600_000 };

function gate(): { readonly opened: Promise<void>; readonly open: () => void } {
  let open = (): void => {};
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { opened, open };
}

/** What cancelling and erasing promise, on every backend. */
export function withdrawalContract(bench: QueueBench): void {
  describe('jobs that are taken off the queue', () => {
    const open = (settings: Parameters<QueueBench['open']>[0] = {}) =>
      bench.open({ queue: bench.queueName(), ...settings });
    const hello = (to: string | string[], more: object = {}): object => ({
      to,
      data: { title: 'Hello' },
      ...more,
    });
    const add = (queue: Queue, data: object, opts = {}): Promise<Job> =>
      queue.add('announcement', data, opts);
    const find = async (queue: Queue, { id }: Job): Promise<Job | undefined> =>
      (await queue.getJob(id!)) as Job | undefined;

    describe('cancelled by their producer', () => {
      it('disappear while they wait or are delayed, and are unknown afterwards', async () => {
        const { jobs, queue } = await open({ worker: false });
        const canceller = new QueueCanceller(jobs);
        for (const opts of [{}, LATER, { priority: 5 }, { jobId: 'given' }]) {
          const job = await add(queue, hello('ann'), opts);
          expect(await canceller.cancel(job.id!, null)).toBe('cancelled');
          expect(await find(queue, job)).toBeUndefined();
          expect(await canceller.cancel(job.id!, null)).toBe('unknown');
        }
        expect(await canceller.cancel('never-was', null)).toBe('unknown');
        expect(await jobs.depth()).toMatchObject({ waiting: 0, delayed: 0, prioritized: 0 });
      });

      it('stay as they are once they run or have ended', async () => {
        const appender = new RecordingAppender();
        const gate = appender.hold();
        const { jobs, queue } = await open({ appender });
        const canceller = new QueueCanceller(jobs);
        const job = await add(queue, hello('ann'));
        await eventually(() => appender.calls === 1);
        expect(await canceller.cancel(job.id!, null)).toBe('running');
        gate.open();
        await eventually(async () => (await job.getState()) === 'completed');
        expect(await canceller.cancel(job.id!, null)).toBe('done');
        expect((await find(queue, job))?.data).toEqual(hello('ann'));

        const wrong = await add(queue, { to: '' });
        await eventually(async () => (await wrong.getState()) === 'failed');
        expect(await canceller.cancel(wrong.id!, null)).toBe('done');
      });

      it('disappear also when they have run before and wait again', async () => {
        const appender = new RecordingAppender();
        appender.problem = new LogUnavailableError('away');
        const { jobs, queue } = await open({ appender });
        const job = await add(queue, hello('ann'));
        const canceller = new QueueCanceller(jobs);
        await eventually(async () => (await canceller.cancel(job.id!, null)) === 'cancelled');
        appender.problem = null;
        const next = await add(queue, hello('bob'));
        await eventually(async () => (await next.getState()) === 'completed', { timeoutMs: 15_000 });
        expect(appender.batches.flat().map(({ feed }) => feed.recipient)).toEqual(['bob']);
      }, 30_000);

      it('end either cancelled or appended, never both or neither, in a race with the worker', async () => {
        const { jobs, queue, appender } = await open({ concurrency: 3 });
        const canceller = new QueueCanceller(jobs);
        const outcomes = await Promise.all(
          Array.from({ length: 150 }, async (_, index) => {
            const job = await add(queue, hello(`user-${index}`));
            return canceller.cancel(job.id!, null);
          }),
        );
        await eventually(async () => {
          const { waiting, active, delayed } = await jobs.depth();
          return waiting === 0 && active === 0 && delayed === 0;
        });
        const appended = new Set(appender.batches.flat().map(({ feed }) => feed.recipient));
        outcomes.forEach((outcome, index) => {
          expect([index, outcome, appended.has(`user-${index}`)]).toEqual([
            index,
            outcome,
            outcome !== 'cancelled',
          ]);
        });
      });

      it('count as cancelled if the worker that took them finds them withdrawn', async () => {
        const { jobs, queue } = await open({ worker: false });
        const found: unknown[] = [];
        const look = gate();
        const { instance, destroy } = jobs.backend.openWorker(
          jobs.name,
          async (taken: Job<unknown>) => {
            found.push(taken.data);
            await look.opened;
            return (await unlessWithdrawn(() => Promise.resolve('ran'))(taken)) as unknown;
          },
          {},
        );
        bench.cleanUps.push(() => instance.close(true).then(destroy));
        await instance.waitUntilReady();

        const job = await add(queue, hello('ann'));
        const getJob = queue.getJob.bind(queue);
        const spy = jest.spyOn(queue, 'getJob').mockImplementationOnce(async (id) => {
          const own = (await getJob(id)) as Job;
          const updateData = own.updateData.bind(own);
          own.updateData = async (data) => {
            await updateData(data);
            void instance.run();
            await eventually(() => found.length === 1);
            setTimeout(look.open, 100);
          };
          return own as never;
        });
        expect(await new QueueCanceller(jobs).cancel(job.id!, null)).toBe('cancelled');
        expect(spy).toHaveBeenCalled();
        expect(found).toEqual([{ withdrawn: true }]);
      });

      it('reject as unavailable while the outcome is unknown, and are cancelled when a worker puts them back', async () => {
        const appender = new RecordingAppender();
        appender.problem = new LogUnavailableError('away');
        const held = appender.hold();
        const { jobs, queue } = await open({ appender });
        const job = await add(queue, hello('ann'));
        await eventually(() => appender.calls === 1);
        await withdraw(job); // by a cancelling that did not hear of its end
        const canceller = new QueueCanceller(jobs);
        await expect(canceller.cancel(job.id!, null)).rejects.toThrow(/is running; try again/);
        held.open();
        await eventually(async () => (await canceller.cancel(job.id!, null)) === 'cancelled');
        expect(appender.batches).toEqual([]);
      });

      it('append nothing if a worker takes them between their withdrawal and their removal', async () => {
        const { name, queue, appender } = await open({ worker: false });
        const job = await add(queue, hello('ann'));
        await withdraw(job);
        await open({ queue: name, appender });
        await eventually(async () => (await job.getState()) === 'completed');
        expect((await find(queue, job))?.returnvalue).toEqual({
          appended: 0,
          duplicates: 0,
          withdrawn: true,
        });
        expect(appender.calls).toBe(0);
      });

      it('cannot be forged: a job that is added with the mark of a withdrawn one fails', async () => {
        const { queue, appender } = await open();
        for (const data of [{ withdrawn: true }, hello('ann', { withdrawn: true })]) {
          const job = await add(queue, data);
          await eventually(async () => (await job.getState()) === 'failed');
          expect((await find(queue, job))?.failedReason).toMatch(/withdrawn is not a known field/);
        }
        expect(appender.calls).toBe(0);
      });

      it('are unknown to a producer that they are not of, before and after their withdrawal', async () => {
        const { jobs, queue } = await open({ worker: false });
        const canceller = new QueueCanceller(jobs);
        const keyOf = (text: string): ProducerKey => parseProducerKey(text) as ProducerKey;
        const own = keyOf('orders:0123456789abcdef@acme');
        const strangers = [
          'billing:0123456789abcdef',
          'orders:0123456789abcdef@globex',
          '0123456789abcdef@globex',
        ].map(keyOf);
        const sent = { tenant: 'acme', sender: { key: own.id, name: 'orders' } };
        const job = await add(queue, hello('ann', sent), LATER);
        for (const by of strangers) expect(await canceller.cancel(job.id!, by)).toBe('unknown');
        await withdraw(job);
        for (const by of strangers) expect(await canceller.cancel(job.id!, by)).toBe('unknown');
        expect(await canceller.cancel(job.id!, own)).toBe('cancelled');
        for (const by of [
          '0123456789abcdef',
          '0123456789abcdef@acme',
          'ops:0123456789abcdef;any-sender',
          null,
        ]) {
          const next = await add(queue, hello('ann', sent), LATER);
          expect(await canceller.cancel(next.id!, by === null ? null : keyOf(by))).toBe('cancelled');
        }
        // Without a name, it is of no named producer.
        const unnamed = await add(queue, hello('ann', { tenant: 'acme' }), LATER);
        expect(await canceller.cancel(unnamed.id!, own)).toBe('unknown');
      });
    });

    describe('removed by an erasure', () => {
      /** Everything that the queue still knows. */
      const everything = async (queue: Queue): Promise<string> => {
        const jobs = (await queue.getJobs()) as Job<unknown, unknown>[];
        return JSON.stringify(
          jobs.map(({ data, failedReason, returnvalue }) => [data, failedReason, returnvalue]),
        );
      };

      it('are removed in every state, and lose the name where there are other recipients', async () => {
        const { jobs, queue, appender } = await open();
        const done = await add(queue, hello('ann'));
        const shared = await add(queue, hello(['ann', 'bob']));
        const failed = await queue.add('announcement', { to: 'ann', data: {} });
        await eventually(async () => {
          const states = await Promise.all([done, shared, failed].map((job) => job.getState()));
          expect(states).toEqual(['completed', 'completed', 'failed']);
        });
        const delayed = [
          await add(queue, hello('ann'), LATER),
          await add(queue, hello(['bob', 'ann', 'eve']), LATER),
          await add(queue, hello(['ann']), { ...LATER, priority: 3 }),
        ];
        const spared = [
          await add(queue, hello('ann', { tenant: 'acme' }), LATER),
          await add(queue, hello('bob'), LATER),
          await add(queue, hello('anna'), LATER),
        ];
        expect(await new QueueErasure(jobs).erase(ANN, new Date())).toBe(6);
        for (const job of [done, failed, delayed[0]!, delayed[2]!])
          expect(await find(queue, job)).toBeUndefined();
        expect((await find(queue, shared))?.data).toEqual(hello(['bob']));
        expect((await find(queue, delayed[1]!))?.data).toEqual(hello(['bob', 'eve']));
        for (const job of spared) expect((await find(queue, job))?.data).toEqual(job.data);
        expect((await everything(queue)).match(/"ann"/g)).toHaveLength(1); // of acme
        expect(await new QueueErasure(jobs).erase(ANN, new Date())).toBe(0);
        expect(appender.calls).toBe(2);
      });

      it('include all jobs of a tenant, over any number of pages', async () => {
        const { jobs, queue } = await open({ worker: false });
        await queue.addBulk(
          Array.from({ length: 450 }, (_, index) => ({
            name: 'announcement',
            data: hello(index % 3 ? ['a', 'b'] : `user ${index}`, index % 2 ? { tenant: 'acme' } : {}),
            opts: index % 5 ? {} : LATER,
          })),
        );
        expect(await new QueueErasure(jobs).erase({ tenant: 'acme', recipient: null }, new Date())).toBe(225);
        expect(await everything(queue)).not.toContain('acme');
        const { waiting, delayed } = await jobs.depth();
        expect(waiting! + delayed!).toBe(225);
      });

      it('exclude jobs that were queued after it', async () => {
        const { jobs, queue } = await open({ worker: false });
        const old = await add(queue, hello('ann'), { timestamp: Date.now() - 60_000 });
        const fresh = await add(queue, hello('ann'));
        expect(await new QueueErasure(jobs).erase(ANN, new Date(Date.now() - 30_000))).toBe(1);
        expect(await find(queue, old)).toBeUndefined();
        expect((await find(queue, fresh))?.data).toEqual(hello('ann'));
      });

      it('lose their data while they run, so that a second run appends nothing', async () => {
        const appender = new RecordingAppender();
        const gate = appender.hold();
        const { jobs, queue } = await open({ appender });
        const job = await add(queue, hello('ann'));
        await eventually(() => appender.calls === 1);
        expect(await new QueueErasure(jobs).erase(ANN, new Date())).toBe(1);
        expect((await find(queue, job))?.data).toEqual({ withdrawn: true });
        gate.open();
        await eventually(async () => (await job.getState()) === 'completed');
        expect(await everything(queue)).not.toContain('ann"');
      });

      it('may carry data of any shape', async () => {
        const { jobs, queue } = await open({ worker: false });
        for (const data of [
          null,
          7,
          'ann',
          [],
          {},
          { to: null },
          { to: [null, ['ann']] },
          { to: 'ann', tenant: 7 },
        ])
          await queue.add('whatever', data, LATER);
        expect(await new QueueErasure(jobs).erase(ANN, new Date())).toBe(0);
      });
    });

    it('reject in time while the queue is unavailable', async () => {
      const { jobs, queue } = await open({ worker: false, answerMs: 500 });
      const job = await add(queue, hello('ann'), LATER);
      await bench.server.pause();
      try {
        await expect(new QueueCanceller(jobs).cancel(job.id!, null)).rejects.toThrow(QueueUnavailableError);
        await expect(new QueueErasure(jobs).erase(ANN, new Date())).rejects.toThrow(QueueUnavailableError);
      } finally {
        await bench.server.resume();
      }
      await eventually(async () => (await new QueueCanceller(jobs).cancel(job.id!, null)) !== 'running');
    });
  });
}

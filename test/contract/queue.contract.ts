import { afterAll, afterEach, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { Logger } from '@nestjs/common';
import type { Job, JobsOptions, Queue } from 'bullmq';
import {
  IdempotencyKeyReusedError,
  InvalidJobError,
  LogUnavailableError,
  QueueUnavailableError,
  UnknownTypeError,
} from '../../src/contract/errors.js';
import type { JobData } from '../../src/contract/model/job.js';
import { KEPT, removeFinished } from '../../src/jobs/queue/finished-jobs.js';
import { eventually } from '../support/eventually.js';
import { defineNotification, openJobs, orderData, RecordingAppender, z, type Jobs } from './queue-jobs.js';

/** A server that a queue can live on, with what happens to servers. */
export interface QueueServer {
  /** Where {@link JobQueue} finds it. */
  readonly options: { database: { url: string }; redis: { url: string } | null };
  /** A Queue of plain BullMQ, with nothing of ours. Close it. */
  plainQueue(name: string): Promise<{ queue: Queue; close: () => Promise<void> }>;
  /** Everything is gone, as after FLUSHALL or with a fresh database. */
  wipe(): Promise<void>;
  pause(): void | Promise<void>;
  resume(): void | Promise<void>;
  stop(): Promise<void>;
  start(): Promise<void>;
  close(): Promise<void>;
}

/** What the queue, its producer and its worker promise on every backend. */
export function queueContract(backend: string, startServer: () => Promise<QueueServer>): void {
  describe(`The queue on ${backend}`, () => {
    let server: QueueServer;
    let names = 0;
    const cleanUps: (() => Promise<unknown>)[] = [];

    beforeAll(async () => {
      server = await startServer();
    });
    afterEach(async () => {
      for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp();
    });
    afterAll(() => server.close());

    const queueName = (): string => `jobs-${++names}`;
    const open = async (settings: Parameters<typeof openJobs>[1] = {}): Promise<Jobs> => {
      const jobs = await openJobs(server.options, settings);
      cleanUps.push(() => jobs.close());
      return jobs;
    };
    const plain = async (name: string): Promise<Queue> => {
      const { queue, close } = await server.plainQueue(name);
      cleanUps.push(close);
      return queue;
    };
    const stateOf = async (queue: Queue, id: string | undefined): Promise<string> => queue.getJobState(id!);
    const reload = async (queue: Queue, id: string | undefined): Promise<Job> => (await queue.getJob(id!))!;
    const inState = (
      queue: Queue,
      id: string | undefined,
      state: string,
      timeoutMs = 15_000,
    ): Promise<unknown> =>
      eventually(async () => expect(await stateOf(queue, id)).toBe(state), { timeoutMs });

    describe('a job of a plain BullMQ producer', () => {
      it('becomes one append with every recipient once, and rendered', async () => {
        const jobs = await open({ queue: queueName() });
        const queue = await plain(jobs.name);

        const { id } = await queue.add('new-order', {
          to: ['ann', 'bob', 'ann'],
          tenant: 'acme',
          data: orderData,
        });
        await inState(queue, id, 'completed');

        expect(jobs.appender.batches).toHaveLength(1);
        const [batch] = jobs.appender.batches;
        expect(batch!.map(({ feed }) => feed)).toEqual([
          { tenant: 'acme', recipient: 'ann' },
          { tenant: 'acme', recipient: 'bob' },
        ]);
        expect(batch![0]).toMatchObject({
          type: 'new-order',
          title: 'New order A-17',
          body: 'Zoe: 3 items, €1,234.50',
          link: null,
          version: 1,
          expiresAt: null,
          collapseKey: null,
          mandatory: false,
        });
        expect(JSON.parse(batch![0]!.dataJson)).toEqual(orderData);
        expect((await reload(queue, id)).returnvalue).toEqual({ appended: 2, duplicates: 0 });
        expect(jobs.outcomes).toEqual(['completed']);
      });

      it('makes one append for 1,000 recipients', async () => {
        const jobs = await open({ queue: queueName() });
        const queue = await plain(jobs.name);
        const to = Array.from({ length: 1_000 }, (_, index) => `user-${index}`);

        const { id } = await queue.add('announcement', { to, data: { title: 'Hello' } });
        await inState(queue, id, 'completed');

        expect(jobs.appender.batches.map((batch) => batch.length)).toEqual([1_000]);
      });

      it('completes without an append after its expiresAt', async () => {
        const jobs = await open({ queue: queueName() });
        const queue = await plain(jobs.name);

        const data = { to: ['ann', 'bob'], data: { title: 'Late' }, expiresAt: '2020-01-01T00:00:00Z' };
        const { id } = await queue.add('announcement', data);
        await inState(queue, id, 'completed');

        expect((await reload(queue, id)).returnvalue).toEqual({ appended: 0, duplicates: 0, expired: 2 });
        expect(jobs.appender.batches).toEqual([]);
      });

      it('keeps its dedupe key when it runs again, and gets another when ids begin again', async () => {
        const name = queueName();
        const add = async (): Promise<string> => {
          const jobs = await openJobs(server.options, { queue: name });
          const { queue, close } = await server.plainQueue(name);
          try {
            const job = await queue.add('announcement', { to: 'ann', data: { title: 'Hello' } });
            expect(job.id).toBe('1');
            await inState(queue, job.id, 'completed');
            return jobs.appender.batches[0]![0]!.dedupeKey;
          } finally {
            await close();
            await jobs.close();
          }
        };

        const before = await add();
        await server.wipe();
        const after = await add();

        expect(before).toMatch(new RegExp(`^j:${name}:1:\\d+$`));
        expect(after).toMatch(new RegExp(`^j:${name}:1:\\d+$`));
        expect(after).not.toBe(before);
      });
    });

    describe('a job that can never succeed', () => {
      const good = { title: 'Hello' };
      const bad: [string, string, unknown, string][] = [
        ['no recipient', 'announcement', { data: good }, 'to must be a string, not missing'],
        ['an empty list of recipients', 'announcement', { to: [], data: good }, 'to must name at least one'],
        ['an empty recipient', 'announcement', { to: ['ann', ''], data: good }, 'to[1] must not be empty'],
        [
          'a recipient that is a number',
          'announcement',
          { to: 7, data: good },
          'to must be a string, not a number',
        ],
        [
          '1,001 recipients',
          'announcement',
          { to: Array.from({ length: 1_001 }, (_, index) => `u${index}`), data: good },
          'to must name at most 1000 recipients, names 1001',
        ],
        [
          'CR and LF in a recipient',
          'announcement',
          { to: 'ann\r\nid: 1', data: good },
          'to must not contain control',
        ],
        [
          'a tenant with a line break',
          'announcement',
          { to: 'ann', tenant: 'a\n', data: good },
          'tenant must not',
        ],
        ['no data', 'announcement', { to: 'ann' }, 'data is missing'],
        ['data that is a text', 'announcement', { to: 'ann', data: 'x' }, 'data must be an object'],
        ['a missing field', 'announcement', { to: 'ann', data: {} }, 'data.title is missing'],
        [
          'a field of a wrong type',
          'announcement',
          { to: 'ann', data: { title: 7 } },
          'data.title must be a text',
        ],
        [
          'an unknown field',
          'announcement',
          { to: 'ann', data: good, dedupKey: 'x' },
          'dedupKey is not a known field',
        ],
        [
          'an unknown field of data',
          'announcement',
          { to: 'ann', data: { ...good, url: '/' } },
          'unknown fields, has "url"',
        ],
        [
          'a link to javascript',
          'announcement',
          { to: 'ann', data: { ...good, link: 'javascript:x' } },
          'data.link must be http',
        ],
        [
          'data over 64 KiB',
          'announcement',
          { to: 'ann', data: { title: 'x'.repeat(70_000) } },
          'data must have at most 65536 bytes',
        ],
        [
          'a malformed date',
          'announcement',
          { to: 'ann', data: good, expiresAt: 'soon' },
          'expiresAt must be an ISO 8601',
        ],
        [
          'a status of its own',
          'task-completed',
          { to: 'ann', data: { taskId: '1', title: 'x', status: 'ok' } },
          'data.status must be one of',
        ],
        [
          'a currency that is none',
          'new-order',
          { to: 'ann', data: { ...orderData, total: { amount: 1, currency: 'XYZ' } } },
          'data.total.currency must be an ISO 4217',
        ],
        [
          'a fraction of a cent',
          'new-order',
          { to: 'ann', data: { ...orderData, total: { amount: 1.5, currency: 'EUR' } } },
          'data.total.amount must be a whole number',
        ],
        [
          'a name that no type can have',
          'feed.read',
          { to: 'ann', data: good },
          'type (the job\'s name) must not begin with "feed."',
        ],
        [
          'a line break in its name',
          'a\nid: 1',
          { to: 'ann', data: good },
          "type (the job's name) must match",
        ],
        [
          'a schema that throws',
          'throwing-schema',
          { to: 'ann', data: good },
          'The schema of throwing-schema failed: boom',
        ],
        [
          'a renderer that throws',
          'throwing-renderer',
          { to: 'ann', data: good },
          'The renderer of throwing-renderer failed: boom',
        ],
        [
          'an async renderer',
          'async-renderer',
          { to: 'ann', data: good },
          'The renderer of async-renderer failed: it is async',
        ],
        ['an empty title', 'empty-title', { to: 'ann', data: good }, 'title must be a non-empty string'],
      ];
      const boom = (): never => {
        throw new Error('boom');
      };
      const types = [
        defineNotification('throwing-schema', {
          version: 1,
          schema: z.any().transform(boom),
          render: () => good,
        }),
        defineNotification('throwing-renderer', { version: 1, schema: z.any(), render: boom }),
        defineNotification('empty-title', { version: 1, schema: z.any(), render: () => ({ title: '' }) }),
        defineNotification('async-renderer', {
          version: 1,
          schema: z.any(),
          render: (() => Promise.reject(new Error('late'))) as unknown as () => { title: string },
        }),
      ];
      let jobs: Jobs;
      let queue: Queue;
      let close: () => Promise<void>;
      beforeAll(async () => {
        jobs = await openJobs(server.options, { queue: 'bad-jobs', types });
        ({ queue, close } = await server.plainQueue('bad-jobs'));
      });
      afterAll(async () => {
        await close();
        await jobs.close();
      });

      it.each(bad)(
        'fails at once, with the reason, and stays in the failed set: %s',
        async (_, type, data, reason) => {
          const { id } = await queue.add(type, data, { attempts: 5, backoff: 60_000 });
          await inState(queue, id, 'failed');

          const job = await reload(queue, id);
          expect(job.failedReason).toContain(reason);
          expect(job.attemptsMade).toBe(1);
          expect((await queue.getFailed()).map((failed) => failed.id)).toContain(id);
          expect(jobs.appender.batches).toEqual([]);
        },
      );

      it('is logged, but not each of thousands', async () => {
        const lines: unknown[] = [];
        const spy = jest.spyOn(Logger.prototype, 'error').mockImplementation((line) => void lines.push(line));
        try {
          const wrong = Array.from({ length: 5 }, () =>
            queue.add('announcement', { to: 'ann', data: { title: 7 } }),
          );
          for (const { id } of await Promise.all(wrong)) await inState(queue, id, 'failed');
        } finally {
          spy.mockRestore();
        }
        expect(lines).toHaveLength(1);
        expect(lines[0]).toMatch(/^A job of "announcement" can never be delivered.*: .*data\.title/);
      });

      it.each([
        ['NUL', 'a\u0000b', 'data.title must not contain NUL'],
        ['a lone surrogate', 'a\ud800b', 'data.title must be well-formed Unicode'],
      ])('fails at once, or is not even stored, with %s in its data', async (_, title, reason) => {
        const job = await queue
          .add('announcement', { to: 'ann', data: { title } })
          .catch((error: unknown) => error);
        // jsonb takes neither: on Postgres such a job never comes into being.
        if (job instanceof Error) expect(job.message).toMatch(/unicode|json/i);
        else {
          const { id } = job as Job;
          await inState(queue, id, 'failed');
          expect((await reload(queue, id)).failedReason).toContain(reason);
        }
        expect(jobs.appender.batches).toEqual([]);
      });

      it('fails at once when the log refuses its content', async () => {
        const appender = new RecordingAppender();
        appender.problem = new InvalidJobError([{ field: 'data', problem: 'is refused' }]);
        const refusing = await open({ queue: queueName(), appender });
        const { id } = await refusing.queue.add('announcement', { to: 'ann', data: good });
        await inState(refusing.queue, id, 'failed');
        expect((await reload(refusing.queue, id)).failedReason).toBe(
          'The job is not valid: data is refused.',
        );
        expect(refusing.outcomes).toEqual(['failed']);
      });
    });

    describe('a job of an unknown type', () => {
      const late = defineNotification('late-type', {
        version: 3,
        schema: z.object({}),
        render: () => ({ title: 'At last' }),
      });

      it('waits, without an attempt being counted, until a worker knows it', async () => {
        const name = queueName();
        const old = await open({ queue: name });
        const queue = await plain(name);
        const { id } = await queue.add('late-type', { to: 'ann', data: {} });
        await inState(queue, id, 'delayed');
        expect(await reload(queue, id)).toMatchObject({ attemptsMade: 0 });
        await old.close();

        const deployed = await open({ queue: name, types: [late] });
        await inState(queue, id, 'completed');
        expect(deployed.appender.batches[0]![0]).toMatchObject({
          type: 'late-type',
          title: 'At last',
          version: 3,
        });
        expect(old.appender.batches).toEqual([]);
        expect(old.outcomes).toContain('delayed');
      });

      it('fails when no worker learns the type in time, counted from its first run over restarts', async () => {
        const name = queueName();
        const first = await open({ queue: name, unknownTypeRetryMs: 60_000 });
        const queue = await plain(name);
        const { id } = await queue.add('late-type', { to: 'ann', data: {} });
        await inState(queue, id, 'delayed');
        await first.close();
        const { unknownTypeSince } = (await reload(queue, id)).progress as { unknownTypeSince: number };

        await eventually(() => Date.now() >= unknownTypeSince + 2_000);
        await open({ queue: name, unknownTypeRetryMs: 3_000 });
        await inState(queue, id, 'failed');
        // Were the wait to begin again with the second worker, it would end 2 s later.
        expect((await reload(queue, id)).finishedOn! - unknownTypeSince).toBeLessThan(4_500);
        expect((await reload(queue, id)).failedReason).toContain('"late-type" is not declared');
      });
    });

    describe('the worker while the log is unavailable', () => {
      it.each([
        ['is away', new LogUnavailableError('no database')],
        ['fails in an unknown way', new TypeError('a bug')],
      ])(
        'lets jobs wait, uses up no attempt and completes them later when the log %s',
        async (_, problem) => {
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
        },
      );

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

    describe('the producer', () => {
      const data: JobData = { to: 'ann', data: { title: 'Hello' } };

      it('rejects what the worker would reject, and an undeclared type', async () => {
        const { producer, queue } = await open({ queue: queueName(), worker: false });
        await expect(producer.enqueue('nonsense', data)).rejects.toBeInstanceOf(UnknownTypeError);
        const refused = producer.enqueue('announcement', { to: [], data: { title: 'Hello' } });
        await expect(refused).rejects.toMatchObject({ code: 'invalid-job', fields: [{ field: 'to' }] });
        const wrong = producer.enqueue('announcement', { to: 'ann', data: {} });
        await expect(wrong).rejects.toMatchObject({
          fields: [{ field: 'data.title', problem: 'is missing' }],
        });
        const cyclic: Record<string, unknown> = { title: 'x' };
        cyclic.self = cyclic;
        await expect(producer.enqueue('announcement', { to: 'ann', data: cyclic })).rejects.toBeInstanceOf(
          InvalidJobError,
        );
        const past = producer.enqueue('announcement', { ...data, expiresAt: '2020-01-01T00:00:00Z' });
        await expect(past).rejects.toMatchObject({ fields: [{ field: 'expiresAt' }] });
        expect(await queue.getJobCountByTypes('waiting', 'delayed')).toBe(0);
      });

      it('enqueues one job for one Idempotency-Key, and rejects the key with another body', async () => {
        const { producer, queue } = await open({ queue: queueName(), worker: false });
        const idempotency = { scope: 'shop', key: 'order 17' };
        const first = await producer.enqueue('announcement', data, { idempotency });
        const repeated = await Promise.all(
          [1, 2, 3].map(() =>
            producer.enqueue('announcement', { ...data, tenant: undefined }, { idempotency }),
          ),
        );
        expect(repeated).toEqual([first, first, first]);
        expect(await queue.getJobCountByTypes('waiting')).toBe(1);

        const other = { ...data, data: { title: 'Other' } };
        await expect(producer.enqueue('announcement', other, { idempotency })).rejects.toBeInstanceOf(
          IdempotencyKeyReusedError,
        );
        const task = { to: 'ann', data: { taskId: '1', title: 'x', status: 'failed' } };
        await expect(producer.enqueue('task-completed', task, { idempotency })).rejects.toBeInstanceOf(
          IdempotencyKeyReusedError,
        );

        const elsewhere = await producer.enqueue('announcement', other, {
          idempotency: { ...idempotency, scope: 'crm' },
        });
        expect(elsewhere.id).not.toBe(first.id);
      });

      it('gives a job of an Idempotency-Key the same dedupe key again after the queue forgot the first', async () => {
        const jobs = await open({ queue: queueName() });
        const idempotency = { scope: 'shop', key: 'order 18' };
        const send = async (): Promise<void> => {
          const { id } = await jobs.producer.enqueue('announcement', data, { idempotency });
          await inState(jobs.queue, id, 'completed');
          await (await reload(jobs.queue, id)).remove();
        };
        await send();
        await send();
        const keys = jobs.appender.batches.map((batch) => batch[0]!.dedupeKey);
        expect(keys).toHaveLength(2);
        expect(keys[0]).toMatch(/^i:/);
        expect(keys[1]).toBe(keys[0]);
      });

      it('prefers a given dedupeKey, under a prefix of its own', async () => {
        const jobs = await open({ queue: queueName() });
        const given = { ...data, dedupeKey: 'i:order 19', collapseKey: 'orders' };
        const { id } = await jobs.producer.enqueue('announcement', given, {
          idempotency: { scope: 's', key: 'k' },
        });
        await inState(jobs.queue, id, 'completed');
        expect(jobs.appender.batches[0]![0]).toMatchObject({
          dedupeKey: 'k:i:order 19',
          collapseKey: 'orders',
        });
      });

      it('delays a job until deliverAt, and runs one whose time has passed now', async () => {
        const jobs = await open({ queue: queueName() });
        const deliverAt = new Date(Date.now() + 1_500);
        const waiting = await jobs.producer.enqueue('announcement', {
          ...data,
          deliverAt: deliverAt.toISOString(),
        });
        expect(await stateOf(jobs.queue, waiting.id)).toBe('delayed');
        expect((await reload(jobs.queue, waiting.id)).data).toMatchObject({
          deliverAt: deliverAt.toISOString(),
        });
        const now = await jobs.producer.enqueue('announcement', {
          ...data,
          deliverAt: '2020-01-01T00:00:00Z',
        });
        await inState(jobs.queue, now.id, 'completed');
        await inState(jobs.queue, waiting.id, 'completed');
        expect((await reload(jobs.queue, waiting.id)).processedOn).toBeGreaterThanOrEqual(
          deliverAt.getTime() - 5,
        );
      });

      it('keeps the newest finished jobs, limited by age and number', async () => {
        const jobs = await open({ queue: queueName() });
        const add = async (to: string): Promise<void> => {
          const { id } = await jobs.producer.enqueue('announcement', { ...data, to });
          await inState(jobs.queue, id, 'completed');
        };
        for (const to of ['a', 'b', 'c', 'd', 'e']) await add(to);
        const kept = async (): Promise<string[]> =>
          (await jobs.queue.getCompleted()).map((job: Job<JobData>) => job.data.to as string).sort();

        await removeFinished(jobs.queue, { ...KEPT, completed: { age: 60, count: 3 } });
        expect(await kept()).toEqual(['c', 'd', 'e']);
        await removeFinished(jobs.queue, { ...KEPT, completed: { age: 0, count: 3 } });
        expect(await kept()).toEqual([]);
      });

      it('counts the jobs in each state', async () => {
        const { producer, jobs } = await open({ queue: queueName(), worker: false });
        await producer.enqueue('announcement', data);
        await producer.enqueue('announcement', {
          ...data,
          deliverAt: new Date(Date.now() + 60_000).toISOString(),
        });
        expect(await jobs.depth()).toMatchObject({
          waiting: 1,
          delayed: 1,
          active: 0,
          completed: 0,
          failed: 0,
        });
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
        ['is stopped', () => server.stop(), () => server.start()],
        ['is frozen', () => server.pause(), () => server.resume()],
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

          const { id } = await eventually(
            () => jobs.producer.enqueue('announcement', data, { idempotency }),
            {
              timeoutMs: 30_000,
            },
          );
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
        await server.stop();
        gate.open();
        await eventually(() => appender.batches.length === 1);
        await server.start();

        await inState(jobs.queue, id, 'completed', 45_000);
        expect(await jobs.queue.getFailedCount()).toBe(0);
        const keys = appender.batches.map((batch) => batch[0]!.dedupeKey);
        expect(new Set(keys).size).toBe(1);
      }, 90_000);
    });
  });
}

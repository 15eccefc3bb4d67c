import { describe, expect, it } from '@jest/globals';
import type { Job } from 'bullmq';
import { IdempotencyKeyReusedError, InvalidJobError, UnknownTypeError } from '../../src/contract/errors.js';
import type { JobData } from '../../src/contract/model/job.js';
import { currentCall, inCall } from '../../src/platform/call-context.js';
import { KEPT, removeFinished } from '../../src/jobs/queue/finished-jobs.js';
import type { QueueBench } from './queue-bench.js';

/** The producer and the depth of the queue, on every backend. */
export function queueProducerContract(bench: QueueBench): void {
  const { queueName, open, stateOf, reload, inState } = bench;

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

    it('carries the ids of the request and of its API key to the worker, beside the data', async () => {
      const { producer, queue, appender } = await open({ queue: queueName() });
      const seen: unknown[] = [];
      const append = appender.append.bind(appender);
      appender.append = (notifications) => {
        seen.push(currentCall());
        return append(notifications);
      };
      const call = { requestId: 'order-17', keyId: 'f00' };
      const { id } = await inCall(call, () => producer.enqueue('announcement', data));
      await inState(queue, id, 'completed');
      const foreign = { telemetry: { metadata: '{"x-request-id":"not one","x-api-key-id":7}' } };
      for (const opts of [{}, foreign, { telemetry: { metadata: 'none' } }]) {
        const job = await queue.add('announcement', data, opts);
        await inState(queue, job.id, 'completed');
      }
      expect(seen).toEqual([call, undefined, undefined, undefined]);
      expect((await reload(queue, id)).data).toEqual(data);
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
}

import { describe, expect, it } from '@jest/globals';
import { eventually } from '../support/eventually.js';
import type { QueueBench } from './queue-bench.js';
import { defineNotification, openJobs, orderData, z } from './queue-jobs.js';

/** Jobs that a producer with nothing but BullMQ adds, on every backend. */
export function plainJobsContract(bench: QueueBench): void {
  const { queueName, open, plain, reload, inState } = bench;

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
        const jobs = await openJobs(bench.server.options, { queue: name });
        const { queue, close } = await bench.server.plainQueue(name);
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
      await bench.server.wipe();
      const after = await add();

      expect(before).toMatch(new RegExp(`^j:${name}:1:\\d+$`));
      expect(after).toMatch(new RegExp(`^j:${name}:1:\\d+$`));
      expect(after).not.toBe(before);
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
}

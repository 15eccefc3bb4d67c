import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { Logger } from '@nestjs/common';
import type { Job, Queue } from 'bullmq';
import { InvalidJobError } from '../../src/contract/errors.js';
import type { QueueBench } from './queue-bench.js';
import { defineNotification, openJobs, orderData, RecordingAppender, z, type Jobs } from './queue-jobs.js';

/** Jobs that can never succeed, on every backend. */
export function invalidJobsContract(bench: QueueBench): void {
  const { queueName, open, reload, inState } = bench;

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
        'a name of a million characters',
        'announcement',
        { to: 'ann', data: good, ['x'.repeat(1_000_000)]: 1 },
        'is not a known field',
      ],
      [
        'a thousand wrong recipients',
        'announcement',
        { to: Array.from({ length: 1_000 }, () => 'x'.repeat(300)), data: good },
        'The job is not valid (1000 problems, of which these are the first): to[0] must have at most 256',
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
      ['a line break in its name', 'a\nid: 1', { to: 'ann', data: good }, "type (the job's name) must match"],
      [
        'a schema that throws',
        'throwing-schema',
        { to: 'ann', data: good },
        'The schema of throwing-schema failed: boom',
      ],
      [
        'a schema whose error is long',
        'long-winded-schema',
        { to: 'ann', data: good },
        'The schema of long-winded-schema failed: xxx',
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
      defineNotification('long-winded-schema', {
        version: 1,
        schema: z.any().transform(() => {
          throw new Error('x'.repeat(1_000_000));
        }),
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
      jobs = await openJobs(bench.server.options, { queue: 'bad-jobs', types });
      ({ queue, close } = await bench.server.plainQueue('bad-jobs'));
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
        // Kept for a month: neither may be as long as the data that it quotes.
        for (const kept of [job.failedReason, ...(job.stacktrace ?? [])])
          expect(kept.length).toBeLessThanOrEqual(2_000);
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
      expect((await reload(refusing.queue, id)).failedReason).toBe('The job is not valid: data is refused.');
      expect(refusing.outcomes).toEqual(['failed']);
    });
  });
}

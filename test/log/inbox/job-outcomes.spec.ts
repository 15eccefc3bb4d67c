import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { randomUUID } from 'node:crypto';
import type { Job } from 'bullmq';
import { NO_METRICS } from '../../../src/contract/ports/metrics.js';
import { JobProcessor } from '../../../src/jobs/work/job-processor.js';
import { Delivery } from '../../../src/jobs/deliver/delivery.js';
import { Locales } from '../../../src/jobs/deliver/locales.js';
import { TypeRegistry } from '../../../src/types/type-registry.js';
import { PostgresIdempotencyKeys } from '../../../src/log/append/idempotency-keys.js';
import { PostgresDropLog } from '../../../src/log/append/drop-log.js';
import { PostgresLogEraser } from '../../../src/log/upkeep/eraser.js';
import { createMigratedDatabase, type TestDatabase } from '../../support/postgres.js';
import { declaredTypes, openInbox, request, type OpenInbox } from './open-inbox.js';

describe('a job', () => {
  let test: TestDatabase;
  let open: OpenInbox;
  let processor: JobProcessor;
  let ada: string;

  beforeAll(async () => {
    test = await createMigratedDatabase();
    open = await openInbox(test.url);
    processor = new JobProcessor({
      types: new TypeRegistry(declaredTypes),
      delivery: new Delivery({
        appender: open.log.appender,
        dropLog: new PostgresDropLog(open.log.database),
        locales: new Locales(null),
        escalations: null,
      }),
      idempotencyKeys: new PostgresIdempotencyKeys(open.log.database),
      metrics: NO_METRICS,
      unknownTypeRetryMs: 1_000,
      logAnswered: () => {},
    });
  });
  beforeEach(() => {
    ada = `ada-${randomUUID()}`;
  });

  afterAll(async () => {
    await open.close();
    await test.drop();
  });

  /** What the processor reads of BullMQ's job. */
  const run = (
    name: string,
    data: object,
    parts: Partial<Pick<Job, 'id' | 'timestamp' | 'attemptsStarted'>> = {},
  ) =>
    processor.process({
      id: randomUUID(),
      name,
      data: { data: {}, ...data },
      queueName: 'tidings',
      timestamp: Date.now(),
      attemptsStarted: 1,
      opts: {},
      ...parts,
    } as Job<unknown>);
  const dropped = async () =>
    (await open.support.feed({ tenant: '', recipient: ada }, request())).dropped.map(
      ({ reason, type, jobId }) => ({
        reason,
        type,
        jobId,
      }),
    );

  it('returns how many received it and how many did not, and records why', async () => {
    await open.preferences.put({ tenant: '', recipient: ada }, { muted: ['note'] });
    expect(await run('note', { to: [ada, 'other'] }, { id: 'a' })).toEqual({
      appended: 1,
      duplicates: 0,
      muted: 1,
    });
    expect(await run('warning', { to: ada })).toEqual({ appended: 1, duplicates: 0 });
    expect(
      await run('order', { to: ada, expiresAt: new Date(Date.now() - 1).toISOString() }, { id: 'b' }),
    ).toEqual({
      appended: 0,
      duplicates: 0,
      expired: 1,
    });
    await open.recaller.recall([{ tenant: '', recipient: ada }], 'taken back', null);
    expect(await run('order', { to: ada, dedupeKey: 'taken back' }, { id: 'c' })).toEqual({
      appended: 0,
      duplicates: 0,
      recalled: 1,
    });
    await run('order', { to: ada, dedupeKey: 'once' });
    expect(await run('order', { to: ada, dedupeKey: 'once' }, { id: 'd' })).toEqual({
      appended: 0,
      duplicates: 1,
    });
    expect(await dropped()).toEqual([
      { reason: 'duplicate', type: 'order', jobId: 'd' },
      { reason: 'recalled', type: 'order', jobId: 'c' },
      { reason: 'expired', type: 'order', jobId: 'b' },
      { reason: 'muted', type: 'note', jobId: 'a' },
    ]);
  });

  it('is not recorded as dropped when it runs again', async () => {
    const timestamp = Date.now();
    await run('order', { to: ada }, { id: 'again', timestamp });
    expect(await run('order', { to: ada }, { id: 'again', timestamp, attemptsStarted: 2 })).toMatchObject({
      duplicates: 1,
    });
    await run('order', { to: ada, dedupeKey: 'given' }, { id: 'given', timestamp });
    await run('order', { to: ada, dedupeKey: 'given' }, { id: 'given', timestamp, attemptsStarted: 2 });
    expect(await dropped()).toEqual([]);
  });

  it('is dropped after an erasure, also when it was delayed, and leaves no trace of the name', async () => {
    const timestamp = Date.now() - 1_000;
    await run('order', { to: ada });
    await new PostgresLogEraser(open.log.database).eraseRecipient({ tenant: '', recipient: ada });
    const deliverAt = new Date().toISOString();
    expect(await run('order', { to: [ada, 'other'], deliverAt }, { timestamp })).toEqual({
      appended: 1,
      duplicates: 0,
      erased: 1,
    });
    await expect(dropped()).rejects.toMatchObject({ code: 'not-found' });
    // Not even where its key was known.
    expect(await open.log.database.query('SELECT FROM tidings.feed WHERE recipient = $1', [ada])).toEqual([]);
  });

  it('replaces another with the same collapse key', async () => {
    for (let times = 0; times < 3; times += 1) await run('order', { to: ada, collapseKey: 'orders' });
    const { items, unread } = await open.inbox.page({ tenant: '', recipient: ada }, request());
    expect([items.map((item) => (JSON.parse(item) as { count: number }).count), unread]).toEqual([[3], 1]);
  });
});

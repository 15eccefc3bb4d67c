import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { NewNotification } from '../../../src/contract/ports/append.js';
import type { CancelledJob } from '../../../src/contract/ports/cancel.js';
import { appendOne } from '../../../src/log/append/append-batch.js';
import { PostgresCancelledJobs } from '../../../src/log/append/cancelled-jobs.js';
import { createMigratedDatabase, type TestDatabase } from '../../support/postgres.js';
import { notification, openLog, type Log } from '../open-log.js';

describe('cancelled jobs', () => {
  let test: TestDatabase;
  let one: Log;
  let two: Log;
  let cancelled: PostgresCancelledJobs;

  beforeAll(async () => {
    test = await createMigratedDatabase();
    [one, two] = await Promise.all([openLog(test.url), openLog(test.url)]);
    cancelled = new PostgresCancelledJobs(two.database, 90);
  });

  afterAll(async () => {
    await Promise.all([one.close(), two.close()]);
    await test.drop();
  });

  /** The notifications of one job, and how it is cancelled. */
  function jobFor(
    recipients: readonly string[],
    parts: Partial<NewNotification> = {},
  ): { items: NewNotification[]; job: CancelledJob } {
    const first = notification(recipients[0]!, { fingerprint: randomBytes(16), ...parts });
    const { dedupeKey, queuedAt } = first;
    const items = recipients.map((recipient) => ({ ...first, feed: { tenant: '', recipient } }));
    const feeds = items.map(({ feed }) => feed);
    return { items, job: { feeds, dedupeKey, fingerprint: first.fingerprint!, queuedAt } };
  }

  const outcomes = async (items: readonly NewNotification[]): Promise<string[]> =>
    (await one.appender.append(items)).map(({ outcome }) => outcome);

  it.each([
    ['a single one', ['ada']],
    ['a batch', ['ada', 'grace']],
  ])('refuses the append of a cancelled job, %s, and not another job with its key', async (_, recipients) => {
    const { items, job } = jobFor(recipients);
    expect(await cancelled.cancel(job)).toBe('cancelled');
    expect(await cancelled.cancel(job)).toBe('cancelled');
    expect(await cancelled.isCancelled(job.fingerprint)).toBe(true);
    expect(await outcomes(items)).toEqual(recipients.map(() => 'cancelled'));
    const other = jobFor(recipients, { dedupeKey: job.dedupeKey });
    expect(await outcomes(other.items)).toEqual(recipients.map(() => 'appended'));
    expect(await outcomes(items)).toEqual(recipients.map(() => 'duplicate'));
  });

  it('appends a repetition under the same Idempotency-Key after the cancellation', async () => {
    const { items, job } = jobFor(['ada']);
    await cancelled.cancel(job);
    const later = items.map((item) => ({ ...item, queuedAt: new Date(item.queuedAt.getTime() + 1) }));
    expect(await outcomes(later)).toEqual(['appended']);
  });

  it('leaves a job that was delivered, also in part', async () => {
    const { items, job } = jobFor(['ada', 'grace']);
    expect(await outcomes(items.slice(0, 1))).toEqual(['appended']);
    expect(await cancelled.cancel(job)).toBe('partly');
    expect(await outcomes(items.slice(1))).toEqual(['appended']);
    expect(await cancelled.cancel(job)).toBe('delivered');
    expect(await cancelled.isCancelled(job.fingerprint)).toBe(false);
  });

  it('lets exactly one win of an append and a cancellation at the same moment', async () => {
    const verdicts = new Map<string, number>();
    for (let round = 0; round < 150; round += 1) {
      // Feeds that exist, new ones, and several at once.
      const recipients = [['ada'], [`new-${round}`], ['ada', 'grace', `new-${round}`]][round % 3]!;
      const { items, job } = jobFor(recipients);
      const [appended, verdict] = await Promise.all([
        one.appender.append(items),
        new Promise((resolve) => setTimeout(resolve, Math.random() * 3)).then(() => cancelled.cancel(job)),
      ]);
      const delivered = appended.filter(({ outcome }) => outcome === 'appended').length;
      expect({ round, verdict, delivered }).toEqual({
        round,
        verdict,
        delivered: verdict === 'cancelled' ? 0 : recipients.length,
      });
      verdicts.set(verdict, (verdicts.get(verdict) ?? 0) + 1);
    }
    expect([...verdicts.keys()]).toEqual(expect.arrayContaining(['cancelled', 'delivered']));
  });

  it('waits for an append that is under way', async () => {
    const { items, job } = jobFor(['ada']);
    const [item] = items;
    const client = await one.database.pool.connect();
    await client.query('BEGIN');
    const held = Object.assign(Object.create(one.database) as typeof one.database, {
      query: async (text: Parameters<typeof one.database.query>[0], values: unknown[]) =>
        (await client.query(one.database.text(text), values)).rows as never,
    });
    expect(await appendOne(held, item!)).toMatchObject({ outcome: 'appended' });
    const verdict = cancelled.cancel(job);
    await client.query('COMMIT');
    client.release();
    expect(await verdict).toBe('delivered');
  });
});

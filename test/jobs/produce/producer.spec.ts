import { execFile } from 'node:child_process';
import { dirname } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import pg from 'pg';
import { z } from 'zod';
import {
  InvalidJobError,
  InvalidSettingsError,
  QueueUnavailableError,
} from '../../../src/contract/errors.js';
import { defineNotification } from '../../../src/contract/model/notification-type.js';
import type { BroadcastProgress } from '../../../src/contract/model/notify.js';
import { createProducer, fromPrisma, type TidingsProducer } from '../../../src/producer.js';
import { House, onBothBackends, type Instance } from '../../guarantees/house.js';
import { eventually } from '../../support/eventually.js';
import { createTestDatabase } from '../../support/postgres.js';
import { buildService } from '../../support/service.js';

let broken = false;
const note = defineNotification('note', {
  version: 1,
  schema: z.object({ text: z.string() }),
  render: ({ text }) => {
    if (broken) throw new Error('the template is missing');
    return { title: text };
  },
});

onBothBackends('A producer without Nest', (backend) => {
  let house: House;
  let instance: Instance;
  let producer: TidingsProducer;
  const messages: string[] = [];

  beforeAll(async () => {
    house = await House.open(backend);
    instance = await house.start({ types: [note] });
    producer = await createProducer({
      ...(house.redis && { redis: { url: house.redis.url } }),
      database: { url: house.databaseUrl },
      onError: (message) => messages.push(message),
    });
  }, 60_000);

  afterAll(async () => {
    await producer?.close();
    await house?.close();
  }, 30_000);

  const counts = async (title: string): Promise<number[]> => {
    const rows = await house.sql<{ count: number } & pg.QueryResultRow>(
      'SELECT count(*)::integer AS count FROM tidings.entry WHERE title = $1 GROUP BY feed_id',
      [title],
    );
    return rows.map(({ count }) => count);
  };
  const idle = (): Promise<unknown> =>
    eventually(async () => expect(await house.queue().getJobCountByTypes('waiting', 'active')).toBe(0), {
      timeoutMs: 30_000,
    });
  const users = (count: number): string[] => Array.from({ length: count }, (_, index) => `user-${index}`);

  it('sends, and returns where the notification is', async () => {
    const client = await instance.stream('ada');
    const { jobId, outcome } = await producer.notify(note, { to: 'ada', data: { text: 'hello' } });
    expect(outcome).toBe('queued');
    expect(await house.queue().getJob(jobId)).toMatchObject({ name: 'note', data: { version: 1 } });
    await client.waitFor(({ event }) => event === 'note');
  });

  it('takes part in a transaction', async () => {
    const client = await instance.stream('bob');
    const host = new pg.Client(house.databaseUrl);
    await host.connect();
    await host.query('BEGIN');
    const data = { text: 'with the order' };
    expect((await producer.notify(note, { to: 'bob', data, tx: host })).outcome).toBe('staged');
    await host.query('COMMIT');
    await host.end();
    await client.waitFor(({ event }) => event === 'note');
  });

  it('rejects invalid input before it sends, and names the fields', async () => {
    const wrong = producer.notify(note, { to: ['ada', ''], data: { text: 7 } as never, expiresAt: 'soon' });
    await expect(wrong).rejects.toThrow(InvalidJobError);
    await expect(wrong).rejects.toThrow(/to\[1\].*expiresAt/);
    await expect(producer.notify(note, { to: 'ada', data: {} as never })).rejects.toThrow(/data\.text/);
    const misspelt = { to: 'ada', data: { text: 'x' }, dedupKey: 'a' } as never;
    await expect(producer.notify(note, misspelt)).rejects.toThrow(/dedupKey is not a known field/);
    await expect(producer.notifyMany('note' as never, ['ada'], misspelt)).rejects.toThrow(
      /the first argument must be a declaration/,
    );
  });

  it('reaches many recipients once each, however often the call breaks off and is repeated', async () => {
    async function* breakingOff(): AsyncGenerator<string> {
      for (const user of users(1_700)) yield await Promise.resolve(user);
      throw new Error('the cursor of the database broke');
    }
    const broadcast = { key: 'campaign-1', data: { text: 'to all' } };
    const progress: BroadcastProgress[] = [];
    const onProgress = (step: BroadcastProgress): void => void progress.push(step);
    const first = producer.notifyMany(note, breakingOff(), broadcast, { onProgress });
    await expect(first).rejects.toThrow('the cursor of the database broke');
    expect(progress).toEqual([{ recipients: 1_000, jobs: 1 }]);
    await idle();

    const second = await producer.notifyMany(note, users(2_500), broadcast);
    expect(second).toMatchObject({ recipients: 2_500, jobs: 3, repeated: 1, retried: 0 });
    expect(new Set(second.jobIds).size).toBe(3);
    await idle();

    // Another order, and more of them.
    const third = await producer.notifyMany(note, new Set(users(2_600).reverse()), broadcast);
    expect(third).toMatchObject({ recipients: 2_600, repeated: 0 });
    await idle();
    expect(await counts('to all')).toEqual(Array.from({ length: 2_600 }, () => 1));
  }, 90_000);

  it('requeues jobs that have failed since the first call', async () => {
    const broadcast = { key: 'campaign-2', data: { text: 'mended' } };
    broken = true;
    await producer.notifyMany(note, users(3), broadcast);
    await eventually(async () => expect(await house.queue().getFailedCount()).toBe(1), { timeoutMs: 20_000 });
    broken = false;
    expect(await producer.notifyMany(note, users(3), broadcast)).toMatchObject({ repeated: 1, retried: 1 });
    await idle();
    await eventually(async () => expect(await counts('mended')).toEqual([1, 1, 1]));
  }, 60_000);

  it('names an invalid recipient by its index', async () => {
    const recipients = [...users(1_500), 'a\u0000b'];
    const wrong = producer.notifyMany(note, recipients, { key: 'campaign-3', data: { text: 'x' } });
    await expect(wrong).rejects.toThrow(/to\[1500\] must not contain control characters/);
    const one = producer.notifyMany(note, 'ada', { key: 'campaign-3', data: { text: 'x' } });
    await expect(one).rejects.toThrow(/must be a list/);
  });
});

describe('A producer without Nest', () => {
  it('lists every error in its options', async () => {
    await expect(createProducer({})).rejects.toThrow(InvalidSettingsError);
    const wrong = createProducer({
      redis: { url: 'localhost' },
      queue: { name: 'a:b', enqueueTimeoutMs: 0 },
    });
    await expect(wrong).rejects.toThrow(/redis\.url[^]*queue\.name[^]*enqueueTimeoutMs/);
    const unset = createProducer({ database: { url: undefined }, queue: { nam: 'a' }, types: [7] } as never);
    await expect(unset).rejects.toThrow(
      /database\.url: is undefined[^]*queue\.nam: is not a known option \(name\?\)[^]*types\[0\]/,
    );
  });

  it('rejects in time while the queue is unavailable, closes all the same, and needs a database for a transaction', async () => {
    const producer = await createProducer({
      redis: { url: 'redis://127.0.0.1:1' },
      queue: { enqueueTimeoutMs: 500 },
      onError: () => {},
    });
    try {
      const startedAt = Date.now();
      await expect(producer.notify(note, { to: 'ada', data: { text: 'x' } })).rejects.toThrow(
        QueueUnavailableError,
      );
      expect(Date.now() - startedAt).toBeLessThan(3_000);
      const tx = fromPrisma({ $queryRawUnsafe: () => Promise.resolve([]) });
      await expect(producer.notify(note, { to: 'ada', data: { text: 'x' }, tx })).rejects.toThrow(
        /tx needs the option database/,
      );
    } finally {
      await producer.close();
    }
  });
});

onBothBackends('The footprint of a producer', (backend) => {
  it('loads no Nest, no TypeORM, nothing of the log, and only its own backend', async () => {
    const built = dirname(await buildService());
    const house = backend === 'Redis' ? await House.open(backend) : null;
    const database = house ? null : await createTestDatabase();
    try {
      const script = new URL('./loaded-modules.mjs', import.meta.url).pathname;
      const where = house ? ['redis', house.redis!.url] : ['database', database!.url];
      const { stdout } = await promisify(execFile)(process.execPath, [script, built, ...where]);
      const { outcome, files } = JSON.parse(stdout) as { outcome: string; files: string[] };
      expect(outcome).toBe('queued');
      const packages = new Set(
        files.flatMap((file) => /.*\/node_modules\/((?:@[^/]+\/)?[^/.][^/]*)\//.exec(file)?.[1] ?? []),
      );
      const own = files.filter((file) => file.includes('/dist/') && file.includes(built));
      expect(packages).toContain('bullmq');
      for (const name of [
        '@nestjs/common',
        '@nestjs/core',
        '@nestjs/bullmq',
        'typeorm',
        'rxjs',
        'jose',
        'express',
      ]) {
        expect(packages).not.toContain(name);
      }
      expect(packages.has('pg')).toBe(backend === 'Postgres');
      expect(own.length).toBeGreaterThan(5);
      expect(own.filter((file) => !/\/dist\/(contract|jobs|platform|types|producer\.js)/.test(file))).toEqual(
        [],
      );
      expect(
        own.filter((file) => /worker\.js$|processor|relay/.test(file)).map((file) => file.split('/').at(-1)),
      ).toEqual(['resilient-worker.js']);
    } finally {
      await house?.close();
      await database?.drop();
    }
  }, 180_000);
});

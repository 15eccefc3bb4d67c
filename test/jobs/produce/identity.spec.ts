import { describe, expect, it, jest } from '@jest/globals';
import fc from 'fast-check';
import { backoffMs } from '../../../src/platform/time/backoff.js';
import { dedupeKeyOf, idempotentJobId } from '../../../src/jobs/produce/job-identity.js';
import { withServerOptions } from '../../../src/jobs/queue/postgres-backend.js';
import { uuidV7 } from '../../../src/platform/uuid-v7.js';

describe('uuidV7', () => {
  const timeOf = (id: string): number => parseInt(id.slice(0, 13).replace('-', ''), 16);

  it('creates UUIDs of version 7 that begin with the time', () => {
    const before = Date.now();
    const id = uuidV7();
    expect(id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    expect(timeOf(id)).toBeGreaterThanOrEqual(before);
    expect(timeOf(id)).toBeLessThanOrEqual(Date.now());
  });

  it('creates increasing ones, even within one ms and when the clock steps back', () => {
    const clock = jest.spyOn(Date, 'now');
    try {
      const start = Date.now() + 10_000;
      const times = [start, ...Array.from({ length: 10_000 }, () => start), start - 5_000, start + 60_000];
      const ids = times.map((time) => {
        clock.mockReturnValue(time);
        return uuidV7();
      });
      expect([...ids].sort()).toEqual(ids);
      expect(new Set(ids).size).toBe(ids.length);
      expect(timeOf(ids.at(-1)!)).toBe(start + 60_000);
    } finally {
      clock.mockRestore();
    }
  });
});

describe('dedupe keys', () => {
  const job = { queue: 'tidings', id: '1', timestamp: 1_700_000_000_000 };

  it('differ by queue, id and creation time when none is given', () => {
    const keys = [job, { ...job, queue: 'other' }, { ...job, id: '11' }, { ...job, timestamp: 7 }].map((j) =>
      dedupeKeyOf(j, null, null),
    );
    expect(new Set(keys).size).toBe(4);
    expect(keys[0]).toBe('j:tidings:1:1700000000000');
  });

  it('never collide between different origins', () => {
    const idempotent = idempotentJobId({ scope: 's', key: 'k' });
    const made = [dedupeKeyOf(job, null, null), dedupeKeyOf({ ...job, id: idempotent }, null, null)];
    fc.assert(fc.property(fc.string(), (given) => !made.includes(dedupeKeyOf(job, given, null))));
    for (const key of made) expect(made).not.toContain(dedupeKeyOf(job, key, null));
    expect(dedupeKeyOf({ ...job, id: idempotent }, null, null)).toBe(`i:${idempotent}`);
  });

  it('keep scope and key of an Idempotency-Key apart, and are valid BullMQ ids', () => {
    const ids = [
      idempotentJobId({ scope: 'a', key: 'bc' }),
      idempotentJobId({ scope: 'ab', key: 'c' }),
      idempotentJobId({ scope: '', key: 'abc' }),
    ];
    expect(new Set(ids).size).toBe(3);
    for (const id of ids) expect(id).toMatch(/^[^:]*[^:\d][^:]*$/);
  });
});

describe('backoff', () => {
  it('grows from 0.5 to 15 s, in whole milliseconds', () => {
    fc.assert(
      fc.property(fc.nat(2_000), (attempt) => {
        const ms = backoffMs(attempt);
        expect(Number.isInteger(ms)).toBe(true);
        expect(ms).toBeGreaterThanOrEqual(500);
        expect(ms).toBeLessThanOrEqual(15_000);
        if (attempt <= 1) expect(ms).toBeLessThanOrEqual(1_500);
      }),
    );
  });
});

describe('options for the session', () => {
  it.each([
    ['postgres://h/db', 'postgres://h/db?options=-c%20a%3Db'],
    ['postgres://h/db?sslmode=require', 'postgres://h/db?sslmode=require&options=-c%20a%3Db'],
    [
      'postgres://h/db?options=-c%20x%3Dy&sslmode=no',
      'postgres://h/db?options=-c%20x%3Dy%20-c%20a%3Db&sslmode=no',
    ],
  ])('are added to those of %s', (url, expected) => {
    expect(withServerOptions(url, '-c a=b')).toBe(expected);
  });
});

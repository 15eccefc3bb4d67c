import { describe, expect, it } from '@jest/globals';
import { InvalidSettingsError } from '../../src/contract/errors.js';
import { resolveOptions, type TidingsOptions } from '../../src/contract/options.js';
import { announcement, newOrder } from '../../src/jobs/types/index.js';

const LEAST: TidingsOptions = {
  database: { url: 'postgres://localhost/app' },
  types: [announcement],
  http: { jwt: { secret: 'x'.repeat(32) } },
};

function wrongFields(
  options: Partial<Record<keyof TidingsOptions, unknown>>,
  composition?: object,
): string[] {
  try {
    resolveOptions({ ...LEAST, ...options } as TidingsOptions, composition as never);
  } catch (error) {
    if (error instanceof InvalidSettingsError) return error.fields.map(({ field }) => field);
    throw error;
  }
  return [];
}

describe('The options', () => {
  it('need a database, types and a way to know users; all else has its default', () => {
    expect(resolveOptions(LEAST)).toMatchObject({
      roles: ['api', 'worker'],
      database: { schema: 'tidings', migrate: 'auto', poolSize: 10, queryTimeoutMs: 10_000 },
      redis: null,
      queue: { name: 'tidings', enqueueTimeoutMs: 5_000 },
      stream: { heartbeatMs: 15_000, maxPerRecipient: 20, stalledAfterMs: 60_000 },
      retention: { days: 30, maxEntries: 1_000, dedupeKeyDays: 90 },
      http: { revalidateMs: 60_000, allowedOrigins: [] },
    });
  });

  it('take undefined for the default, as `process.env` gives it', () => {
    const { queue, stream } = resolveOptions({
      ...LEAST,
      queue: { name: undefined },
      stream: { heartbeatMs: undefined, maxPerRecipient: null },
    });
    expect([queue.name, stream.heartbeatMs, stream.maxPerRecipient]).toEqual(['tidings', 15_000, null]);
  });

  it.each<[string, Partial<Record<keyof TidingsOptions, unknown>>, string[]]>([
    ['a role that there is not', { roles: ['apis'], http: undefined }, ['roles']],
    ['no database at all', { database: {} }, ['database']],
    ['a pool and an address', { database: { url: 'postgres://h/d', pool: { connect() {} } } }, ['database']],
    ['another database', { database: { url: 'mysql://localhost/app' } }, ['database.url']],
    [
      'a way to migrate that there is not',
      { database: { ...LEAST.database, migrate: 'on' } },
      ['database.migrate'],
    ],
    ['Redis without an address', { redis: {} }, ['redis']],
    ['a name that BullMQ refuses', { queue: { name: 'a:b' } }, ['queue.name']],
    [
      'numbers that are none',
      { worker: { concurrency: 0 }, stream: { retryMs: '2s' } },
      ['worker.concurrency', 'stream.retryMs'],
    ],
    ['a timer that would fire at once', { stream: { heartbeatMs: 2 ** 31 } }, ['stream.heartbeatMs']],
    ['keys that go before their entries', { retention: { days: 100 } }, ['retention.dedupeKeyDays']],
    ['a type twice', { types: [newOrder, announcement, newOrder] }, ['types']],
    ['no way to know users', { http: {} }, ['http']],
    ['two ways to know users', { http: { ...LEAST.http, identify: () => null } }, ['http']],
    [
      'any origin',
      { http: { ...LEAST.http, allowedOrigins: ['*', 'https://a.example/path'] } },
      ['http.allowedOrigins', 'http.allowedOrigins'],
    ],
    [
      'a key that can be guessed',
      { http: { ...LEAST.http, adminApiKeys: ['secret'] } },
      ['http.adminApiKeys'],
    ],
  ])('are refused with %s', (_, options, fields) => {
    expect(wrongFields(options)).toEqual(fields);
  });

  it.each([
    'public',
    'bullmq',
    'pg_tidings',
    'information_schema',
    'Tidings',
    'a"; DROP',
    '',
    'x'.repeat(51),
  ])('refuse %j as the schema of our tables', (schema) => {
    expect(wrongFields({ database: { ...LEAST.database, schema } })).toEqual(['database.schema']);
  });

  it('refuse routes of the role api where it is off', () => {
    expect(wrongFields({ roles: [] }, { controllers: true, path: 'v1' })).toEqual(['controllers']);
    expect(wrongFields({ roles: [], http: undefined }, { controllers: false, path: 'v1' })).toEqual([]);
    expect(wrongFields({}, { controllers: true, path: '/v1/' })).toEqual(['controllers.path']);
  });

  it('are all listed when wrong, with the value and the fix', () => {
    const broken = { queue: { name: 'a:b', enqueueTimeoutMs: -1 }, stream: { headCheckMs: NaN } };
    expect(() => resolveOptions({ ...LEAST, ...broken })).toThrow(
      /queue\.name: must not contain ":".*queue\.enqueueTimeoutMs: must be a number above 0.*is -1.*stream\.headCheckMs.*is NaN/s,
    );
  });
});

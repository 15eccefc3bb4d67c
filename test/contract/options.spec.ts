import { describe, expect, it } from '@jest/globals';
import { InvalidSettingsError } from '../../src/contract/errors.js';
import {
  resolveOptions,
  type RedisOptions,
  type TidingsOptions,
} from '../../src/contract/options/options.js';
import { announcement, newOrder } from '../../src/types/shipped/index.js';

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
  it('require a database, types and a way to identify users, and default everything else', () => {
    expect(resolveOptions(LEAST)).toMatchObject({
      roles: ['api', 'worker'],
      database: { schema: 'tidings', migrate: 'auto', poolSize: 10, queryTimeoutMs: 10_000 },
      redis: null,
      queue: { name: 'tidings', prefix: 'bull', enqueueTimeoutMs: 5_000 },
      stream: { heartbeatMs: 15_000, maxPerRecipient: 20, stalledAfterMs: 60_000 },
      retention: { days: 30, maxEntries: 1_000, dedupeKeyDays: 90 },
      http: { revalidateMs: 60_000, allowedOrigins: [] },
    });
  });

  it('treat undefined as not given, as `process.env` yields it', () => {
    const { queue, stream } = resolveOptions({
      ...LEAST,
      queue: { name: undefined },
      stream: { heartbeatMs: undefined, maxPerRecipient: null },
    });
    expect([queue.name, stream.heartbeatMs, stream.maxPerRecipient]).toEqual(['tidings', 15_000, null]);
  });

  it('put the keys of a Redis Cluster in one hash tag, however the cluster is given', () => {
    const connection = { isCluster: true, options: {}, startupNodes: [{ host: 'a', port: 6379 }] };
    const prefix = (redis: RedisOptions, queue = {}): string =>
      resolveOptions({ ...LEAST, redis, queue }).queue.prefix;
    expect(prefix({ nodes: ['redis://a', 'redis://b:7000'] })).toBe('{bull}');
    expect(prefix({ connection })).toBe('{bull}');
    expect(prefix({ connection }, { prefix: 'shop{1}' })).toBe('shop{1}');
    expect(prefix({ url: 'redis://a' })).toBe('bull');
    expect(prefix({ url: 'redis://a' }, { prefix: 'shop' })).toBe('shop');
  });

  it.each<[string, Partial<Record<keyof TidingsOptions, unknown>>, string[]]>([
    ['a role that there is not', { roles: ['apis'], http: undefined }, ['roles[0]']],
    ['no database at all', { database: {} }, ['database']],
    [
      'a pool and an address',
      { database: { url: 'postgres://h/d', pool: { connect() {} } } },
      ['database.pool'],
    ],
    ['another database', { database: { url: 'mysql://localhost/app' } }, ['database.url']],
    [
      'a way to migrate that there is not',
      { database: { ...LEAST.database, migrate: 'on' } },
      ['database.migrate'],
    ],
    ['Redis without an address', { redis: {} }, ['redis']],
    ['Redis in two ways', { redis: { url: 'redis://a', nodes: ['redis://a'] } }, ['redis.nodes']],
    ['a cluster without nodes', { redis: { nodes: [] } }, ['redis.nodes']],
    ['a cluster at other addresses', { redis: { nodes: ['redis://a', 'b:6379'] } }, ['redis.nodes']],
    ['a cluster with databases', { redis: { nodes: ['redis://a/1'] } }, ['redis.nodes']],
    ['nodes with several users', { redis: { nodes: ['redis://:x@a', 'redis://:y@b'] } }, ['redis.nodes']],
    [
      'a Cluster that does not say where it is',
      { redis: { connection: { isCluster: true, options: {} } } },
      ['redis.connection'],
    ],
    [
      'keys that a cluster would spread over its slots',
      { redis: { nodes: ['redis://a'] }, queue: { prefix: 'bull' } },
      ['queue.prefix'],
    ],
    [
      'a hash tag without anything in it',
      { redis: { nodes: ['redis://a'] }, queue: { prefix: '{}{a}' } },
      ['queue.prefix'],
    ],
    ['a name that BullMQ refuses', { queue: { name: 'a:b' } }, ['queue.name']],
    [
      'numbers that are none',
      {
        worker: { concurrency: 0, lockDurationMs: -1, stalledIntervalMs: 2 ** 31 },
        stream: { retryMs: '2s' },
      },
      ['worker.concurrency', 'worker.lockDurationMs', 'worker.stalledIntervalMs', 'stream.retryMs'],
    ],
    ['a timer that would fire at once', { stream: { heartbeatMs: 2 ** 31 } }, ['stream.heartbeatMs']],
    ['keys that go before their entries', { retention: { days: 100 } }, ['retention.dedupeKeyDays']],
    ['a type twice', { types: [newOrder, announcement, newOrder] }, ['types']],
    ['no way to know users', { http: {} }, ['http']],
    ['two ways to know users', { http: { ...LEAST.http, identify: () => null } }, ['http.identify']],
    [
      'any origin',
      { http: { ...LEAST.http, allowedOrigins: ['*', 'https://a.example/path'] } },
      ['http.allowedOrigins[0]', 'http.allowedOrigins[1]'],
    ],
    [
      'a key that can be guessed',
      { http: { ...LEAST.http, adminApiKeys: ['secret'] } },
      ['http.adminApiKeys[0]'],
    ],
  ])('reject %s', (_, options, fields) => {
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
  ])('reject %j as the schema of our tables', (schema) => {
    expect(wrongFields({ database: { ...LEAST.database, schema } })).toEqual(['database.schema']);
  });

  it('reject routes where the role api is off', () => {
    expect(wrongFields({ roles: [] }, { controllers: true, path: 'v1' })).toEqual(['controllers']);
    expect(wrongFields({ roles: [], http: undefined }, { controllers: false, path: 'v1' })).toEqual([]);
    expect(wrongFields({}, { controllers: true, path: '/v1/' })).toEqual(['controllers.path']);
  });

  it('list every error with the value and the fix', () => {
    const broken = { queue: { name: 'a:b', enqueueTimeoutMs: -1 }, stream: { headCheckMs: NaN } };
    expect(() => resolveOptions({ ...LEAST, ...broken })).toThrow(
      /queue\.name: must not contain ":".*queue\.enqueueTimeoutMs: must be a number above 0.*is -1.*stream\.headCheckMs.*is NaN/s,
    );
  });

  it.each<[string, object, string[]]>([
    [
      'values that are not there',
      { http: { ...LEAST.http, producerApiKeys: [undefined], adminApiKeys: 'x'.repeat(16) } },
      [
        'http.producerApiKeys[0]: is undefined (is the environment variable set?)',
        'http.adminApiKeys: must be a list of strings, is a string',
      ],
    ],
    [
      'no types',
      { types: undefined },
      ['types: must be a list of declarations made by defineNotification, is missing'],
    ],
    [
      'a type that is not in a list',
      { types: announcement },
      ['types: must be a list of declarations made by defineNotification, is an object'],
    ],
    [
      'a type that is no declaration',
      { types: [announcement, undefined, 'invitation'] },
      [
        'types[1]: must be a declaration made by defineNotification, is missing',
        'types[2]: must be a declaration made by defineNotification, is a string',
      ],
    ],
    [
      'addresses that are not set',
      { database: { url: undefined }, redis: { url: undefined }, http: { jwt: { secret: undefined } } },
      ['database.url', 'redis.url', 'http.jwt.secret'].map(
        (field) => `${field}: is undefined (is the environment variable set?)`,
      ),
    ],
    [
      'a number that is a text',
      { retention: { days: '30' } },
      ['retention.days: must be a number above 0 and at most 36500, or null for no limit, is "30"'],
    ],
    [
      'names that nobody reads',
      {
        retension: {},
        controllers: false,
        hooks: { onapended: () => {} },
        escalations: [{ name: 'mail', afterMs: 1, handler: () => {}, type: [] }],
      },
      [
        'hooks.onapended: is not a known option (onAppended?); known are onAppended, onRead, onAction',
        'escalations[0].type: is not a known option (types?); known are name, afterMs, unless, types, handler',
        'retension: is not a known option (retention?); known are roles, delivery, database, redis, queue, actions, worker, stream, audience, retention, http, types, resolveLocales, hooks, escalations, push, metrics, tracing',
        'controllers: must be given beside useFactory, not in what it returns',
      ],
    ],
    [
      'groups and rules of another kind',
      {
        database: 'postgres://localhost/app',
        redis: 'redis://localhost',
        queue: 'tidings',
        hooks: { onRead: true },
        escalations: [null],
        roles: 'api',
        http: { jwt: 'x' },
      },
      [
        'roles: must be a list of "api" and "worker", or an empty one for only producers, is a string',
        'database: must be an object, is a string',
        'redis: must be an object, is a string',
        'queue: must be an object, is a string',
        'http.jwt: must be an object, is a string',
        'hooks.onRead: must be a function, is a boolean',
        'escalations[0]: must be an object, is null',
      ],
    ],
  ])('reject %s and name what was given', (_, options, problems) => {
    const refused = (): unknown => resolveOptions({ ...LEAST, ...options });
    expect(refused).toThrow(InvalidSettingsError);
    expect(refused).toThrow(
      expect.objectContaining({ message: ['These settings are not valid:', ...problems].join('\n  - ') }),
    );
  });

  it('reject unknown names in each group', () => {
    const groups = ['database', 'queue', 'worker', 'stream', 'retention', 'http'] as const;
    for (const group of groups) {
      expect(wrongFields({ [group]: { ...LEAST[group], heartBeatMs: 1 } })).toEqual([`${group}.heartBeatMs`]);
    }
    expect(wrongFields({ redis: { url: 'redis://a', ur1: 1 } })).toEqual(['redis.ur1']);
    expect(wrongFields({ http: { jwt: { secret: 'x'.repeat(32), isuer: 'a' } } })).toEqual([
      'http.jwt.isuer',
    ]);
  });

  it('reject a factory that returns nothing', () => {
    expect(() => resolveOptions(undefined as never)).toThrow(/options: must be an object/);
  });
});

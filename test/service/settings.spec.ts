import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { InvalidSettingsError } from '../../src/contract/errors.js';
import { resolveOptions } from '../../src/contract/options/options.js';
import { readSettings, type Environment } from '../../src/service/settings/settings.js';
import { toOptions } from '../../src/service/settings/to-options.js';
import { VARIABLES } from '../../src/service/settings/variables.js';

const SECRET = 'a-secret-of-at-least-32-bytes-for-HS256';

function problems(env: Environment): Record<string, string> {
  try {
    readSettings(env);
  } catch (error) {
    if (!(error instanceof InvalidSettingsError)) throw error;
    return Object.fromEntries(error.fields.map(({ field, problem }) => [field, problem]));
  }
  return {};
}

function optionsOf(env: Environment): ReturnType<typeof toOptions> {
  const settings = readSettings(env);
  const credentials = settings.development
    ? { jwtSecret: SECRET, producerApiKey: 'dev_0123456789abcdef' }
    : null;
  const databaseUrl = settings.options.database?.url ?? 'postgres://embedded';
  return toOptions(settings, { databaseUrl, credentials, types: [] });
}

describe('the settings of the service', () => {
  it('default to embedded Postgres, development credentials and this machine only', () => {
    expect(readSettings({})).toEqual({
      production: false,
      development: true,
      host: '127.0.0.1',
      port: 3000,
      adminPort: 3000,
      bullBoard: 'off',
      roles: ['api', 'worker'],
      dataDir: '.tidings',
      logLevel: 'log',
      options: {},
      warnings: [],
    });
  });

  it('read every variable of a full production environment', () => {
    const settings = readSettings({
      NODE_ENV: 'production',
      PORT: '8080',
      TIDINGS_ADMIN_PORT: '9090',
      TIDINGS_BULL_BOARD: 'read-only',
      HOST: '::',
      DATABASE_URL: 'postgres://tidings:pa%23ss@db:5432/app?sslmode=require',
      DATABASE_DIRECT_URL: 'postgres://tidings:pa%23ss@primary:5432/app',
      REDIS_URL: 'rediss://:secret@redis:6380/2',
      TIDINGS_ROLES: 'worker, api',
      TIDINGS_TYPES: './types.mjs',
      TIDINGS_DELIVERY: 'queue',
      TIDINGS_QUEUE: 'notices',
      TIDINGS_DATA_DIR: '/var/lib/tidings',
      AUTH_JWKS_URL: 'https://id.example.com/jwks.json',
      AUTH_JWT_ISSUER: 'https://id.example.com',
      AUTH_JWT_AUDIENCE: 'tidings',
      AUTH_COOKIE: 'session',
      AUTH_TENANT_CLAIM: 'org',
      AUTH_AUDIENCES_CLAIM: 'groups',
      PRODUCER_API_KEYS: 'producer-key-number-1, producer-key-number-2,producer-key-number-1',
      SUPPORT_API_KEYS: 'support-key-number-1',
      ADMIN_API_KEYS: 'admin-key-of-16-chars',
      PRODUCER_RATE_LIMIT: '100',
      RECIPIENT_RATE_LIMIT: 'off',
      CORS_ORIGINS: 'https://app.example.com,http://localhost:5173',
      STREAM_HEARTBEAT_MS: '5000',
      STREAM_MAX_PER_RECIPIENT: 'off',
      RETENTION_DAYS: '365',
      RETENTION_MAX_ENTRIES: 'off',
      WORKER_CONCURRENCY: '500',
      WORKER_LOCK_DURATION_MS: '60000',
      WORKER_STALLED_INTERVAL_MS: '5000',
      LOG_LEVEL: 'info',
      LOG_FORMAT: 'json',
    });
    expect(settings).toEqual({
      production: true,
      development: false,
      host: '::',
      port: 8080,
      adminPort: 9090,
      bullBoard: 'read-only',
      roles: ['worker', 'api'],
      typesFile: './types.mjs',
      dataDir: '/var/lib/tidings',
      logLevel: 'log',
      logFormat: 'json',
      options: {
        roles: ['worker', 'api'],
        database: {
          url: 'postgres://tidings:pa%23ss@db:5432/app?sslmode=require',
          directUrl: 'postgres://tidings:pa%23ss@primary:5432/app',
        },
        redis: { url: 'rediss://:secret@redis:6380/2' },
        delivery: 'queue',
        queue: { name: 'notices' },
        http: {
          jwt: {
            jwksUrl: 'https://id.example.com/jwks.json',
            issuer: 'https://id.example.com',
            audience: 'tidings',
            cookie: 'session',
            tenantClaim: 'org',
            audiencesClaim: 'groups',
          },
          producerApiKeys: ['producer-key-number-1', 'producer-key-number-2'],
          supportApiKeys: ['support-key-number-1'],
          adminApiKeys: ['admin-key-of-16-chars'],
          producerRequestsPerSecond: 100,
          recipientRequestsPerSecond: null,
          allowedOrigins: ['https://app.example.com', 'http://localhost:5173'],
        },
        stream: { heartbeatMs: 5000, maxPerRecipient: null },
        retention: { days: 365, maxEntries: null, dedupeKeyDays: 365 },
        worker: { concurrency: 500, lockDurationMs: 60_000, stalledIntervalMs: 5_000 },
      },
      warnings: [],
    });
  });

  it('ask for what Bull Board needs', () => {
    const production = { NODE_ENV: 'production', AUTH_JWT_SECRET: 's'.repeat(32) };
    expect(readSettings(production).bullBoard).toBe('off');
    const given = { ...production, TIDINGS_ADMIN_PORT: '9090', ADMIN_API_KEYS: 'admin-key-of-16-chars' };
    expect(readSettings({ ...given, TIDINGS_BULL_BOARD: 'read-write' }).bullBoard).toBe('read-write');
    expect(problems({ ...given, TIDINGS_BULL_BOARD: 'on' })).toEqual({
      TIDINGS_BULL_BOARD: 'must be "off", "read-only" or "read-write", is "on"',
    });
    const { ADMIN_API_KEYS, TIDINGS_ADMIN_PORT } = given;
    expect(problems({ ...production, ADMIN_API_KEYS, TIDINGS_BULL_BOARD: 'read-only' })).toEqual({
      TIDINGS_BULL_BOARD:
        'is "read-only" and needs an admin port: set TIDINGS_ADMIN_PORT, such as TIDINGS_ADMIN_PORT=9090',
    });
    expect(problems({ ...production, TIDINGS_ADMIN_PORT, TIDINGS_BULL_BOARD: 'read-only' })).toEqual({
      TIDINGS_BULL_BOARD:
        'is "read-only" and needs an admin key: set ADMIN_API_KEYS (make one: openssl rand -base64 32)',
    });
  });

  it('put metrics and docs on the public port in development alone, unless TIDINGS_ADMIN_PORT says otherwise', () => {
    const production = { NODE_ENV: 'production', AUTH_JWT_SECRET: SECRET };
    const adminPort = (env: Environment): number | null => readSettings(env).adminPort;
    expect(adminPort({ PORT: '8080' })).toBe(8080);
    expect(adminPort(production)).toBeNull();
    expect(adminPort({ ...production, PORT: '8080', TIDINGS_ADMIN_PORT: '8080' })).toBe(8080);
    expect(adminPort({ ...production, TIDINGS_ADMIN_PORT: '9090' })).toBe(9090);
    expect(adminPort({ TIDINGS_ADMIN_PORT: 'off' })).toBeNull();
    expect(problems({ TIDINGS_ADMIN_PORT: 'on' })).toEqual({
      TIDINGS_ADMIN_PORT: 'must be a whole number from 0 to 65535, or "off" for no limit, is "on"',
    });
  });

  it('list every error with its name, its value and the fix', () => {
    const wrong = problems({
      PORT: '70000',
      HOST: 'http://0.0.0.0',
      DATABASE_URL: 'mysql://root:hunter2@db/app',
      REDIS_URL: 'redis:6379',
      TIDINGS_ROLES: 'api,workers',
      TIDINGS_DELIVERY: 'fast',
      TIDINGS_QUEUE: 'a:b',
      AUTH_JWT_SECRET: 'short',
      AUTH_JWKS_URL: 'ftp://id.example.com',
      AUTH_COOKIE: 'a b',
      PRODUCER_API_KEYS: 'a-long-enough-api-key,hunter2',
      SUPPORT_API_KEYS: 'with white space inside',
      ADMIN_API_KEYS: 'ключ-достаточной-длины',
      CORS_ORIGINS: 'https://app.example.com/',
      STREAM_HEARTBEAT_MS: '15s',
      STREAM_MAX_PER_RECIPIENT: '0',
      RETENTION_DAYS: '-1',
      RETENTION_MAX_ENTRIES: '1e3',
      WORKER_CONCURRENCY: '0.5',
      WORKER_LOCK_DURATION_MS: '15s',
      WORKER_STALLED_INTERVAL_MS: '0',
      LOG_LEVEL: 'trace',
      LOG_FORMAT: 'text',
    });
    expect(wrong).toEqual({
      PORT: 'must be a whole number from 0 to 65535, is 70000',
      HOST: 'must be an address such as 0.0.0.0 or a host name, without a port; is "http://0.0.0.0"',
      DATABASE_URL:
        'must begin with postgres:// or postgresql://, such as postgres://user:password@localhost:5432/app; is "mysql://root:***@db/app"',
      REDIS_URL: 'must begin with redis:// or rediss://, such as redis://localhost:6379; is "redis:6379"',
      TIDINGS_ROLES: 'item 2 must be "api" or "worker", is "workers"',
      TIDINGS_DELIVERY: 'must be "direct" or "queue", is "fast"',
      TIDINGS_QUEUE: 'must not contain ":" (BullMQ), is "a:b"',
      AUTH_JWT_SECRET:
        'must have at least 32 bytes (RFC 7518, section 3.2), has 5 (make one: openssl rand -base64 48)',
      // That it is malformed is listed, too; the later one is kept here.
      AUTH_JWKS_URL: 'must not be given together with AUTH_JWT_SECRET: give one of them',
      AUTH_JWT_ISSUER:
        'is required with AUTH_JWKS_URL; without it, tokens issued for other services would be accepted',
      AUTH_JWT_AUDIENCE:
        'is required with AUTH_JWKS_URL; without it, tokens issued for other services would be accepted',
      AUTH_COOKIE: 'must be the name of a cookie, such as session; is "a b"',
      PRODUCER_API_KEYS: 'item 2 must have at least 16 characters, has 7 (make one: openssl rand -hex 24)',
      SUPPORT_API_KEYS: 'item 1 must consist of visible ASCII characters, because it travels in a header',
      ADMIN_API_KEYS: 'item 1 must consist of visible ASCII characters, because it travels in a header',
      CORS_ORIGINS:
        'item 1 must be an origin (scheme, host and port, no path), here https://app.example.com; is "https://app.example.com/"',
      STREAM_HEARTBEAT_MS: 'must be a number from 100 to 2147483647, is "15s"',
      STREAM_MAX_PER_RECIPIENT: 'must be a whole number from 1 to 1000000, or "off" for no limit, is 0',
      RETENTION_DAYS: 'must be a number above 0 and at most 36500, or "off" for no limit, is "-1"',
      RETENTION_MAX_ENTRIES: 'must be a whole number from 1 to 1000000000, or "off" for no limit, is "1e3"',
      WORKER_CONCURRENCY: 'must be a whole number from 1 to 10000, is 0.5',
      WORKER_LOCK_DURATION_MS: 'must be a number from 100 to 2147483647, is "15s"',
      WORKER_STALLED_INTERVAL_MS: 'must be a number from 100 to 2147483647, is 0',
      LOG_LEVEL: 'must be "verbose", "debug", "log", "warn", "error" or "fatal", is "trace"',
      LOG_FORMAT: 'must be "json" or "pretty", is "text"',
    });
  });

  it('take the urls of several nodes for a Redis Cluster', () => {
    const REDIS_URL = 'redis://:secret@a:6379,redis://:secret@b:6379';
    expect(optionsOf({ REDIS_URL })).toMatchObject({ redis: { nodes: REDIS_URL.split(',') } });
    expect(problems({ REDIS_URL: 'redis://:hunter2@a,redis://b' })).toEqual({
      REDIS_URL:
        'must all have the same scheme, user and password, which also apply to the other nodes of the Redis Cluster',
    });
    expect(problems({ REDIS_URL: 'redis://:hunter2@a,redis://:hunter2@b:x' })).toEqual({
      REDIS_URL:
        'must be urls such as redis://localhost:6379 (percent-encode special characters of the password), one is "redis://:***@b:x"',
    });
  });

  it('never repeat a secret in an error', () => {
    const secrets = {
      DATABASE_URL: 'postgres://user:hunter2@ho st:abc/db',
      REDIS_URL: 'http://:hunter2/pa@ss@redis',
      AUTH_JWT_SECRET: 'hunter2',
      PRODUCER_API_KEYS: 'hunter2',
      SUPPORT_API_KEYS: 'hunter2 hunter2 hunter2',
      ADMIN_API_KEYS: 'hunter2é-and-long-enough',
      CORS_ORIGINS: 'https://user:hunter2@app.example.com',
    };
    const wrong = problems(secrets);
    expect(Object.keys(wrong).sort()).toEqual(Object.keys(secrets).sort());
    expect(JSON.stringify(wrong)).not.toContain('hunter2');
  });

  it('reject "*" as an origin, because any page could act for the user', () => {
    expect(problems({ CORS_ORIGINS: 'https://app.example.com,*' })).toEqual({
      CORS_ORIGINS: 'item 2 must not be "*": any page could act for the user. List the origins',
    });
  });

  it.each([
    [
      'both a secret and a key server',
      {
        AUTH_JWT_SECRET: SECRET,
        AUTH_JWKS_URL: 'https://id/jwks',
        AUTH_JWT_ISSUER: 'i',
        AUTH_JWT_AUDIENCE: 'a',
      },
      ['AUTH_JWKS_URL'],
    ],
    [
      'a key server without issuer and audience',
      { AUTH_JWKS_URL: 'https://id/jwks' },
      ['AUTH_JWT_ISSUER', 'AUTH_JWT_AUDIENCE'],
    ],
    ['an issuer with nothing to check it on', { AUTH_JWT_ISSUER: 'https://id' }, ['AUTH_JWT_ISSUER']],
    ['production without a way to know users', { NODE_ENV: 'production' }, ['AUTH_JWT_SECRET']],
    ['development credentials open to the network', { HOST: '0.0.0.0' }, ['HOST']],
    ['development credentials on IPv6 everywhere', { HOST: '::' }, ['HOST']],
  ])('reject a contradiction: %s', (_name, env, fields) => {
    expect(Object.keys(problems(env))).toEqual(fields);
  });

  it('allow a worker without a way to identify users, in production too', () => {
    expect(readSettings({ NODE_ENV: 'production', TIDINGS_ROLES: 'worker' })).toMatchObject({
      development: false,
      options: { roles: ['worker'] },
    });
  });

  it.each(['127.0.0.1', '127.1.2.3', 'localhost', '::1'])(
    'count %s as this machine for development credentials',
    (host) => {
      expect(readSettings({ HOST: host })).toMatchObject({ development: true, host });
    },
  );

  it('treat the empty string as not set, as a compose file yields it', () => {
    const empty = Object.fromEntries(Object.keys(VARIABLES).map((name) => [name, '']));
    expect(readSettings(empty)).toEqual(readSettings({}));
  });

  it.each([
    ['TIDINGS_ROLE', 'TIDINGS_ROLES'],
    ['AUTH_JWT_SECRETS', 'AUTH_JWT_SECRET'],
    ['AUTH_ISSUER', 'AUTH_JWT_ISSUER'],
    ['CORS_ORIGIN', 'CORS_ORIGINS'],
    ['PRODUCER_API_KEY', 'PRODUCER_API_KEYS'],
    ['DATABASE_URI', 'DATABASE_URL'],
    ['redis_url', 'REDIS_URL'],
  ])('warn of %s, which resembles the name of a variable', (name, nearest) => {
    expect(readSettings({ [name]: 'x' }).warnings).toEqual([
      `${name} is set but not read; did you mean ${nearest}?`,
    ]);
  });

  it.each([
    [
      'variables of other programs',
      { PATH: '/bin', HOSTNAME: 'x', REPORT: '1', AUTH_PROVIDER_ID: 'x', STREAM_NAME_PREFIX: 'x' },
    ],
    [
      'what Kubernetes sets for a service called tidings',
      { TIDINGS_PORT: 'tcp://10.0.0.1:80', TIDINGS_SERVICE_HOST: '10.0.0.1', TIDINGS_PORT_80_TCP_PORT: '80' },
    ],
  ])('do not warn of %s', (_name, env) => {
    expect(readSettings(env).warnings).toEqual([]);
  });

  it.each([
    ['a3f9c07b12de45:0123456789abcdef0123', 'what comes before ":" looks like a secret'],
    [
      'f47ac10b-58cc-4372-a567-0e02b2c3d479:0123456789abcdef0123',
      'what comes before ":" looks like a secret',
    ],
    ['9fLqXk3Pz01rTbWv8sNd@x!Q#4$mm', 'what comes after "@" looks like a secret'],
    ['svc:0123456789@abcdef', null],
    ['svc:a!0123456789abcdef', 'beside the name the secret has only 18 characters'],
    ['0123456789abcdef@x', 'beside the tenant the secret has only 16 characters'],
    ['p:0123456789abcdef@x', 'beside the name and the tenant the secret has only 16 characters'],
  ])('warn of %s in PRODUCER_API_KEYS, which rather is a key as it is', (item, doubt) => {
    const set = { PRODUCER_API_KEYS: `5f0c2a9e7b1d4c8f5f0c2a9e,${item}` };
    if (doubt === null) {
      // A warning would come too late: it is refused.
      expect(problems(set)['PRODUCER_API_KEYS']).toMatch(/^item 2 must have at least 16 characters/);
      return;
    }
    const { warnings } = readSettings(set);
    expect(warnings).toEqual([
      `PRODUCER_API_KEYS: item 2 is read as name:key@tenant, but ${doubt}. If ":" or "@" are part of the key, put ":" before it.`,
    ]);
    expect(readSettings({ PRODUCER_API_KEYS: `:${item}` }).warnings).toEqual([]);
  });

  it.each([
    '5f0c2a9e7b1d4c8f',
    'orders:5f0c2a9e7b1d4c8f5f0c2a9e@acme',
    'checkout-eu-west-1.v2:V1StGXR8_Z5jdHi6B-myT@org_2dXJ8kQ9abcDEF',
    'checkout3prod2:V1StGXR8_Z5jdHi6B-myT@f47ac10b-58cc-4372-a567-0e02b2c3d479',
    'V1StGXR8_Z5jdHi6B-myT@urn:tenant:1@x;audiences;any-sender',
    'orders:V1StGXR8_Z5jdHi6B-myT@caf%C3%A9%20Paris',
    '5f0c2a9e7b1d4c8f;audiences',
  ])('do not warn of the key %s', (item) => {
    expect(readSettings({ PRODUCER_API_KEYS: item }).warnings).toEqual([]);
  });

  it('warn when nothing limits the growth of feeds', () => {
    const { warnings } = readSettings({ RETENTION_DAYS: 'off', RETENTION_MAX_ENTRIES: 'off' });
    expect(warnings).toEqual([
      'RETENTION_DAYS and RETENTION_MAX_ENTRIES are both off: feeds grow without end.',
    ]);
  });

  it('keep dedupe keys at least as long as entries', () => {
    expect(resolveOptions(optionsOf({ RETENTION_DAYS: '400' })).retention).toMatchObject({
      days: 400,
      dedupeKeyDays: 400,
    });
    expect(resolveOptions(optionsOf({})).retention).toMatchObject({ days: 30, dedupeKeyDays: 90 });
  });

  it('add the development key to the producers and to nothing else', () => {
    expect(optionsOf({ PRODUCER_API_KEYS: 'producer-key-number-1' }).http).toMatchObject({
      producerApiKeys: ['producer-key-number-1', { key: 'dev_0123456789abcdef', scopes: ['audiences'] }],
    });
    expect(optionsOf({ AUTH_JWT_SECRET: SECRET }).http).toEqual({ jwt: { secret: SECRET } });
  });

  it('are rejected by name here, or accepted by the module', () => {
    const names = Object.keys(VARIABLES);
    const value = fc.oneof(
      fc.string(),
      fc.constantFrom(
        '0',
        '1',
        'off',
        '99999',
        'a:b',
        'api',
        'worker',
        'postgres://x/y',
        'redis://x',
        'redis://x,redis://y',
        'https://a.example',
      ),
    );
    const environment = fc.dictionary(fc.constantFrom(...names), value);
    fc.assert(
      fc.property(environment, (env) => {
        const wrong = problems(env);
        expect(names).toEqual(expect.arrayContaining(Object.keys(wrong)));
        if (Object.keys(wrong).length === 0) resolveOptions(optionsOf(env));
      }),
      { numRuns: 500 },
    );
  });
});

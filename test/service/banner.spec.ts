import { describe, expect, it } from '@jest/globals';
import { banner } from '../../src/service/banner.js';
import { readSettings, type Environment } from '../../src/service/settings/settings.js';

const SECRET = 'a-secret-of-at-least-32-bytes-for-HS256';
const KEY = 'producer-key-number-1';
const origin = 'http://127.0.0.1:3000';
const development = { token: 'a.b.c', producerApiKey: 'dev_key' };

const told = (env: Environment): string => {
  const settings = readSettings(env);
  return banner({
    settings,
    version: '1.2.3',
    origin,
    development: settings.development ? development : null,
  });
};

describe('the banner of the service', () => {
  it('shows the address, the mode, two commands and the demo in development', () => {
    expect(told({}).split('\n')).toEqual([
      'Tidings 1.2.3 listens on http://127.0.0.1:3000',
      '  mode   embedded Postgres (data in .tidings)',
      '  roles  api, worker',
      '',
      'Watch the feed of ada:',
      `  curl -N -H 'Authorization: Bearer a.b.c' http://127.0.0.1:3000/v1/stream`,
      '',
      'Publish to ada, from another terminal:',
      expect.stringMatching(
        /^ {2}curl -X POST -H 'X-API-Key: dev_key' -H 'Content-Type: application\/json' -d '\{.*"to":"ada".*\}' http:\/\/127\.0\.0\.1:3000\/v1\/notifications$/,
      ),
      '',
      'See both in a browser: http://127.0.0.1:3000/demo',
    ]);
  });

  it('shows no credential and no demo once AUTH_* is set', () => {
    const production = {
      NODE_ENV: 'production',
      AUTH_JWT_SECRET: SECRET,
      PRODUCER_API_KEYS: KEY,
      DATABASE_URL: 'postgres://tidings:hunter2@db/app',
      REDIS_URL: 'redis://:hunter2@redis',
    };
    for (const env of [production, { ...production, NODE_ENV: undefined }]) {
      expect(told(env).split('\n')).toEqual([
        'Tidings 1.2.3 listens on http://127.0.0.1:3000',
        '  mode   Postgres + Redis',
        '  roles  api, worker',
      ]);
    }
  });

  it('names what is missing', () => {
    expect(told({ AUTH_JWT_SECRET: SECRET })).toContain(
      'Without PRODUCER_API_KEYS publishing over HTTP is disabled',
    );
    expect(told({ AUTH_JWT_SECRET: SECRET, PRODUCER_API_KEYS: KEY, TIDINGS_ROLES: 'api' })).toContain(
      'Without the role "worker" here',
    );
    expect(told({ TIDINGS_ROLES: 'worker' })).not.toMatch(/curl|demo|Without/);
  });
});

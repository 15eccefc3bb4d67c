import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import pg from 'pg';
import { readPostgresUrl, postgresUrlProblem } from '../../src/contract/options/postgres-url.js';
import { describeAddress, postgresAddress } from '../../src/platform/addresses.js';

const SOCKET = '/var/run/postgresql/.s.PGSQL.5432 (database app)';
const FORMS: [string, string][] = [
  ['postgres://ann:secret@db:5433/app', 'db:5433/app'],
  ['postgresql://ann:secret@db/app', 'db:5432/app'],
  ['postgres://ann:p%40ss%23@db/app?sslmode=verify-full', 'db:5432/app'],
  ['postgres://ann:100%@db/app?sslmode=no-verify', 'db:5432/app'],
  ['postgres://ann:secret@db/app?sslmode=disable&application_name=shop', 'db:5432/app'],
  ['postgres://ann:secret@db/app?ssl=true', 'db:5432/app'],
  ['postgres://ann:a@b@db/my%20app', 'db:5432/my app'],
  ['postgres://ann@[::1]:5433/app', '[::1]:5433/app'],
  ['postgres://db/app?user=ann&password=secret&port=6000', 'db:6000/app'],
  ['postgres://ann@/app?host=/var/run/postgresql', SOCKET],
  ['postgres:///app?host=/var/run/postgresql&user=ann', SOCKET],
  ['postgres://ann:secret@%2Fvar%2Frun%2Fpostgresql/app', SOCKET],
  ['postgres://ann@/app?host=/tmp&port=6000', '/tmp/.s.PGSQL.6000 (database app)'],
  ['socket:/var/run/postgresql?db=app', SOCKET],
  ['socket://ann:secret@/var/run/postgresql?db=app', SOCKET],
  ['/var/run/postgresql app', SOCKET],
];

describe('an address of Postgres', () => {
  // What an address leaves open comes from the environment.
  const { PGHOST, PGPORT, PGDATABASE } = process.env;
  beforeEach(() => {
    delete process.env['PGHOST'];
    delete process.env['PGPORT'];
    delete process.env['PGDATABASE'];
  });
  afterEach(() => {
    Object.assign(process.env, JSON.parse(JSON.stringify({ PGHOST, PGPORT, PGDATABASE })));
  });

  it.each(FORMS)('is accepted as %s, read as pg reads it, and described as %s', (url, described) => {
    expect(postgresUrlProblem(url)).toBeNull();
    const client = new pg.Client(url);
    const { host, port, database } = readPostgresUrl(url)!;
    expect([host, Number(port || 5432), database]).toEqual([client.host, client.port, client.database]);
    expect(describeAddress({ connectionString: url })).toBe(described);
    // Whatever form it has, the address that connections are made with leads to the same place.
    const address = postgresAddress({ url });
    expect(new pg.Client(address)).toMatchObject({ host, database });
    expect(describeAddress(address)).toBe(described);
  });

  it('is described with the defaults of the environment, as pg fills them in', () => {
    Object.assign(process.env, { PGHOST: 'db.internal', PGPORT: '6000', PGDATABASE: 'shop' });
    expect(describeAddress({ connectionString: 'postgres://' })).toBe('db.internal:6000/shop');
    expect(new pg.Client('postgres://')).toMatchObject({ host: 'db.internal', port: 6000, database: 'shop' });
  });

  it.each([
    ['mysql://ann:hunter2@db/app', /^must begin with postgres:\/\/ or postgresql:\/\//],
    ['ann:hunter2@db/app', /^must begin with/],
    ['postgres://ann:hunter2@a:5432,b:5432/app', /^names several hosts, and pg connects to one/],
    ['postgres://ann:hunter2@a,b/app?target_session_attrs=primary', /^names several hosts/],
    ['postgres://ann:hunter2@/app?host=a,b', /^names several hosts/],
    ['postgres://ann:hunter2#1@db/app', /^has a "#"/],
    ['postgres://ann:hunter2/1@db/app', /^cannot be parsed: percent-encode special characters/],
    ['postgres://ann:hunter2?1@db/app', /^cannot be parsed: percent-encode special characters/],
    ['postgres://ann:hunter2@db:port/app', /^cannot be parsed: the host, the port/],
    ['postgres://ann:hunter2@db:70000/app', /^cannot be parsed: the host, the port/],
    ['postgres://ann:hunter2%ff@db/app', /^cannot be parsed: the host, the port or the percent-encoding/],
    ['postgres://db/app?password=hunter2&port=x', /^has a port that is no number/],
    ['postgres://ann:hunter2', /^cannot be parsed/],
  ])('is refused as %s, with what is wrong and without the password', (url, problem) => {
    expect(postgresUrlProblem(url)).toMatch(problem);
    expect(postgresUrlProblem(url)).not.toContain('hunter2');
  });
});

import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { SignJWT } from 'jose';
import { doctorCommand } from '../../src/cli/doctor.js';
import type { Flags } from '../../src/cli/options.js';
import { UsageError } from '../../src/cli/usage.error.js';
import { CANARY } from '../../src/types/canary.js';
import { taskCompleted } from '../../src/types/shipped/index.js';
import { defineNotification } from '../../src/contract/model/notification-type.js';
import { TidingsService } from '../../src/module/tidings.service.js';
import { House, JWT_SECRET, token, type Instance } from '../guarantees/house.js';
import { eventually } from '../support/eventually.js';

async function doctor(flags: Flags): Promise<{ report: string; faults: string | null }> {
  const lines: string[] = [];
  const faults = await doctorCommand(flags, [], (line) => lines.push(line)).then(
    () => null,
    (error: Error) => {
      if (error instanceof UsageError) throw error;
      return error.message;
    },
  );
  return { report: lines.join('\n'), faults };
}

/** A token of a user of a tenant. */
function tokenOf(recipient: string, org: string): Promise<string> {
  return new SignJWT({ sub: recipient, org })
    .setProtectedHeader({ alg: 'HS256' })
    .setExpirationTime('1h')
    .sign(new TextEncoder().encode(JWT_SECRET));
}

describe('tidings doctor', () => {
  let house: House;
  beforeAll(async () => {
    house = await House.open('Postgres');
  });
  afterAll(() => house.close());

  it('sends its canary through a host without our types, past its hooks and escalations', async () => {
    const told: string[] = [];
    const { origin, app } = await house.start({
      queue: { name: 'bare' },
      types: [taskCompleted],
      hooks: { onAppended: ({ notification }) => void told.push(`hook: ${notification.type}`) },
      escalations: [
        {
          name: 'mail',
          afterMs: 1,
          handler: ({ notification: { type } }) => void told.push(`mail: ${type}`),
        },
      ],
    });
    const flags = { 'database-url': house.databaseUrl, queue: 'bare', 'idle-seconds': '0' };
    const { report, faults } = await doctor({ ...flags, url: origin, token: await token('ada') });
    expect([report, faults]).toEqual([expect.stringContaining('ok     canary: arrived'), null]);
    expect(report).toContain(`ok     canary through ${origin}: arrived`);
    // What comes later is told of, and so would the canaries have been.
    const data = { taskId: '1', title: 'Later', status: 'succeeded' } as const;
    await app.get(TidingsService, { strict: false }).notify(taskCompleted, { to: 'ada', data });
    await eventually(() => expect(told).toContain('mail: task-completed'), { timeoutMs: 15_000 });
    expect(told.sort()).toEqual(['hook: task-completed', 'mail: task-completed']);
  }, 60_000);

  it('reports that no worker takes jobs off the queue, though it could deliver by itself', async () => {
    const { report } = await doctor({ 'database-url': house.databaseUrl, queue: 'nobody' });
    expect(report).toMatch(/FAULT {2}canary: no worker ran the job within 15 s/);
  }, 60_000);

  it('uses a type that a host cannot declare', async () => {
    const types = [defineNotification(CANARY.name, { ...taskCompleted })];
    await expect(house.start({ types })).rejects.toThrow('types: must not declare tidings.canary');
  }, 30_000);

  describe('tidings doctor in a deployment with tenants', () => {
    let instance: Instance;
    let flags: Record<string, string>;
    beforeAll(async () => {
      instance = await house.start({ http: { jwt: { secret: JWT_SECRET, tenantClaim: 'org' } } });
      flags = { 'database-url': house.databaseUrl, url: instance.origin, 'idle-seconds': '0' };
      flags['token'] = await tokenOf('ada', 'acme');
    }, 30_000);
    const given = process.env['AUTH_TENANT_CLAIM'];
    beforeEach(() => void delete process.env['AUTH_TENANT_CLAIM']);
    afterEach(() => {
      if (given !== undefined) process.env['AUTH_TENANT_CLAIM'] = given;
      else delete process.env['AUTH_TENANT_CLAIM'];
    });

    it.each([[{ 'tenant-claim': 'org' }], [{ tenant: 'acme' }]])(
      'finds the feed with %j',
      async (more) => {
        expect(await doctor({ ...flags, ...more })).toMatchObject({ faults: null });
      },
      60_000,
    );

    it('finds the feed with the setting of the service', async () => {
      process.env['AUTH_TENANT_CLAIM'] = 'org';
      expect(await doctor(flags)).toMatchObject({ faults: null });
    }, 60_000);

    it('reports that the stream is of another feed, and does not blame the proxy', async () => {
      const { report } = await doctor(flags);
      expect(report).toMatch(/FAULT.*the stream is not the feed of "ada" of the tenant ""/);
      expect(report).not.toContain('buffering');
    }, 60_000);

    it('refuses a tenant claim that the token does not have', async () => {
      await expect(doctor({ ...flags, 'tenant-claim': 'team' })).rejects.toThrow('no claim team');
    });
  });

  it.each([
    ['a cookie, from an allowed origin', { cookie: 'session=of-ada' }],
    ['a header', { header: ['X-User: ada', 'x-more: 1'] }],
  ])(
    'checks a host that identifies its users by %s',
    async (_, credential) => {
      const instance = await house.start({
        http: {
          jwt: undefined,
          identify: (request) => {
            const { headers } = request as { headers: Record<string, string | undefined> };
            const isAda =
              (headers['cookie'] === 'session=of-ada' && headers['origin'] === instance.origin) ||
              (headers['x-user'] === 'ada' && headers['x-more'] === '1');
            return isAda ? { recipient: 'ada' } : null;
          },
        },
      });
      const flags = { 'database-url': house.databaseUrl, url: instance.origin, 'idle-seconds': '0' };
      expect(await doctor({ ...flags, ...credential, recipient: 'ada' })).toMatchObject({ faults: null });
      const { report } = await doctor({ ...flags, ...credential, recipient: 'grace' });
      expect(report).toMatch(/FAULT.*the stream is not the feed of "grace"/);
    },
    60_000,
  );

  const jwt = { token: 'a.eyJzdWIiOiJhZGEifQ.c' };
  it.each([
    [{ ...jwt, 'idle-seconds': 'abc' }, '--idle-seconds must be a number from 0 to 86400, is "abc"'],
    [{ ...jwt, 'idle-seconds': '-1' }, '--idle-seconds'],
    [{ ...jwt, 'idle-seconds': '1e9' }, '--idle-seconds'],
    [{ ...jwt, url: 'app.example.com' }, '--url must be such as https://app.example.com'],
    [{}, '--url needs a --token, a --cookie or a --header'],
    [{ cookie: 'session=1' }, '--cookie and --header need --recipient'],
    [{ token: 'opaque' }, '--token is not a JWT with a sub'],
    [{ recipient: 'ada', header: ['nonsense'] }, '--header must be such as "x-user: ada"'],
  ])(
    'refuses %j before any check',
    async (flags, reason) => {
      const all = {
        'database-url': 'postgres://nowhere.invalid/x',
        url: 'https://app.example.com',
        ...flags,
      };
      const refused = doctor(all);
      await expect(refused).rejects.toThrow(reason);
      await expect(refused).rejects.toBeInstanceOf(UsageError);
    },
    10_000,
  );
});

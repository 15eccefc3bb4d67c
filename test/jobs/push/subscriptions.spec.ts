import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { createECDH } from 'node:crypto';
import dns from 'node:dns/promises';
import { once } from 'node:events';
import { createServer, type AddressInfo } from 'node:net';
import { vapidCommand } from '../../../src/cli/vapid.js';
import { type InvalidSettingsError } from '../../../src/contract/errors.js';
import { isPublicAddress } from '../../../src/contract/model/public-address.js';
import { endpointProblem } from '../../../src/contract/model/push-subscription.js';
import {
  resolveOptions,
  type PushOptions,
  type TidingsOptions,
} from '../../../src/contract/options/options.js';
import { PushSender } from '../../../src/jobs/push/push-sender.js';
import { loadWebPush } from '../../../src/jobs/push/web-push.js';
import { TidingsService } from '../../../src/module/tidings.service.js';
import { readSettings } from '../../../src/service/settings/settings.js';
import { API_KEY, House, JWT_SECRET, task, token, type Instance } from '../../guarantees/house.js';
import { startDns } from '../../support/dns-server.js';
import { FakeBrowser } from '../../support/push-service.js';

function keys(): { publicKey: string; privateKey: string } {
  const lines: string[] = [];
  void vapidCommand({}, [], (line) => lines.push(line));
  const setting = (name: string): string =>
    lines.find((line) => line.startsWith(`${name}=`))!.slice(name.length + 1);
  return { publicKey: setting('TIDINGS_PUSH_PUBLIC_KEY'), privateKey: setting('TIDINGS_PUSH_PRIVATE_KEY') };
}

const PUSH: PushOptions = { subject: 'mailto:ops@example.com', ...keys() };
const ANY = { allowedHosts: null, allowLoopback: false };

const browserAt = (host: string, path = 'b'): FakeBrowser => new FakeBrowser(`https://${host}/${path}`);

interface State {
  readonly publicKey: string;
  readonly subscriptions: readonly { id: string; host: string; createdAt: string }[];
}

describe('The subscriptions of browsers', () => {
  let house: House;
  let instance: Instance;

  beforeAll(async () => {
    house = await House.open('Postgres');
    instance = await house.start({
      push: { ...PUSH, maxPerRecipient: 2 },
      http: { jwt: { secret: JWT_SECRET }, producerApiKeys: [API_KEY], recipientRequestsPerSecond: 3 },
    });
  }, 60_000);
  afterAll(() => house?.close(), 30_000);

  const ask = async <T = State>(
    name: string,
    method: string,
    path: string,
    body?: unknown,
    at = instance,
  ): Promise<{ status: number; body: T }> => {
    const response = await fetch(`${at.origin}/v1/push${path}`, {
      method,
      headers: { authorization: `Bearer ${await token(name)}`, 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
    return { status: response.status, body: (await response.json()) as T };
  };
  const add = (name: string, { subscription }: FakeBrowser) =>
    ask<State['subscriptions'][0]>(name, 'POST', '/subscriptions', { ...subscription, expirationTime: null });
  const idsOf = async (name: string): Promise<string[]> =>
    (await ask(name, 'GET', '')).body.subscriptions.map(({ id }) => id);

  it('are stored once, shown without their secrets, and deleted by their recipient alone', async () => {
    const browser = browserAt('push.example');
    const { status, body } = await add('ada', browser);
    expect([status, body]).toEqual([
      201,
      { id: expect.stringMatching(/^[\w-]{43}$/), host: 'push.example', createdAt: expect.any(String) },
    ]);
    expect((await add('ada', browser)).body).toEqual(body);
    const state = { publicKey: PUSH.publicKey, subscriptions: [body] };
    expect((await ask('ada', 'GET', '')).body).toEqual(state);
    expect((await ask('eve', 'GET', '')).body.subscriptions).toEqual([]);
    expect((await ask('eve', 'DELETE', `/subscriptions/${body.id}`)).status).toBe(200);
    const tidings = instance.app.get(TidingsService, { strict: false });
    await tidings.unsubscribePush({ tenant: 'acme', recipient: 'ada' }, body.id);
    expect(await tidings.pushState({ tenant: 'acme', recipient: 'ada' })).toMatchObject({
      subscriptions: [],
    });
    expect(await idsOf('ada')).toEqual([body.id]);
    for (const id of [body.id, body.id, 'x'])
      expect((await ask('ada', 'DELETE', `/subscriptions/${id}`)).body.subscriptions).toEqual([]);
  });

  it('leave their recipient when another one signs in in the same browser, whose keys tell that it is the same', async () => {
    const browser = browserAt('push.example', 'shared');
    const { id } = (await add('bob', browser)).body;
    const stolen = {
      subscription: { ...browserAt('x.example').subscription, endpoint: browser.subscription.endpoint },
    };
    expect((await add('eve', stolen as FakeBrowser)).status).toBe(400);
    expect(await idsOf('bob')).toEqual([id]);
    expect((await add('cy', browser)).body.id).toBe(id);
    expect([await idsOf('bob'), await idsOf('cy')]).toEqual([[], [id]]);
  });

  it('are bounded: those that subscribed longest ago leave', async () => {
    const browsers = ['1', '2', '3'].map((path) => browserAt('push.example', path));
    const ids: string[] = [];
    for (const browser of browsers) ids.push((await add('dan', browser)).body.id);
    expect(await idsOf('dan')).toEqual([ids[2], ids[1]]);
    await add('dan', browsers[1]!);
    expect(await idsOf('dan')).toEqual([ids[1], ids[2]]);
    const rows = await house.sql("SELECT 1 FROM tidings.push_subscription WHERE recipient = 'dan'");
    expect(rows).toHaveLength(2);
  });

  it('are refused with each invalid field, and count as requests of the recipient', async () => {
    const { endpoint, keys: own } = browserAt('push.example').subscription;
    // Not on the curve.
    const p256dh = Buffer.concat([Buffer.from([4]), Buffer.alloc(64, 1)]).toString('base64url');
    const wrong: [unknown, string[]][] = [
      [{}, ['endpoint', 'keys']],
      [{ endpoint: 7, keys: [], kyes: 1 }, ['kyes', 'endpoint', 'keys']],
      [{ endpoint, keys: { ...own, p256dh } }, ['keys.p256dh']],
      [{ endpoint, keys: { p256dh: own.p256dh, auth: 'x' } }, ['keys.auth']],
      [{ endpoint: 'https://10.0.0.1/x', keys: own }, ['endpoint']],
    ];
    for (const [body, fields] of wrong) {
      const answer = await ask<{ code: string; errors: { field: string }[] }>(
        'fay',
        'POST',
        '/subscriptions',
        body,
      );
      expect([
        answer.status,
        answer.body.code,
        JSON.stringify(answer.body).match(/"field":"[^"]+"/g),
      ]).toEqual([400, 'invalid-request', fields.map((field) => `"field":"${field}"`)]);
    }
    const statuses = await Promise.all(
      Array.from({ length: 150 }, async () => (await add('gus', browserAt('push.example'))).status),
    );
    expect(new Set(statuses)).toEqual(new Set([201, 429]));
  });

  it('are not found where the option is off', async () => {
    const off = await house.start({ roles: ['api'] });
    for (const [method, path] of [
      ['GET', ''],
      ['DELETE', '/subscriptions/x'],
    ] as const)
      expect((await ask<{ code: string }>('ada', method, path, undefined, off)).body.code).toBe('not-found');
    const { subscription } = browserAt('push.example');
    expect((await ask('ada', 'POST', '/subscriptions', subscription, off)).status).toBe(404);
    // Without a push, as without an escalation.
    expect((await off.publish({ type: 'task-completed', to: 'ada', data: task('1') })).status).toBe(202);
  });
});

describe('An endpoint', () => {
  it('is https on the public internet', () => {
    for (const endpoint of [
      'https://fcm.googleapis.com/fcm/send/x',
      'https://updates.push.services.mozilla.com/wpush/v2/x',
      'https://web.push.apple.com/x',
      'https://8.8.8.8/x',
      'https://[2606:4700::1]/x',
    ])
      expect([endpoint, endpointProblem(endpoint, ANY)]).toEqual([endpoint, null]);
    for (const endpoint of [
      ...[
        'http://push.example/x',
        'file:///etc/passwd',
        'https://',
        'x',
        `https://a.example/${'x'.repeat(2_048)}`,
      ],
      ...[
        'https://user@push.example/',
        'https://push.example/#x',
        'https://127.0.0.1/',
        'https://2130706433/',
      ],
      ...[
        'https://0x7f.1/',
        'https://0.0.0.0/',
        'https://10.1.2.3/',
        'https://172.16.0.1/',
        'https://192.168.1.1/',
      ],
      ...[
        'https://169.254.169.254/latest/meta-data',
        'https://100.64.0.1/',
        'https://224.0.0.1/',
        'https://[::1]/',
      ],
      ...[
        'https://[::]/',
        'https://[::ffff:127.0.0.1]/',
        'https://[fe80::1]/',
        'https://[fd00::1]/',
        'https://[ff02::1]/',
      ],
      ...['https://[64:ff9b::10.0.0.1]/', 'https://[2002:7f00:1::]/', 'https://[2001:db8::1]/'],
    ])
      expect([endpoint, endpointProblem(endpoint, ANY)]).toEqual([endpoint, expect.any(String)]);
    expect(isPublicAddress('64:ff9b::808:808')).toBe(true);
    expect(isPublicAddress('push.example')).toBe(false);
  });

  it('is at one of the allowed push services, or on loopback for tests', () => {
    const allowed = { allowedHosts: ['fcm.googleapis.com', '*.push.apple.com'], allowLoopback: false };
    const problems = [
      'fcm.googleapis.com',
      'web.push.apple.com',
      'push.apple.com',
      'evilpush.apple.com',
      'x.example',
    ].map((host) => endpointProblem(`https://${host}/`, allowed) === null);
    expect(problems).toEqual([true, true, false, false, false]);
    const loopback = { allowedHosts: null, allowLoopback: true };
    for (const [endpoint, is] of [
      ['http://127.0.0.1:8080/x', true],
      ['https://[::1]/x', true],
      ['http://10.0.0.1/x', false],
      ['http://push.example/x', false],
    ] as const)
      expect([endpoint, endpointProblem(endpoint, loopback) === null]).toEqual([endpoint, is]);
  });

  it('whose name leads to a private address gets no connection, whatever it led to before', async () => {
    const before = dns.getServers();
    let answers = ['127.0.0.1', '10.0.0.1'];
    const server = await startDns('rebound', () => answers);
    dns.setServers([`127.0.0.1:${server.port}`]);
    const sender = new PushSender(await loadWebPush(), PUSH);
    const message = { payload: '{}', ttlSeconds: 1, urgency: 'normal', topic: undefined } as const;
    const { subscription } = browserAt('rebound');
    try {
      await expect(sender.send(subscription, message)).rejects.toThrow('leads to a private address');
      answers = [];
      await expect(sender.send(subscription, message)).rejects.toThrow(/ENODATA|no address/);
    } finally {
      dns.setServers(before);
      sender.close();
      await server.close();
    }
  });
});

describe('A push service that ends the connection instead of answering', () => {
  it.each(['', 'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n'])(
    'has failed (%j)',
    async (answer) => {
      const server = createServer(
        (socket) => void socket.on('error', () => {}).once('data', () => socket.end(answer)),
      );
      server.listen(0, '127.0.0.1');
      await once(server, 'listening');
      const sender = new PushSender(await loadWebPush(), PUSH);
      const message = { payload: '{}', ttlSeconds: 1, urgency: 'normal', topic: undefined } as const;
      const { port } = server.address() as AddressInfo;
      const { subscription } = new FakeBrowser(`http://127.0.0.1:${port}/`);
      await expect(sender.send(subscription, message)).rejects.toThrow(/hang up|closed without an answer/);
      sender.close();
      server.close();
    },
  );
});

describe('The option push', () => {
  const least: TidingsOptions = { database: { url: 'postgres://x' }, types: [], roles: [] };
  const wrong = (push: unknown, more: Partial<TidingsOptions> = {}): string[] => {
    try {
      resolveOptions({ ...least, ...more, push: push as PushOptions });
      return [];
    } catch (error) {
      return (error as InvalidSettingsError).fields.map(({ field }) => field);
    }
  };

  it('takes the keys of npx tidings vapid, and names what is wrong', () => {
    expect(resolveOptions({ ...least, push: PUSH }).push).toMatchObject({
      afterMs: 20_000,
      maxPerRecipient: 10,
    });
    expect(resolveOptions(least).push).toBeNull();
    expect(wrong({ ...PUSH, privateKey: keys().privateKey })).toEqual(['push.privateKey']);
    expect(wrong({ ...PUSH, subject: 'ops@example.com', publicKey: 'x' })).toEqual([
      'push.subject',
      'push.publicKey',
    ]);
    expect(wrong({ ...PUSH, privateKey: 'A'.repeat(43) })).toEqual(['push.privateKey']);
    expect(wrong({ ...PUSH, allowedHosts: ['https://x.example'], allowLoopback: 'no' })).toEqual([
      'push.allowedHosts[0]',
      'push.allowLoopback',
    ]);
    const taken = { name: 'web-push', afterMs: 1, handler: () => {} };
    expect(wrong(PUSH, { escalations: [taken] })).toEqual(['escalations[0].name']);
  });

  it('makes keys that always have all their bytes', () => {
    for (let count = 0; count < 1_000; count++) {
      const { publicKey, privateKey } = keys();
      const curve = createECDH('prime256v1');
      curve.setPrivateKey(privateKey, 'base64url');
      expect([privateKey.length, curve.getPublicKey('base64url')]).toEqual([43, publicKey]);
    }
  });

  it('comes from variables in the service', () => {
    const { publicKey, privateKey, subject } = PUSH;
    const set = { TIDINGS_PUSH_PUBLIC_KEY: publicKey, TIDINGS_PUSH_PRIVATE_KEY: privateKey };
    const hosts = {
      TIDINGS_PUSH_ALLOWED_HOSTS: 'fcm.googleapis.com, *.push.apple.com',
      TIDINGS_PUSH_AFTER_MS: '5000',
    };
    const { options } = readSettings({ ...set, ...hosts, TIDINGS_PUSH_SUBJECT: subject });
    expect(options.push).toEqual({
      ...{ publicKey, privateKey, subject, afterMs: 5_000 },
      allowedHosts: ['fcm.googleapis.com', '*.push.apple.com'],
    });
    expect(() => readSettings(set)).toThrow('TIDINGS_PUSH_SUBJECT');
  });

  it('names the package to install if it is missing', async () => {
    const missing = Object.assign(new Error('Cannot find package'), { code: 'ERR_MODULE_NOT_FOUND' });
    await expect(loadWebPush(() => Promise.reject(missing))).rejects.toThrow(/npm install web-push/);
    const broken = new Error('broken');
    await expect(loadWebPush(() => Promise.reject(broken))).rejects.toBe(broken);
  });
});

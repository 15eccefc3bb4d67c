import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { SignJWT } from 'jose';
import pg from 'pg';
import type { NotificationItem } from '../../src/contract/model/entry.js';
import { TidingsService } from '../../src/module/tidings.service.js';
import { announcement } from '../../src/types/shipped/index.js';
import { eventually } from '../support/eventually.js';
import { connect, type SseClient, type SseFrame } from '../support/sse-client.js';
import { House, JWT_SECRET, onBothBackends, type Instance } from './house.js';

const OPTIONS = {
  http: {
    jwt: { secret: JWT_SECRET, audiencesClaim: 'groups' },
    producerApiKeys: ['a-key-of-the-tests-1', 'a-key-for-audiences-1;audiences'],
  },
  audience: { spreadMs: 100 },
};

function tokenOf(recipient: string, groups?: unknown): Promise<string> {
  return new SignJWT({ sub: recipient, groups })
    .setProtectedHeader({ alg: 'HS256' })
    .setExpirationTime('1h')
    .sign(new TextEncoder().encode(JWT_SECRET));
}

/** The titles of the announcements among these frames, in order. */
function titles(frames: readonly SseFrame[]): string[] {
  return frames
    .filter(({ event }) => event === 'announcement')
    .map(({ data }) => (JSON.parse(data!) as NotificationItem).title);
}

onBothBackends('Audiences', (backend) => {
  let house: House;
  let one: Instance;
  let two: Instance;
  const clients: SseClient[] = [];

  beforeAll(async () => {
    house = await House.open(backend);
    [one, two] = await Promise.all([house.start(OPTIONS), house.start(OPTIONS)]);
  });

  afterAll(async () => {
    await Promise.all(clients.map((client) => client.close()));
    await house.close();
  });

  const stream = async (at: Instance, recipient: string, groups?: string[], after?: string) => {
    const headers: Record<string, string> = { authorization: `Bearer ${await tokenOf(recipient, groups)}` };
    if (after !== undefined) headers['last-event-id'] = after;
    const client = await connect(`${at.origin}/v1/stream`, { headers });
    clients.push(client);
    await client.waitFor(({ event }) => event === 'feed.ready');
    return client;
  };
  const announce = (at: Instance, to: unknown, title: string, more: object = {}) =>
    at.publish(
      { type: 'announcement', to, data: { title }, ...more },
      { 'x-api-key': 'a-key-for-audiences-1' },
    );
  const page = async (at: Instance, recipient: string, groups?: string[]) => {
    const response = await fetch(`${at.origin}/v1/notifications`, {
      headers: { authorization: `Bearer ${await tokenOf(recipient, groups)}` },
    });
    return (await response.json()) as { items: NotificationItem[]; unread: number; cursor: string };
  };
  const until = (client: SseClient, title: string) =>
    client.waitFor(({ event, data }) => event === 'announcement' && data!.includes(`"${title}"`));

  it('reaches all members that are connected, on every instance and device, once and in order (G2, G4)', async () => {
    const members = await Promise.all([
      stream(one, 'ada', ['pro']),
      stream(two, 'ada', ['pro']),
      stream(two, 'grace', ['pro', 'other']),
    ]);
    const stranger = await stream(one, 'joan', ['other']);
    for (const index of [1, 2, 3, 4, 5]) {
      const response = await announce(index % 2 ? one : two, { audience: 'pro' }, `pro-${index}`);
      expect(response.status).toBe(202);
    }
    expect((await announce(one, { audience: 'all' }, 'to all')).status).toBe(202);
    await Promise.all([...members, stranger].map((client) => until(client, 'to all')));
    for (const client of members) {
      expect(titles(client.frames)).toEqual(['pro-1', 'pro-2', 'pro-3', 'pro-4', 'pro-5', 'to all']);
    }
    expect(titles(stranger.frames)).toEqual(['to all']);
  });

  it('is taken by a page and by a stream that reconnects, with the cursor of before (G3, G4)', async () => {
    const before = await page(one, 'katherine', ['team']);
    await announce(one, { audience: 'team' }, 'while away');
    const client = await stream(two, 'katherine', ['team'], before.cursor);
    await until(client, 'while away');
    await announce(two, { audience: 'team' }, 'connected');
    await until(client, 'connected');
    expect(titles(client.frames)).toEqual(['while away', 'connected']);
    const after = await page(one, 'katherine', ['team']);
    expect(after.items.map(({ title }) => title)).toEqual(['connected', 'while away']);
    expect(after.unread).toBe(2);
    // A token without the claim shows the same feed.
    expect((await page(one, 'katherine')).items).toEqual(after.items);
  });

  it('is recalled from every device and page', async () => {
    const client = await stream(one, 'mary', ['crew']);
    await announce(two, { audience: 'crew' }, 'wrong', { dedupeKey: 'w1' });
    await until(client, 'wrong');
    const response = await fetch(`${two.origin}/v1/notifications/recall`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'x-api-key': 'a-key-for-audiences-1' },
      body: JSON.stringify({ to: { audience: 'crew' }, dedupeKey: 'w1' }),
    });
    expect(await response.json()).toEqual({ results: [{ to: { audience: 'crew' }, outcome: 'recalled' }] });
    await client.waitFor(({ event, data }) => event === 'feed.removed' && data!.includes('recalled'));
    expect((await page(two, 'mary', ['crew'])).items).toEqual([]);
  });

  it('waits for deliverAt in the queue, and is delivered once per dedupe key and Idempotency-Key (G5, G9)', async () => {
    const client = await stream(one, 'dorothy', ['later']);
    const to = { audience: 'later' };
    const deliverAt = new Date(Date.now() + 500).toISOString();
    const first = await announce(one, to, 'delayed', { deliverAt, dedupeKey: 'd1' });
    expect(await first.json()).toMatchObject({ jobs: [{ outcome: 'queued' }] });
    await announce(two, to, 'delayed again', { deliverAt, dedupeKey: 'd1' });
    await client.waitFor(({ event, data }) => event === 'announcement' && data!.includes('delayed'));
    for (const at of [one, two])
      await at.publish(
        { type: 'announcement', to, data: { title: 'idempotent' } },
        { 'x-api-key': 'a-key-for-audiences-1', 'idempotency-key': `i-${backend}` },
      );
    await announce(one, to, 'last');
    await until(client, 'last');
    const [delayed, ...others] = titles(client.frames);
    expect(delayed).toMatch(/^delayed/);
    expect(others).toEqual(['idempotent', 'last']);
  });

  it('is refused without the scope, and for names that no credential can have (G8)', async () => {
    const refused = await one.publish({
      type: 'announcement',
      to: { audience: 'all' },
      data: { title: 'x' },
    });
    expect(refused.status).toBe(403);
    expect(await refused.json()).toMatchObject({
      code: 'forbidden',
      detail: expect.stringContaining('audiences'),
    });
    for (const to of [{ audience: '' }, { audience: 'a\u0001' }, { audience: 'a', more: 1 }, {}]) {
      const response = await announce(one, to, 'x');
      expect(response.status).toBe(400);
      expect(await response.json()).toMatchObject({ errors: [{ field: expect.stringMatching(/^to/) }] });
    }
    // No recipient's name leads to the log of an audience.
    const named = await announce(one, '\u0001all', 'x');
    expect(named.status).toBe(400);
  });

  it('reaches a stream whose message was lost on the bus, by the check of heads (G3)', async () => {
    const client = await stream(one, 'hedy', ['lonely']);
    // As a process would whose message is lost: appended, and announced to nobody.
    await house.sql(
      `SELECT tidings.append_one('', chr(1) || 'lonely', sha256('x'), NULL, 'announcement', 'unheard', NULL, NULL,
                                 '{"title":"unheard"}', 1, NULL, 100, false, 0)`,
    );
    await until(client, 'unheard');
    expect(titles(client.frames)).toEqual(['unheard']);
  });

  it('is visible only when it is committed to the feed (G1), under a number that follows the others (G2)', async () => {
    const client = await stream(two, 'lise', ['late']);
    await announce(one, { audience: 'late' }, 'committed');
    await until(client, 'committed');
    const [frame] = client.frames.filter(({ event }) => event === 'announcement');
    const [epoch, seq] = frame!.id!.split('-');
    expect(
      await house.sql(
        `SELECT e.title, f.epoch FROM tidings.entry e JOIN tidings.feed f ON f.id = e.feed_id
          WHERE f.recipient = 'lise' AND e.seq = $1`,
        [seq],
      ),
    ).toEqual([{ title: 'committed', epoch }]);
  });

  it('exists if and only if the transaction commits (G10)', async () => {
    const client = await stream(one, 'chien', ['tx']);
    const tidings = one.app.get(TidingsService, { strict: false });
    const pool = new pg.Pool({ connectionString: house.databaseUrl, max: 1 });
    try {
      for (const [title, end] of [
        ['rolled back', 'ROLLBACK'],
        ['committed', 'COMMIT'],
      ] as const) {
        const tx = await pool.connect();
        await tx.query('BEGIN');
        await tidings.notify(announcement, { to: { audience: 'tx' }, data: { title }, tx });
        await tx.query(end);
        tx.release();
      }
    } finally {
      await pool.end();
    }
    await until(client, 'committed');
    expect(titles(client.frames)).toEqual(['committed']);
  });

  it('asks the host again while a stream is open, which ends when the audiences have changed, and follows the new ones', async () => {
    let groups = ['first', 'second'];
    let asked = 0;
    const host = await house.start({
      ...OPTIONS,
      http: {
        jwt: undefined,
        revalidateMs: 50,
        identify: () => {
          asked += 1;
          return { recipient: 'hedy', audiences: asked % 2 ? groups : [...groups].reverse() };
        },
      },
    });
    const open = async (after?: string): Promise<SseClient> => {
      const client = await connect(`${host.origin}/v1/stream`, {
        headers: after === undefined ? {} : { 'last-event-id': after },
      });
      clients.push(client);
      await client.waitFor(({ event }) => event === 'feed.ready');
      return client;
    };
    const before = await open();
    await announce(one, { audience: 'second' }, 'of the second');
    const { id } = await until(before, 'of the second');
    const askedBefore = asked;
    await eventually(() => asked >= askedBefore + 4);
    expect(before.frames.map(({ event }) => event)).not.toContain('feed.closing');

    groups = ['first', 'third'];
    const closing = await before.waitFor(({ event }) => event === 'feed.closing');
    expect(JSON.parse(closing.data!)).toMatchObject({ reason: 'credential-expired' });
    const after = await open(id!);
    await announce(one, { audience: 'second' }, 'not any more');
    await announce(one, { audience: 'third' }, 'of the third');
    await until(after, 'of the third');
    expect(titles(after.frames)).toEqual(['of the third']);
  });

  it('refuses a token whose audiences are no names', async () => {
    for (const groups of [7, ['ok', ''], [['a']], Array.from({ length: 101 }, (_, index) => `g${index}`)]) {
      const response = await fetch(`${one.origin}/v1/notifications`, {
        headers: { authorization: `Bearer ${await tokenOf('ada', groups)}` },
      });
      expect(response.status).toBe(401);
      expect(await response.json()).toMatchObject({ detail: expect.stringContaining('groups') });
    }
  });
});

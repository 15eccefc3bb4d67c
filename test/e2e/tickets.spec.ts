import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Logger } from '@nestjs/common';
import { EventSource } from 'eventsource';
import type { Streams } from '../../src/contract/ports/stream.js';
import { STREAMS } from '../../src/contract/tokens.js';
import { API_KEY, House, task, token, type Instance } from '../guarantees/house.js';
import { eventually } from '../support/eventually.js';
import { SseParser } from '../support/sse-parser.js';

interface Ticket {
  readonly ticket: string;
  readonly expiresAt: string;
}

const ADMIN_KEY = 'a-key-of-the-admins-1';

describe('tickets for streams', () => {
  let house: House;
  let one: Instance;
  let other: Instance;
  /** Identifies by a header, as a host with sessions of its own. */
  let host: Instance;
  const logged: string[] = [];

  beforeAll(async () => {
    house = await House.open('Postgres');
    const http = { adminApiKeys: [ADMIN_KEY] };
    one = await house.start({ retention: { sweepMs: 100 }, http });
    other = await house.start({ roles: ['api'], http });
    const identify = ({ headers }: { headers: Record<string, string | undefined> }) => {
      const [recipient, tenant] = (headers['user'] ?? '').split('@');
      return recipient ? { recipient, tenant, audiences: ['pro'] } : null;
    };
    host = await house.start({
      roles: ['api'],
      http: { jwt: undefined, identify: (request) => identify(request as never), revalidateMs: 1_500 },
    });
    const log = (...parts: unknown[]): void => void logged.push(parts.join(' '));
    Logger.overrideLogger({ log, warn: log, error: log, debug: log, verbose: log });
  });
  afterAll(() => house.close());

  const asked = async (at: Instance, headers: Record<string, string>, query = ''): Promise<Response> =>
    fetch(`${at.origin}/v1/tickets${query}`, { method: 'POST', headers });
  const issue = async (recipient = 'ada', at = one): Promise<string> => {
    const response = await asked(at, { authorization: `Bearer ${await token(recipient)}` });
    return ((await response.json()) as Ticket).ticket;
  };
  const use = (at: Instance, ticket: string, init: RequestInit = {}): Promise<Response> =>
    fetch(`${at.origin}/v1/stream?ticket=${ticket}`, init);
  const left = (): Promise<{ n: number }[]> =>
    house.sql<{ n: number }>('SELECT count(*)::integer AS n FROM tidings.ticket');

  it('are issued to whoever has a credential, for 30 s, and kept as a hash', async () => {
    const response = await asked(one, { authorization: `Bearer ${await token('ada')}` });
    expect([response.status, response.headers.get('cache-control')]).toEqual([201, 'private, no-store']);
    const { ticket, expiresAt } = (await response.json()) as Ticket;
    expect(ticket).toMatch(/^[\w-]{43}$/);
    expect(Date.parse(expiresAt) - Date.now()).toBeGreaterThan(28_000);
    expect(Date.parse(expiresAt) - Date.now()).toBeLessThan(31_000);
    const rows = await house.sql<{ row: string }>('SELECT t::text AS row FROM tidings.ticket t');
    expect(rows.map(({ row }) => row).join()).not.toContain(ticket);
    expect((await asked(one, {})).status).toBe(401);
    expect((await asked(one, { authorization: `Bearer ${await token('ada')}` }, '?x=1')).status).toBe(400);
  });

  it('open one stream of their recipient, on any instance, at the cursor of the URL', async () => {
    await one.publish({ type: 'task-completed', to: 'bob', data: task('1') });
    const response = await use(other, `${await issue('bob')}&lastEventId=0&as=message`);
    expect(response.headers.get('content-type')).toBe('text/event-stream');
    let text = '';
    for await (const chunk of response.body!) {
      text += Buffer.from(chunk as Uint8Array).toString();
      if (text.includes('Task 1')) break;
    }
    expect(new SseParser().push(text).map(({ event }) => event)).toEqual(['feed.ready', '']);
  });

  it('are valid once, however many try at the same moment', async () => {
    const ticket = await issue();
    const answers = await Promise.all(
      Array.from({ length: 20 }, (_, index) => use(index % 2 ? one : other, ticket)),
    );
    expect(answers.map(({ status }) => status).toSorted()).toEqual([200, ...Array<number>(19).fill(401)]);
    const refused = answers.find(({ status }) => status === 401)!;
    expect(await refused.json()).toMatchObject({
      code: 'unauthenticated',
      detail: expect.stringMatching(/ticket/),
    });
    for (const { body, bodyUsed } of answers) if (!bodyUsed) await body?.cancel();
  });

  it('are not used up by whoever only looks', async () => {
    const ticket = await issue();
    expect((await use(one, ticket, { method: 'HEAD' })).status).toBe(200);
    const opened = await use(one, ticket);
    expect(opened.status).toBe(200);
    await opened.body!.cancel();
  });

  it('are refused when they are too old, made up, twice in the URL or beside a credential in it', async () => {
    const ticket = await issue();
    await house.sql(`UPDATE tidings.ticket SET usable_until = clock_timestamp() + interval '1 hour'`);
    expect((await use(one, `${ticket}&ticket=${ticket}`)).status).toBe(400);
    expect((await use(one, `${ticket}&token=x`)).status).toBe(400);
    const late = await issue();
    await house.sql(`UPDATE tidings.ticket SET usable_until = clock_timestamp()
                      WHERE usable_until < clock_timestamp() + interval '1 minute'`);
    for (const bad of [late, 'x', '', 'x'.repeat(43)]) expect((await use(one, bad)).status).toBe(401);
    // Beside it a valid credential counts for nothing: the page means the ticket.
    const headers = { authorization: `Bearer ${await token('ada')}` };
    expect((await use(one, late, { headers })).status).toBe(401);
  });

  it('end their stream with the credential, and where that has no end, when it would be checked again', async () => {
    const response = await asked(host, { user: 'eve@acme' });
    const { ticket } = (await response.json()) as Ticket;
    const [row] = await house.sql<object>(
      'SELECT tenant, recipient, audiences FROM tidings.ticket WHERE recipient = $1',
      ['eve'],
    );
    expect(row).toEqual({ tenant: 'acme', recipient: 'eve', audiences: ['all', 'pro'] });
    const text = await (await use(other, ticket)).text();
    expect(new SseParser().push(text).at(-1)).toMatchObject({
      event: 'feed.closing',
      data: expect.stringContaining('credential-expired'),
    });
  });

  it('leave an EventSource, which comes back by itself with the used one, a last frame that says so', async () => {
    const url = `${one.origin}/v1/stream?ticket=${await issue('carl')}`;
    const source = new EventSource(url);
    const control: { reason: string; retryInMs: number }[] = [];
    source.addEventListener('feed.closing', ({ data }) => control.push(JSON.parse(data as string) as never));
    await new Promise((resolve) => source.addEventListener('feed.ready', resolve));
    await fetch(`${one.origin}/v1/feeds/carl/disconnect`, {
      method: 'POST',
      headers: { 'x-api-key': ADMIN_KEY },
    });
    await eventually(() =>
      expect(control.map(({ reason }) => reason)).toEqual(['revoked', 'ticket-invalid']),
    );
    // So that a page which does not listen does no harm.
    expect(control[1]!.retryInMs).toBe(3_600_000);
    source.close();
  });

  it.each(['busy', 'draining'])(
    'leave an EventSource whose first stream is refused (%s) a last frame, too',
    async (reason) => {
      const full = await house.start({ roles: ['api'], stream: { maxPerRecipient: 1 } });
      if (reason === 'busy') await full.stream('ivy');
      else await full.app.get<Streams>(STREAMS, { strict: false }).drain();
      const source = new EventSource(`${full.origin}/v1/stream?ticket=${await issue('ivy')}`);
      try {
        const told: unknown[] = [];
        source.addEventListener('feed.closing', ({ data, lastEventId }) => {
          told.push([(JSON.parse(data as string) as { reason: string }).reason, lastEventId]);
        });
        source.addEventListener('error', ({ code }) => code && told.push(code));
        await eventually(() =>
          expect(told).toEqual([
            [reason, 'now'],
            ['ticket-invalid', 'now'],
          ]),
        );
      } finally {
        source.close();
      }
      // Its id is good for the next ticket.
      const next = await one.stream('ivy', { query: `?ticket=${await issue('ivy')}&lastEventId=now` });
      expect(next.frames.map(({ event }) => event)).toEqual(['feed.ready']);
    },
  );

  it('go with the streams that are ended, and with the recipient that is erased', async () => {
    const [ended, erased, kept] = await Promise.all([issue('dan'), issue('finn'), issue('gina')]);
    const admin = (path: string, method: string): Promise<Response> =>
      fetch(`${one.origin}/v1/feeds/${path}`, { method, headers: { 'x-api-key': ADMIN_KEY } });
    await admin('dan/disconnect', 'POST');
    expect((await admin('finn', 'DELETE')).status).toBe(200);
    await eventually(async () => {
      const rows = await house.sql<{ recipient: string }>(
        `SELECT recipient FROM tidings.ticket WHERE recipient IN ('dan', 'finn', 'gina')`,
      );
      expect(rows).toEqual([{ recipient: 'gina' }]);
    });
    expect((await use(one, ended)).status).toBe(401);
    expect((await use(one, erased)).status).toBe(401);
    const opened = await use(one, kept);
    expect(opened.status).toBe(200);
    await opened.body!.cancel();
  });

  it('are deleted when nobody has used them, and are in no line of the log', async () => {
    const tickets = await Promise.all([issue(), issue()]);
    await house.sql(`UPDATE tidings.ticket SET usable_until = clock_timestamp()`);
    await eventually(async () => expect(await left()).toEqual([{ n: 0 }]));
    for (const ticket of tickets) {
      await use(one, ticket);
      await fetch(`${one.origin}/v1/notifications?ticket=${ticket}`, { headers: { 'x-api-key': API_KEY } });
    }
    expect(logged.join('\n')).not.toMatch(new RegExp(tickets.join('|')));
  });
});

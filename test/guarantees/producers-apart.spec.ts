import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { keyId } from '../../src/contract/model/producer-key.js';
import { eventually } from '../support/eventually.js';
import { House, onBothBackends, type Instance } from './house.js';

const KEYS = {
  orders: 'orders-key-0000001',
  rotated: 'orders-key-0000002',
  billing: 'billing-key-000001',
  acme: 'acme-key-000000001',
  globex: 'globex-key-0000001',
  unbound: 'unbound-key-000001',
  ops: 'ops-key-0000000001',
  press: 'press-key-00000001',
};
const LATER = '2100-01-01T00:00:00Z';

onBothBackends('Producers that share a deployment', (backend) => {
  let house: House;
  let direct: Instance;
  let queued: Instance;

  beforeAll(async () => {
    house = await House.open(backend);
    const http = {
      producerApiKeys: [
        `orders:${KEYS.orders}@acme`,
        `orders:${KEYS.rotated}@acme`,
        `billing:${KEYS.billing}@acme`,
        `${KEYS.acme}@acme`,
        `orders:${KEYS.globex}@globex`,
        KEYS.unbound,
        `ops:${KEYS.ops};any-sender`,
        `${KEYS.press};audiences`,
      ],
    };
    direct = await house.start({ http });
    queued = await house.start({ http, delivery: 'queue' });
  }, 60_000);
  afterAll(() => house.close());

  type Who = keyof typeof KEYS;
  const call = (who: Who, method: string, path: string, body?: object, at = direct): Promise<Response> =>
    fetch(`${at.origin}/v1/${path}`, {
      method,
      headers: { 'x-api-key': KEYS[who], 'content-type': 'application/json' },
      body: body && JSON.stringify(body),
    });
  const publish = async (who: Who, more: object, at = direct): Promise<Response> =>
    call(
      who,
      'POST',
      'notifications',
      { type: 'task-completed', data: { taskId: '1', title: 'T', status: 'succeeded' }, to: 'ada', ...more },
      at,
    );
  const published = async (who: Who, more: object, at = direct): Promise<string> => {
    const response = await publish(who, more, at);
    expect(response.status).toBe(202);
    return ((await response.json()) as { jobs: { id: string }[] }).jobs[0]!.id;
  };
  const recall = async (who: Who, body: object): Promise<string | number> => {
    const response = await call(who, 'POST', 'notifications/recall', { to: 'ada', ...body });
    if (response.status !== 200) return response.status;
    return ((await response.json()) as { results: { outcome: string }[] }).results[0]!.outcome;
  };
  const cancel = async (who: Who, id: string): Promise<number> =>
    (await call(who, 'DELETE', `jobs/${id}`)).status;

  it('publish only into the tenant that their key is bound to, which is its default', async () => {
    const refused = await publish('acme', { tenant: 'globex' });
    expect([refused.status, await refused.json()]).toEqual([
      403,
      expect.objectContaining({ detail: 'The API key is bound to the tenant "acme".' }),
    ]);
    expect((await publish('acme', { tenant: '' })).status).toBe(403);
    await published('acme', { to: 'bound' });
    await published('unbound', { to: 'bound', tenant: 'globex' });
    const feeds = await house.sql('SELECT tenant FROM tidings.feed WHERE recipient = $1 ORDER BY 1', [
      'bound',
    ]);
    expect(feeds).toEqual([{ tenant: 'acme' }, { tenant: 'globex' }]);
    expect(await recall('acme', { tenant: 'globex', dedupeKey: 'x' })).toBe(403);
  });

  it('leave the hashed id of their key on each job, also with a key that has no name and no tenant', async () => {
    // They wait on the queue.
    const ids = await Promise.all(
      (['unbound', 'orders'] as const).map((who) => published(who, { deliverAt: LATER }, queued)),
    );
    const jobs = await Promise.all(ids.map((id) => house.queue().getJob(id)));
    const carried = jobs.map((job) => JSON.parse(job!.opts.telemetry!.metadata!) as object);
    expect(carried).toEqual(
      [KEYS.unbound, KEYS.orders].map((key) => ({ 'x-api-key-id': keyId('producer', key) })),
    );
  });

  it('are told that a job with their Idempotency-Key and dedupe key was delivered, when they cancel it', async () => {
    const response = await fetch(`${direct.origin}/v1/notifications`, {
      method: 'POST',
      headers: {
        'x-api-key': KEYS.orders,
        'content-type': 'application/json',
        'idempotency-key': 'named-once',
      },
      body: JSON.stringify({
        type: 'task-completed',
        data: { taskId: '1', title: 'Named', status: 'succeeded' },
        to: 'ada',
        dedupeKey: 'named-once',
      }),
    });
    const { jobs } = (await response.json()) as { jobs: [{ id: string; outcome: string }] };
    expect(jobs[0].outcome).toBe('delivered');
    expect(await cancel('orders', jobs[0].id)).toBe(409);
  });

  it('cannot pretend to be another sender', async () => {
    const response = await publish('billing', { sender: { name: 'orders' } });
    expect([response.status, await response.text()]).toEqual([
      400,
      expect.stringContaining('must not be given'),
    ]);
    expect(await recall('billing', { dedupeKey: 'x', sender: 'orders' })).toBe(403);
    expect(await recall('billing', { dedupeKey: 'x', sender: null })).toBe(403);
  });

  describe.each(['direct', 'queue'])('over the door "%s"', (door) => {
    const at = (): Instance => (door === 'direct' ? direct : queued);
    const delivered = async (dedupeKey: string): Promise<void> => {
      await eventually(async () => {
        const rows = await house.sql('SELECT FROM tidings.entry WHERE title LIKE $1', [`%${dedupeKey}%`]);
        return rows.length > 0;
      });
    };
    const titled = (dedupeKey: string): object => ({
      dedupeKey,
      data: { taskId: '1', title: dedupeKey, status: 'succeeded' },
    });

    it('recall only what a key of their own name has sent', async () => {
      const key = `${door}-recall`;
      await published('orders', titled(key), at());
      await delivered(key);
      // A stranger takes a key of its own, which hits nobody else.
      expect(await recall('billing', { dedupeKey: key })).toBe('prevented');
      expect(await recall('acme', { dedupeKey: key })).toBe('prevented');
      expect(await recall('rotated', { dedupeKey: key })).toBe('recalled');
    });

    it('are recalled by a key that is not bound, or has the scope, by their name', async () => {
      for (const who of ['unbound', 'acme', 'ops'] as const) {
        const key = `${door}-by-${who}`;
        await published('orders', titled(key), at());
        await delivered(key);
        expect(await recall(who, { tenant: 'acme', dedupeKey: key, sender: 'orders' })).toBe('recalled');
      }
    });

    it('cannot keep another producer from sending, by a recall or a dedupe key in advance', async () => {
      const key = `${door}-advance`;
      expect(await recall('billing', { dedupeKey: key })).toBe('prevented');
      await published('billing', titled(key), at());
      await published('orders', titled(key), at());
      await delivered(key);
    });
  });

  it('cancel only what a key of their own name has sent, or in their tenant', async () => {
    const id = await published('orders', { deliverAt: LATER });
    expect(await cancel('billing', id)).toBe(404);
    expect(await cancel('rotated', id)).toBe(200);
    const globex = await published('unbound', { deliverAt: LATER, tenant: 'globex' });
    expect(await cancel('acme', globex)).toBe(404);
    expect(await cancel('orders', globex)).toBe(404);
    expect(await cancel('unbound', globex)).toBe(200);
    const again = await published('billing', { deliverAt: LATER });
    expect(await cancel('acme', again)).toBe(200);
  });

  it('cancel no row of the outbox unless they are unbound or it is of their tenant', async () => {
    const stage = async (tenant: string): Promise<string> => {
      const [row] = await house.sql<{ id: string }>(
        `INSERT INTO tidings.outbox (type, recipients, tenant, data, deliver_at)
         VALUES ('task-completed', '{ada}', $1, '{"taskId":"1","title":"T","status":"succeeded"}', $2) RETURNING id`,
        [tenant, LATER],
      );
      return `outbox-${row!.id}`;
    };
    const id = await stage('acme');
    expect(await cancel('orders', await stage('acme'))).toBe(409); // as any well-formed id of an outbox row
    expect(await cancel('acme', id)).toBe(200);
    expect(await cancel('acme', await stage('globex'))).toBe(409);
    expect(await cancel('unbound', await stage('globex'))).toBe(200);
  });

  it.each(['with', 'without'])(
    'do not learn which jobs others have sent that were delivered at once, %s an Idempotency-Key',
    async (how) => {
      const once = async (who: Who): Promise<string> => {
        const response = await fetch(`${direct.origin}/v1/notifications`, {
          method: 'POST',
          headers: {
            'x-api-key': KEYS[who],
            'content-type': 'application/json',
            ...(how === 'with' && { 'idempotency-key': `of-${who}` }),
          },
          body: JSON.stringify({
            type: 'task-completed',
            data: { taskId: '1', title: 'T', status: 'succeeded' },
            to: 'ada',
          }),
        });
        const { jobs } = (await response.json()) as { jobs: [{ id: string; outcome: string }] };
        expect(jobs[0].outcome).toBe('delivered');
        return jobs[0].id;
      };
      const [orders, billing, globex] = [await once('orders'), await once('billing'), await once('globex')];
      for (const [who, id] of [
        ['billing', orders],
        ['orders', billing],
        ['orders', globex],
        ['acme', globex],
        ['globex', orders],
      ] as const) {
        expect([who, await cancel(who, id)]).toEqual([who, 404]);
      }
      for (const [who, id] of [
        ['orders', orders],
        ['billing', billing],
        ['globex', globex],
        ['unbound', orders],
        ['ops', billing],
      ] as const) {
        expect([who, await cancel(who, id)]).toEqual([who, 409]);
      }
      if (how === 'without') expect(await cancel('rotated', orders)).toBe(409);
    },
  );

  it('cancel announcements to audiences only with the scope "audiences"', async () => {
    const to = { audience: 'all' };
    const id = await published('press', {
      type: 'announcement',
      to,
      data: { title: 'T' },
      deliverAt: LATER,
    });
    expect(await cancel('unbound', id)).toBe(404);
    expect(await cancel('ops', id)).toBe(404);
    expect(await cancel('press', id)).toBe(200);
    for (const deliverAt of [LATER, '2000-01-01T00:00:00Z']) {
      const [row] = await house.sql<{ id: string }>(
        `INSERT INTO tidings.outbox (type, audience, data, deliver_at, failed_at)
         VALUES ('announcement', 'all', '{"title":"T"}', $1, $2) RETURNING id`,
        // The first one is soon on the queue; a refused one stays a row.
        [deliverAt, deliverAt === LATER ? null : new Date()],
      );
      expect(await cancel('unbound', `outbox-${row!.id}`)).toBe(409); // as any well-formed id of an outbox row
      expect(await cancel('press', `outbox-${row!.id}`)).toBe(200);
    }
  });

  it('leave the id of their key with the job, if it is bound: older workers do not know the field', async () => {
    const sender = async (who: Who): Promise<unknown> => {
      const id = await published(who, { deliverAt: LATER });
      const job = (await house.queue().getJob(id)) as { data: { sender?: object } };
      expect(JSON.stringify(job.data)).not.toContain(KEYS[who]);
      return job.data.sender;
    };
    const key = expect.stringMatching(/^[0-9a-f]{16}$/);
    expect(await sender('orders')).toEqual({ key, name: 'orders' });
    expect(await sender('acme')).toEqual({ key });
    expect(await sender('unbound')).toBeUndefined();
  });
});

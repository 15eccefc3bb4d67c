import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { SignJWT } from 'jose';
import { connect } from '../support/sse-client.js';
import { House, JWT_SECRET, numbered, onBothBackends, task, taskIds, untilTasks } from './house.js';

onBothBackends('G8: tenant and recipient come from the verified credential alone', (backend) => {
  let house: House;

  beforeEach(async () => {
    house = await House.open(backend);
  });

  afterEach(() => house.close());

  it('shows each of many recipients their own entries and nothing else', async () => {
    const instance = await house.start();
    const names = numbered(20, 'user-');
    const clients = await Promise.all(names.map((name) => instance.stream(name)));
    for (const round of numbered(5)) {
      await house
        .queue()
        .addBulk(names.map((to) => ({ name: 'task-completed', data: { to, data: task(`${to}/${round}`) } })));
    }
    for (const [index, client] of clients.entries()) {
      expect((await untilTasks(client, 5)).sort()).toEqual(numbered(5, `${names[index]}/`));
    }
  });

  it('accepts no parameter or header as the name of a feed', async () => {
    const instance = await house.start();
    await house.add('grace', 'for grace');
    const { body } = await (async () => {
      const grace = await instance.stream('grace', { after: '0' });
      await untilTasks(grace, 1);
      return { body: grace.raw };
    })();
    expect(body).toContain('for grace');
    for (const query of [
      '?recipient=grace',
      '?sub=grace',
      '?user=grace',
      '?feed=grace',
      '?to=grace',
      '?tenant=&recipient=grace',
    ]) {
      const client = await instance.stream('ada', { query: `${query}&lastEventId=0` });
      await house.add('ada', `for ada ${query}`);
      await untilTasks(client, 1);
      expect(
        taskIds(client.frames).filter((id) => id.includes('grace') && !id.startsWith('for ada')),
      ).toEqual([]);
      await client.close();
      await house.sql(`DELETE FROM tidings.entry WHERE data->>'taskId' LIKE 'for ada%'`);
    }
  });

  it('keeps names apart that storage might fold into one', async () => {
    const instance = await house.start();
    const names = ['ada', 'Ada', 'ada ', ' ada', 'ада', 'a\u0308da', 'äda', 'ad', 'ada%', 'ad_'];
    const clients = await Promise.all(names.map((name) => instance.stream(name)));
    await house
      .queue()
      .addBulk(names.map((to, index) => ({ name: 'task-completed', data: { to, data: task(`${index}`) } })));
    for (const [index, client] of clients.entries())
      expect(await untilTasks(client, 1)).toEqual([`${index}`]);
  });
});

describe('G8: tenants', () => {
  it('are part of the key of every feed: the same name in another tenant is another recipient', async () => {
    const house = await House.open('Postgres');
    try {
      const instance = await house.start({ http: { jwt: { secret: JWT_SECRET, tenantClaim: 'org' } } });
      const streamOf = async (org: string) => {
        const jwt = await new SignJWT({ sub: 'ada', org })
          .setProtectedHeader({ alg: 'HS256' })
          .setExpirationTime('1h')
          .sign(new TextEncoder().encode(JWT_SECRET));
        const client = await connect(`${instance.origin}/v1/stream`, {
          headers: { authorization: `Bearer ${jwt}` },
        });
        await client.waitFor(({ event }) => event === 'feed.ready');
        return client;
      };
      const [acme, umbrella] = await Promise.all([streamOf('acme'), streamOf('umbrella')]);
      await house.add('ada', 'acme', { tenant: 'acme' });
      await house.add('ada', 'umbrella', { tenant: 'umbrella' });
      expect(await untilTasks(acme, 1)).toEqual(['acme']);
      expect(await untilTasks(umbrella, 1)).toEqual(['umbrella']);
      await acme.close();
      await umbrella.close();
    } finally {
      await house.close();
    }
  });
});

import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { RedisStreamCounts } from '../../src/live/redis-stream-counts.js';
import { House, type Instance } from '../guarantees/house.js';
import { eventually } from '../support/eventually.js';
import type { SseClient } from '../support/sse-client.js';
import { describeWith } from '../support/tools.js';

const FEED = { tenant: '', recipient: 'ada' };

describeWith('redis-server', 'the limit of streams for a recipient, over instances', () => {
  let house: House;
  let one: Instance;
  let other: Instance;

  beforeAll(async () => {
    house = await House.open('Redis');
    const options = { roles: ['api' as const], stream: { maxPerRecipient: 3 } };
    one = await house.start(options);
    other = await house.start(options);
  }, 60_000);
  afterAll(() => house.close());

  /** Opens a stream and tells whether it was one too many. */
  const open = async (
    instance: Instance,
    recipient: string,
  ): Promise<{ client: SseClient; busy: boolean }> => {
    const client = await instance.stream(recipient);
    const isClosing = ({ event }: { event: string }): boolean => event === 'feed.closing';
    const busy = await client.waitFor(isClosing, { timeoutMs: 500 }).then(
      ({ data }) => data!.includes('"busy"'),
      () => false,
    );
    return { client, busy };
  };

  /** An instance hears of another with its next sign of life. */
  const untilBusy = (instance: Instance): Promise<unknown> =>
    eventually(
      async () => {
        const { client, busy } = await open(instance, 'ada');
        await client.close();
        expect(busy).toBe(true);
      },
      { timeoutMs: 15_000 },
    );

  it('closes the newest, wherever the others are, and lets one in when one has left', async () => {
    // The instances hear of each other with their second sign of life.
    await open(one, 'first');
    await open(other, 'first');
    const clients = [await open(one, 'ada'), await open(one, 'ada'), await open(other, 'ada')];
    expect(clients.map(({ busy }) => busy)).toEqual([false, false, false]);
    await untilBusy(other);
    await untilBusy(one);
    expect((await open(one, 'bob')).busy).toBe(false);

    await clients[0]!.client.close();
    await eventually(async () => expect((await open(other, 'ada')).busy).toBe(false));
    await untilBusy(one);
  }, 60_000);

  it('forgets an instance that gives no sign of life, and what it said before its connection was lost', async () => {
    const counts = (): RedisStreamCounts => new RedisStreamCounts(house.redis!.url, 'bull', 'test', 50);
    const [first, second] = [counts(), counts()];
    try {
      await eventually(async () => {
        await first.share(FEED, 2);
        expect(await second.share(FEED, 5)).toBe(2);
        expect(await first.share(FEED, 2)).toBe(5);
      });
      expect(await second.share({ ...FEED, tenant: 'acme' }, 1)).toBe(0);
      await second.share(FEED, 0);
      expect(await first.share(FEED, 2)).toBe(0);
      await second.share(FEED, 4);

      // Redis is unavailable: everybody passes.
      await house.redis!.stop();
      expect(await first.share(FEED, 3)).toBe(0);
      await house.redis!.start();
      // What each has said is kept in the append-only file, under names that nobody has now.
      await eventually(async () => {
        await second.share(FEED, 1);
        expect(await first.share(FEED, 3)).toBe(1);
      });
    } finally {
      await Promise.all([first.close(), second.close()]);
    }
  }, 60_000);
});

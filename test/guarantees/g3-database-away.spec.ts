import { afterEach, beforeEach, expect, it } from '@jest/globals';
import { setTimeout as delay } from 'node:timers/promises';
import { Follower } from './follower.js';
import { House, numbered, onBothBackends } from './house.js';
import { eventually } from '../support/eventually.js';

onBothBackends('G3: an outage of the database', (backend) => {
  let house: House;

  beforeEach(async () => {
    house = await House.open(backend, { ownPostgres: true });
  });

  afterEach(() => house.close());

  const everythingOnce = async (follower: Follower, ids: string[], timeoutMs: number): Promise<void> => {
    await eventually(() => follower.all.length >= ids.length, { timeoutMs });
    await follower.stop();
    expect([...follower.received].sort()).toEqual([...ids].sort());
    expect(follower.outOfOrder).toEqual([]);
    expect(follower.control.filter((frame) => frame.startsWith('feed.reset'))).toEqual([]);
  };

  if (backend === 'Redis') {
    it('delivers the jobs accepted during an outage of 30 s', async () => {
      const instance = await house.start();
      const follower = new Follower('ada', () => [instance.origin]);
      await house.add('ada', 'before');
      await eventually(() => follower.all.length === 1);
      await house.postgres!.stop('fast');
      const ids = numbered(300);
      await house.addMany('ada', ids);
      // The length of the outage is what is tested.
      await delay(30_000);
      await house.postgres!.start();
      await everythingOnce(follower, ['before', ...ids], 40_000);
      expect(await house.queue().getFailedCount()).toBe(0);
    }, 120_000);
  }

  it.each(['fast', 'immediate'] as const)(
    'delivers everything over a restart (%s) under load',
    async (mode) => {
      const instance = await house.start();
      const follower = new Follower('ada', () => [instance.origin]);
      const ids = numbered(400);
      await house.addMany('ada', ids);
      await eventually(() => follower.all.length > 20);
      await house.postgres!.restart(mode);
      await everythingOnce(follower, ids, 50_000);
    },
    90_000,
  );

  it('delivers everything after the database was frozen', async () => {
    const instance = await house.start({ database: { url: house.databaseUrl, queryTimeoutMs: 2_000 } });
    const follower = new Follower('ada', () => [instance.origin]);
    const ids = numbered(400);
    await house.addMany('ada', ids);
    await eventually(() => follower.all.length > 20);
    await house.postgres!.pause();
    // Longer than a query may take.
    await delay(4_000);
    await house.postgres!.resume();
    await everythingOnce(follower, ids, 60_000);
  }, 90_000);
});

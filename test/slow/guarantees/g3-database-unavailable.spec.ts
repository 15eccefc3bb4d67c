import { afterEach, beforeEach, it } from '@jest/globals';
import { setTimeout as delay } from 'node:timers/promises';
import { Follower, receivesOnce } from '../../guarantees/follower.js';
import { House, numbered, onBothBackends } from '../../guarantees/house.js';
import { eventually } from '../../support/eventually.js';

onBothBackends('G3: an outage of the database', (backend) => {
  let house: House;

  beforeEach(async () => {
    house = await House.open(backend, { ownPostgres: true });
  });

  afterEach(() => house.close());

  it.each(['fast', 'immediate'] as const)(
    'delivers everything over a restart (%s) under load',
    async (mode) => {
      const instance = await house.start();
      const follower = new Follower('ada', () => [instance.origin]);
      const ids = numbered(400);
      await house.addMany('ada', ids);
      await eventually(() => follower.all.length > 20);
      await house.postgres!.restart(mode);
      await receivesOnce(follower, ids, 50_000);
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
    await receivesOnce(follower, ids, 60_000);
  }, 90_000);
});

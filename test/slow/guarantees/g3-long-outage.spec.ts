import { expect, it } from '@jest/globals';
import { setTimeout as delay } from 'node:timers/promises';
import { Follower, receivesOnce } from '../../guarantees/follower.js';
import { House, numbered } from '../../guarantees/house.js';
import { eventually } from '../../support/eventually.js';
import { describeWith } from '../../support/tools.js';

describeWith('redis-server', 'G3: a long outage of the database, with the queue on Redis', () => {
  it('delivers the jobs accepted during an outage of 30 s', async () => {
    const house = await House.open('Redis', { ownPostgres: true });
    try {
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
      await receivesOnce(follower, ['before', ...ids], 40_000);
      expect(await house.queue().getFailedCount()).toBe(0);
    } finally {
      await house.close();
    }
  }, 120_000);
});

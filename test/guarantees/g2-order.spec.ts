import { afterEach, beforeEach, expect, it } from '@jest/globals';
import { House, numbered, onBothBackends, seqs, untilTasks } from './house.js';

onBothBackends('G2: on every connection the numbers only grow', (backend) => {
  let house: House;

  beforeEach(async () => {
    house = await House.open(backend);
  });

  afterEach(() => house.close());

  it('keeps the order on every instance while two workers append to one feed', async () => {
    const instances = [await house.start(), await house.start()];
    const clients = await Promise.all(
      [0, 1, 0, 1].map((which) => instances[which]!.stream('ada', { after: '0' })),
    );
    await Promise.all(numbered(4).map((producer) => house.addMany('ada', numbered(50, `${producer}-`))));
    const all = Array.from({ length: 200 }, (_, index) => index + 1);
    for (const client of clients) {
      await untilTasks(client, 200, 20_000);
      expect(seqs(client.frames)).toEqual(all);
    }
  });
});

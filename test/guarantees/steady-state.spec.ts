import { afterEach, beforeEach, expect, it } from '@jest/globals';
import { NO_METRICS } from '../../src/contract/ports/metrics.js';
import { House, numbered, onBothBackends, seqs, untilTasks } from './house.js';

onBothBackends('The steady state', (backend) => {
  let house: House;

  beforeEach(async () => {
    house = await House.open(backend);
  });

  afterEach(() => house.close());

  it('serves connected clients from memory, without a read of the log', async () => {
    let pagesRead = 0;
    const delivered = { memory: 0, log: 0 };
    const instance = await house.start({
      // The check of heads may know of an entry a moment before the bus brings it, and would read it.
      stream: { headCheckMs: 600_000 },
      metrics: {
        ...NO_METRICS,
        pagesRead: (count) => (pagesRead += count),
        entriesDelivered: (count, from) => (delivered[from] += count),
      },
    });
    const client = await instance.stream('ada');
    // A stream that is opened while the bus still connects reads the log once more when it has; that is no steady state.
    await house.add('ada', 'first');
    await untilTasks(client, 1);
    pagesRead = delivered.memory = delivered.log = 0;

    for (const id of numbered(50)) await house.add('ada', id);
    await untilTasks(client, 51);
    expect(seqs(client.frames)).toHaveLength(51);
    expect(delivered).toEqual({ memory: 50, log: 0 });
    expect(pagesRead).toBe(0);
  });
});

import { afterEach, beforeEach, expect, it } from '@jest/globals';
import { NO_METRICS } from '../../../src/contract/ports/metrics.js';
import { House, numbered, onBothBackends, task } from '../../guarantees/house.js';
import { eventually } from '../../support/eventually.js';

const ENTRY_BYTES = 60_000;

onBothBackends('G7: a reader that is slow', (backend) => {
  let house: House;

  beforeEach(async () => {
    house = await House.open(backend);
  });

  afterEach(() => house.close());

  it('stays connected while it takes something now and then', async () => {
    const ends: string[] = [];
    const instance = await house.start({
      stream: { stalledAfterMs: 1_500 },
      metrics: { ...NO_METRICS, streamClosed: (reason) => ends.push(reason) },
    });
    const filler = 'x'.repeat(ENTRY_BYTES);
    const job = (id: string) => ({
      name: 'task-completed',
      data: { to: 'ada', data: { ...task(id), title: filler } },
    });
    for (let sent = 0; sent < 400; sent += 50) await house.queue().addBulk(numbered(50, `${sent}-`).map(job));
    await eventually(async () => (await house.queue().getCompletedCount()) === 400, { timeoutMs: 40_000 });
    const slow = await instance.stream('ada', { after: '0' });
    slow.pause();
    const startedAt = Date.now();
    // Reads in short bursts, for longer than a reader may take nothing.
    while (Date.now() - startedAt < 4_500) {
      const seen = slow.frames.length;
      slow.resume();
      await eventually(() => slow.frames.length >= seen + 20 || slow.frames.length > 400, {
        timeoutMs: 10_000,
        everyMs: 1,
      });
      slow.pause();
      await new Promise((resolve) => setTimeout(resolve, 300));
    }
    slow.resume();
    await slow.waitFor(({ id }) => id !== null && id.endsWith('-400'), { timeoutMs: 30_000 });
    expect(ends).toEqual([]);
  }, 120_000);
});

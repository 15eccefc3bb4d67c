import { afterEach, beforeEach, expect, it } from '@jest/globals';
import { NO_METRICS } from '../../src/contract/ports/metrics.js';
import { eventually } from '../support/eventually.js';
import { House, numbered, onBothBackends, task, taskIds } from './house.js';

/** More than the buffers of two sockets on loopback hold together. */
const MOST_HELD_BYTES = 16 * 1024 * 1024;
const ENTRY_BYTES = 60_000;

onBothBackends('G7: a reader that does not read holds one page and the buffers of its socket', (backend) => {
  let house: House;

  beforeEach(async () => {
    house = await House.open(backend);
  });

  afterEach(() => house.close());

  it('holds one page for a reader that takes nothing, serves the others, and ends its stream after a while', async () => {
    let delivered = 0;
    const ends: string[] = [];
    const instance = await house.start({
      stream: { stalledAfterMs: 3_000 },
      retention: { maxEntries: 10_000 },
      metrics: {
        ...NO_METRICS,
        entriesDelivered: (count) => (delivered += count),
        streamClosed: (reason) => ends.push(reason),
      },
    });
    const stalled = await instance.stream('ada');
    stalled.pause();
    const filler = 'x'.repeat(ENTRY_BYTES);
    const job = (id: string) => ({
      name: 'task-completed',
      data: { to: 'ada', data: { ...task(id), title: filler } },
    });
    const total = 360;
    for (let sent = 0; sent < total; sent += 60) {
      await house.queue().addBulk(numbered(60, `${sent}-`).map(job));
    }
    const stalledAt = eventually(() => ends.includes('stalled'), { timeoutMs: 40_000 });
    await eventually(async () => (await house.queue().getCompletedCount()) === total, { timeoutMs: 40_000 });
    expect(delivered * ENTRY_BYTES * 2).toBeLessThan(MOST_HELD_BYTES * 2);
    expect(delivered).toBeLessThan(total / 2);

    // The same feed, and another one, for readers that read.
    const other = await instance.stream('grace');
    await house.add('grace', 'for grace');
    await other.waitFor(({ event }) => event === 'task-completed');
    await stalledAt;
    stalled.resume();
    expect(await stalled.closed).toBe('broken');

    // What it missed is there for it when it comes back.
    const { lastEventId } = stalled.frames.at(-1)!;
    const back = await instance.stream('ada', { after: lastEventId });
    await back.waitFor(({ id }) => id !== null && id.endsWith(`-${total}`), { timeoutMs: 30_000 });
    expect(taskIds(stalled.frames).length + taskIds(back.frames).length).toBe(total);
  }, 120_000);

  it('replays a long history page by page, not all at once', async () => {
    const reads: number[] = [];
    const instance = await house.start({
      metrics: { ...NO_METRICS, entriesDelivered: (count) => reads.push(count) },
    });
    const filler = 'x'.repeat(ENTRY_BYTES);
    const job = (id: string) => ({
      name: 'task-completed',
      data: { to: 'ada', data: { ...task(id), title: filler } },
    });
    await house.queue().addBulk(numbered(60).map(job));
    await eventually(async () => (await house.queue().getCompletedCount()) === 60, { timeoutMs: 20_000 });
    const client = await instance.stream('ada', { after: '0' });
    await client.waitFor(({ id }) => id !== null && id.endsWith('-60'), { timeoutMs: 20_000 });
    // Title and data both have the filler: two entries are a page.
    expect(Math.max(...reads)).toBeLessThanOrEqual(2);
  }, 60_000);
});

import { sleep, type Fault } from './fault.js';

const HOUR_MS = 3_600_000;

const jump = (name: string, clockMs: number): Fault => ({
  name,
  part: 'clocks',
  async inject({ world, random, together }) {
    // A job that is put back while the worker's clock is ahead waits until the queue's other readers have come to that hour: rightly, as far
    // as anyone can tell. Jobs are only put back in an outage, so beside other faults the workers keep their clocks.
    const { service } = random.pick(together ? world.apis : world.houses);
    service.setClock(clockMs);
    await sleep(random.int(1_500, 3_000));
    service.setClock(0);
  },
});

export const CLOCK_FAULTS: readonly Fault[] = [
  jump('a clock goes an hour ahead and back', HOUR_MS),
  jump('a clock goes an hour back and ahead', -HOUR_MS),
];

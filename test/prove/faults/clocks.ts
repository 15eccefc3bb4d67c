import { sleep, type Fault } from './fault.js';

const HOUR_MS = 3_600_000;

const jump = (name: string, clockMs: number): Fault => ({
  name,
  part: 'clocks',
  async inject({ world, random }) {
    const { service } = random.pick(world.houses);
    service.setClock(clockMs);
    await sleep(random.int(1_500, 3_000));
    service.setClock(0);
  },
});

export const CLOCK_FAULTS: readonly Fault[] = [
  jump('a clock goes an hour ahead and back', HOUR_MS),
  jump('a clock goes an hour back and ahead', -HOUR_MS),
];

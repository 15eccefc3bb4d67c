import type { Lab } from '../lab.js';
import { median, type Row } from '../report.js';
import type { Target } from '../servers/target.js';

const TARGET = { atMost: 0.65 };

/** (d) Resident memory for each idle stream, against plain Nest. Every round in fresh processes: memory that was freed stays resident. */
export async function memory(lab: Lab): Promise<Row[]> {
  const { rounds } = lab.options.sizes;
  const starts = [
    () => lab.baseline('plain-nest'),
    ...lab.backends.map((backend) => () => lab.tidings(backend)),
  ];
  const results = starts.map(() => ({ name: '', kib: [] as number[] }));
  for (let round = 0; round < rounds; round++) {
    for (const [index, start] of starts.entries()) {
      const target = await start();
      const kib = await kibPerStream(lab, target);
      await lab.stop(target.child);
      const result = results[index];
      if (result) result.name = target.name;
      result?.kib.push(kib);
    }
  }
  const [nest, ...ours] = results;
  return ours.map(({ name, kib }): Row => ({
    part: 'd',
    what: `resident for each idle stream, ${name.replace('Tidings, ', '')}`,
    unit: 'KiB',
    tidings: median(kib),
    against: 'plain Nest',
    baseline: median(nest?.kib ?? []),
    target: TARGET,
  }));
}

async function kibPerStream(lab: Lab, target: Target): Promise<number> {
  const { load } = lab;
  const { idleStreams } = lab.options.sizes;
  // The first streams compile code and make pools: not a cost of each stream.
  const users = (prefix: string, length: number): string[] =>
    Array.from({ length }, (_, i) => `${prefix}-${i}`);
  await load.addStreams('first', await target.streams(users('first', Math.ceil(idleStreams / 10))));
  await load.openStreams('first', false);
  const before = await settledKib(lab, target);
  await load.addStreams(target.name, await target.streams(users('idle', idleStreams)));
  await load.openStreams(target.name, false);
  const after = await settledKib(lab, target);
  await load.closeStreams('first');
  await load.closeStreams(target.name);
  return (after - before) / idleStreams;
}

/** What the last requests left behind is gone when two looks in a row are about the same. */
async function settledKib(lab: Lab, target: Target): Promise<number> {
  let before = Infinity;
  for (let look = 0; look < 10; look++) {
    await new Promise((resolve) => setTimeout(resolve, 1_000));
    const now = await lab.residentKib(target.child);
    if (Math.abs(now - before) < 512) return now;
    before = now;
  }
  return before;
}

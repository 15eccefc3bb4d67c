import { processorUs } from '../cpu.js';
import { WARM_UP, type Lab } from '../lab.js';
import { median, type Row } from '../report.js';
import { USUAL } from '../servers/tidings.js';

const FEEDS = 100;
const CONNECTIONS = 10;
/** Each turn is short, so that what else the machine does meets all alike. */
const JOBS = 200;

const PRELOADS = {
  off: [],
  none: ['bench/servers/without-traces.mjs'],
  on: ['bench/servers/with-traces.mjs'],
} as const;

/**
 * CPU of the server for each POST: as it is without an SDK, with the calls that record traces taken out of its code, and with an SDK that records
 * everything. The three run side by side and take turns.
 */
export async function traces(lab: Lab): Promise<Row[]> {
  const { load, ground, options } = lab;
  const backend = ground.redisUrl === null ? 'postgres' : 'redis';
  const users = Array.from({ length: FEEDS }, (_, index) => `traced-${index}`);
  const candidates = await Promise.all(
    Object.entries(PRELOADS).map(async ([key, preloads]) => ({
      key,
      target: await lab.tidings(backend, { ...USUAL, preloads }),
      us: [] as number[],
    })),
  );
  const publish = async ({ target, us }: (typeof candidates)[number]): Promise<void> => {
    const before = processorUs(target.child.pid);
    await load.publish(target.publishing, users, JOBS, CONNECTIONS);
    us.push((processorUs(target.child.pid) - before) / JOBS);
  };
  for (const one of candidates) {
    await lab.measure(WARM_UP, one.target.child, 10 * JOBS, async () => {
      for (let turn = 0; turn < 10; turn++) await publish(one);
    });
    one.us.length = 0;
  }
  for (let turn = 0; turn < options.sizes.traceTurns; turn++) {
    // Who comes first has what the one before has left to do.
    const order = turn % 2 === 0 ? candidates : candidates.toReversed();
    for (const one of order) await publish(one);
  }
  await lab.stop(...candidates.map(({ target }) => target.child));

  const [off, none, on] = candidates.map(({ us }) => us) as [number[], number[], number[]];
  return [
    rowOf('POST, traces off', off, 'the calls taken out', none, { atMost: 1.02 }),
    rowOf('POST, every trace recorded', on, 'traces off', off, null),
  ];
}

/** The ratio is the median of those of each turn: the machine is faster at one time than at another. */
function rowOf(what: string, own: number[], against: string, other: number[], target: Row['target']): Row {
  const baseline = median(other);
  const ratio = median(own.map((us, turn) => us / other[turn]!));
  return { part: 'traces', what, unit: 'us of CPU', tidings: ratio * baseline, against, baseline, target };
}

import type { Proxy } from '../proxy.js';
import { LOSSY_BUS } from './redis.js';
import { sleep, type Fault, type Stage } from './fault.js';

/** Longer than a query may take, in the long run. */
const SILENT_MS = { short: 4_000, long: 12_000 };

type Ways = (stage: Stage) => readonly Proxy[];

const behind: Ways = ({ world }) => [...world.waysTo('postgres'), ...world.waysTo('redis')];
const oneBehind: Ways = (stage) => [stage.random.pick(behind(stage))];
const doors: Ways = ({ world }) => world.apis.map(({ door }) => door);

const cut = (name: string, ways: Ways): Fault => ({
  name,
  part: 'network',
  async inject(stage) {
    for (let times = stage.random.int(1, 3); times > 0; times--) {
      for (const way of ways(stage)) way.cut();
      await sleep(stage.random.int(50, 400));
    }
  },
});

const during = (
  name: string,
  ways: Ways,
  ms: (stage: Stage) => number,
  begin: (way: Proxy, stage: Stage) => void,
): Fault => ({
  name,
  part: 'network',
  async inject(stage) {
    const chosen = ways(stage);
    for (const way of chosen) begin(way, stage);
    await sleep(ms(stage));
    for (const way of chosen) way.heal();
  },
});

const briefly = ({ random }: Stage): number => random.int(1_000, 2_500);

export const NETWORK_FAULTS: readonly Fault[] = [
  LOSSY_BUS,
  cut('connections to the servers cut', behind),
  cut('all streams cut', doors),
  during('no way to a server', oneBehind, briefly, (way) => way.refuse()),
  during('no way to the servers', behind, briefly, (way) => way.refuse()),
  during(
    'a slow network',
    (stage) => [...behind(stage), ...doors(stage)],
    briefly,
    (way, { random }) => way.delay(random.int(30, 250)),
  ),
  during(
    'a silent connection',
    oneBehind,
    ({ profile }) => SILENT_MS[profile.name],
    (way) => way.hush(),
  ),
  during('streams fall silent', doors, briefly, (way) => way.hush()),
  during('answers of a server lost', oneBehind, briefly, (way) => way.swallowAnswers()),
  during('streams cut inside a frame', doors, briefly, (way, { random }) =>
    way.cutNextChunks(200, (length) => random.int(1, length - 1)),
  ),
];

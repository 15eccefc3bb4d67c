import { parseArgs } from 'node:util';
import { LONG, SHORT, type Profile } from './profile.js';
import { SCENARIO_NAMES } from './scenarios.js';
import type { Backend } from './world.js';

/** What is to be proven, and for how long. */
export interface Options {
  readonly seed: number;
  readonly minutes: number;
  readonly profile: Profile;
  readonly backends: readonly Backend[];
  /** Names of scenarios; `null`: all. */
  readonly only: readonly string[] | null;
}

const USAGE = `npm run prove -- [--minutes 10] [--seed n] [--backend redis|postgres|both] [--only ${SCENARIO_NAMES.join(',')}] [--short]`;

/** With less, not every fault would fit into the long profile. */
const SHORT_BELOW_MINUTES = 4;

/** @throws {Error} with the usage if an argument is wrong. */
export function readOptions(args: string[]): Options {
  const { values } = parseArgs({
    args,
    options: {
      minutes: { type: 'string', default: '2' },
      seed: { type: 'string' },
      backend: { type: 'string', default: 'both' },
      only: { type: 'string' },
      short: { type: 'boolean' },
    },
  });
  const minutes = Number(values.minutes);
  const seed = values.seed === undefined ? Date.now() % 1_000_000 : Number(values.seed);
  const only = values.only?.split(',') ?? null;
  const right =
    minutes > 0 &&
    Number.isSafeInteger(seed) &&
    ['redis', 'postgres', 'both'].includes(values.backend) &&
    (only ?? []).every((name) => SCENARIO_NAMES.includes(name));
  if (!right) throw new Error(USAGE);
  const short = values.short ?? (minutes < SHORT_BELOW_MINUTES && only === null);
  return {
    seed,
    minutes,
    profile: short ? SHORT : LONG,
    backends: values.backend === 'both' ? ['redis', 'postgres'] : [values.backend as Backend],
    only,
  };
}

import { parseArgs } from 'node:util';

export type Part = 'a' | 'b' | 'c' | 'd' | 'e' | 'f';
const PARTS: readonly Part[] = ['a', 'b', 'c', 'd', 'e', 'f'];

/** How much is measured. */
export interface Sizes {
  /** Tidings and its baselines take turns so often; the median counts. */
  readonly rounds: number;
  /** (a): jobs of a round on Redis, on Postgres, and the streams that they go to. */
  readonly jobs: number;
  readonly jobsOnPostgres: number;
  readonly busyStreams: number;
  /** (b) and (c) */
  readonly rate: {
    readonly streams: number;
    readonly perSecond: number;
    readonly jobs: number;
    readonly burst: number;
  };
  /** (d) */
  readonly idleStreams: number;
  /** (e) */
  readonly reconnect: { readonly streams: number; readonly missed: number };
  /** (f): turns of each kind of append. */
  readonly appendRounds: number;
  /** Jobs that run at the same moment, in Tidings and in the worker that does nothing. */
  readonly concurrency: number;
}

const FULL: Sizes = {
  rounds: 3,
  jobs: 20_000,
  jobsOnPostgres: 4_000,
  busyStreams: 500,
  rate: { streams: 2_000, perSecond: 500, jobs: 2_000, burst: 6_000 },
  idleStreams: 5_000,
  reconnect: { streams: 2_000, missed: 20 },
  appendRounds: 31,
  concurrency: 100,
};

/** Says whether everything runs, and roughly how fast: a minute instead of ten. */
const QUICK: Sizes = {
  ...FULL,
  rounds: 1,
  jobs: 4_000,
  jobsOnPostgres: 800,
  rate: { streams: 2_000, perSecond: 500, jobs: 1_000, burst: 2_000 },
  idleStreams: 2_000,
  appendRounds: 5,
};

export interface Options {
  readonly parts: readonly Part[];
  readonly quick: boolean;
  readonly sizes: Sizes;
  /** Whether docs/performance.md takes over what was measured. */
  readonly write: boolean;
  /** Where CPU profiles of the servers are written; `null`: none are recorded, as recording costs. */
  readonly profileDir: string | null;
}

export const USAGE = `npm run bench -- [--only a,b,c,d,e,f] [--quick] [--rounds n] [--write] [--profile directory]`;

/** @throws {Error} with the usage if an argument is wrong. */
export function readOptions(args: string[]): Options {
  const { values } = parseArgs({
    args,
    options: {
      only: { type: 'string' },
      quick: { type: 'boolean', default: false },
      rounds: { type: 'string' },
      write: { type: 'boolean', default: false },
      profile: { type: 'string' },
    },
  });
  const parts =
    values.only === undefined ? PARTS : PARTS.filter((part) => values.only?.split(',').includes(part));
  const sizes = values.quick ? QUICK : FULL;
  const rounds = values.rounds === undefined ? sizes.rounds : Number(values.rounds);
  if (parts.length === 0 || !(Number.isInteger(rounds) && rounds > 0)) throw new Error(USAGE);
  return {
    parts,
    quick: values.quick,
    sizes: { ...sizes, rounds },
    write: values.write,
    profileDir: values.profile ?? null,
  };
}

import { parseArgs } from 'node:util';

export type Part = 'a' | 'b' | 'c' | 'd' | 'e' | 'f' | 'audience' | 'deploy' | 'retention' | 'traces';
const PARTS: readonly Part[] = ['a', 'b', 'c', 'd', 'e', 'f', 'audience', 'deploy', 'retention', 'traces'];

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
  /** (traces): turns of each server. */
  readonly traceTurns: number;
  /** (retention): entries of the logs that are swept. */
  readonly logSizes: readonly number[];
  /** (audience): feeds in the database, streams over two instances, recipients of `notifyMany`, feeds of the storm, turns of opening. */
  readonly audience: {
    readonly feeds: number;
    readonly connected: number;
    readonly listed: number;
    readonly storm: number;
    readonly openings: number;
  };
  /** (deploy): clients, and what is published to them. */
  readonly deploy: { readonly clients: number; readonly perSecond: number };
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
  traceTurns: 101,
  logSizes: [100_000, 1_000_000],
  audience: { feeds: 1_000_000, connected: 10_000, listed: 100_000, storm: 2_000, openings: 31 },
  deploy: { clients: 2_000, perSecond: 50 },
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
  traceTurns: 5,
  logSizes: [50_000, 100_000],
  audience: { feeds: 50_000, connected: 1_000, listed: 10_000, storm: 500, openings: 5 },
  deploy: { clients: 200, perSecond: 20 },
};

export interface Options {
  readonly parts: readonly Part[];
  readonly quick: boolean;
  readonly sizes: Sizes;
  /** Whether docs/performance.md takes over what was measured. */
  readonly write: boolean;
  /** Where CPU profiles of the servers are written; `null`: none are recorded, as recording costs. */
  readonly profileDir: string | null;
  /** Where the databases stay for the next run, with the logs that (retention) has filled; `null`: they go. */
  readonly dataDir: string | null;
}

export const USAGE = `npm run bench -- [--only a,b,c,d,e,f,audience,deploy,retention,traces] [--size 5m] [--data directory] [--quick] [--rounds n] [--write] [--profile directory]`;

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
      size: { type: 'string' },
      data: { type: 'string' },
    },
  });
  const parts =
    values.only === undefined ? PARTS : PARTS.filter((part) => values.only?.split(',').includes(part));
  const sizes = values.quick ? QUICK : FULL;
  const rounds = values.rounds === undefined ? sizes.rounds : Number(values.rounds);
  const largest = values.size === undefined ? null : readSize(values.size);
  if (parts.length === 0 || !(Number.isInteger(rounds) && rounds > 0)) throw new Error(USAGE);
  const logSizes =
    largest === null ? sizes.logSizes : [...sizes.logSizes.filter((size) => size < largest), largest];
  return {
    parts,
    quick: values.quick,
    sizes: { ...sizes, rounds, logSizes },
    write: values.write,
    profileDir: values.profile ?? null,
    dataDir: values.data ?? null,
  };
}

/** Such as 500k or 5m: the entries of the largest log. */
function readSize(text: string): number {
  const [, digits, unit = ''] = /^(\d+)([km]?)$/i.exec(text) ?? [];
  const size = Number(digits) * ({ k: 1_000, m: 1_000_000 }[unit.toLowerCase()] ?? 1);
  if (!(size >= 10_000 && size % 1_000 === 0)) throw new Error(USAGE);
  return size;
}

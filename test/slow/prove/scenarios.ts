import { CLIENT_FAULTS } from './faults/clients.js';
import { CLOCK_FAULTS } from './faults/clocks.js';
import type { Fault } from './faults/fault.js';
import { JOB_FAULTS } from './faults/jobs.js';
import { NETWORK_FAULTS } from './faults/network.js';
import { FAILOVER, OUTAGE, POSTGRES_FAULTS, RESTORE } from './faults/postgres.js';
import { PROCESS_FAULTS } from './faults/processes.js';
import { EMPTIED, REDIS_FAULTS } from './faults/redis.js';
import type { Profile } from './profile.js';
import type { Backend } from './world.js';

/** Faults under load, and the account of what came through. */
export interface Scenario {
  readonly name: string;
  readonly faults: readonly Fault[];
  /** `alone`: one after the other, each when the former is over. `together`: those of different parts at the same time. */
  readonly how: 'alone' | 'together';
  readonly backend?: Backend;
  /** Its part of the time, beside the others'. */
  readonly weight: number;
  /** On a Redis that keeps nothing. */
  readonly forgetfulRedis?: boolean;
}

const EVERYTHING = [
  ...PROCESS_FAULTS,
  ...POSTGRES_FAULTS,
  RESTORE,
  OUTAGE,
  ...REDIS_FAULTS,
  ...NETWORK_FAULTS,
  ...CLIENT_FAULTS,
  ...JOB_FAULTS,
  ...CLOCK_FAULTS,
];

const FORGETFUL: Scenario = {
  name: 'forgetful-redis',
  faults: [EMPTIED],
  how: 'alone',
  backend: 'redis',
  weight: 0.5,
  forgetfulRedis: true,
};

const LONG_SCENARIOS: readonly Scenario[] = [
  { name: 'processes', faults: PROCESS_FAULTS, how: 'alone', weight: 1.5 },
  { name: 'postgres', faults: POSTGRES_FAULTS, how: 'alone', weight: 1 },
  { name: 'outage', faults: [OUTAGE], how: 'alone', weight: 1 },
  { name: 'restore', faults: [RESTORE], how: 'alone', weight: 0.7 },
  // Not among the others: a process that stands still while the standby is made would not know of it.
  { name: 'failover', faults: [FAILOVER], how: 'alone', weight: 0.7 },
  { name: 'redis', faults: REDIS_FAULTS, how: 'alone', backend: 'redis', weight: 1 },
  FORGETFUL,
  { name: 'network', faults: NETWORK_FAULTS, how: 'alone', weight: 1 },
  { name: 'clients', faults: CLIENT_FAULTS, how: 'alone', weight: 1.5 },
  { name: 'jobs', faults: JOB_FAULTS, how: 'alone', weight: 1 },
  { name: 'clocks', faults: CLOCK_FAULTS, how: 'alone', weight: 0.5 },
  { name: 'everything', faults: EVERYTHING, how: 'together', weight: 2.5 },
];

const SHORT_SCENARIOS: readonly Scenario[] = [
  { name: 'everything', faults: EVERYTHING, how: 'together', weight: 1 },
  { ...FORGETFUL, weight: 0.1 },
];

/** The scenarios of a profile on a backend, with the faults that can happen there. */
export function scenariosOf(profile: Profile, backend: Backend): Scenario[] {
  return (profile.name === 'short' ? SHORT_SCENARIOS : LONG_SCENARIOS)
    .filter((scenario) => (scenario.backend ?? backend) === backend)
    .map((scenario) => ({
      ...scenario,
      faults: scenario.faults.filter(
        (fault) => (fault.backend ?? backend) === backend && !(fault.longOnly && profile.name === 'short'),
      ),
    }));
}

/** Every name there is. */
export const SCENARIO_NAMES: readonly string[] = LONG_SCENARIOS.map(({ name }) => name);

import { Ledger } from './ledger.js';
import { history } from './history.js';
import type { Options } from './options.js';
import type { Profile } from './profile.js';
import { Random } from './random.js';
import { scenariosOf, type Scenario } from './scenarios.js';
import { settle } from './settle.js';
import { now } from './timeline.js';
import { Trial, type Result } from './trial.js';
import { World, type Backend } from './world.js';

const PROGRESS_MS = 3_000;
const MOST_HISTORIES = 3;
/** Of a scenario's time, for what comes after its load. */
const SETTLING_MS = { short: 20_000, long: 10_000 };
const SHORTEST_LOAD_MS = 3_000;

/** Goes through the scenarios of one backend, in one world. */
export class Campaign {
  private readonly ledger = new Ledger();
  private readonly results: Result[] = [];
  private trial: Trial | null = null;

  constructor(
    private readonly options: Options,
    private readonly backend: Backend,
    private readonly say: (line: string) => void,
  ) {}

  async run(): Promise<Result[]> {
    const { minutes, backends } = this.options;
    const deadline = now() + (minutes * 60_000) / backends.length;
    const scenarios = this.scenarios();
    const profile = this.profile(deadline - now());
    const world = await World.open(this.backend, profile.keep);
    const progress = setInterval(() => this.progress(), PROGRESS_MS);
    try {
      let weights = scenarios.reduce((sum, { weight }) => sum + weight, 0);
      for (const scenario of scenarios) {
        const share = ((deadline - now()) * scenario.weight) / weights;
        weights -= scenario.weight;
        await this.try(
          scenario,
          world,
          profile,
          Math.max(SHORTEST_LOAD_MS, share - SETTLING_MS[profile.name]),
        );
      }
    } finally {
      clearInterval(progress);
      await world.close();
    }
    return this.results;
  }

  private async try(scenario: Scenario, world: World, profile: Profile, loadMs: number): Promise<void> {
    const random = new Random(this.options.seed).fork(`${this.backend} ${scenario.name}`);
    if (scenario.forgetfulRedis) await world.moveToRedis(false);
    this.say(
      `${this.title(scenario.name)}: ${scenario.faults.length} faults, load for ${Math.round(loadMs / 1_000)} s`,
    );
    this.trial = new Trial({ world, ledger: this.ledger, scenario, profile, random });
    const result = await this.trial.run(loadMs);
    this.trial = null;
    this.results.push(result);
    for (const violation of result.violations.slice(0, MOST_HISTORIES)) {
      this.say(`\nseed ${this.options.seed}\n${await history(violation, result, this.ledger, world)}\n`);
    }
    const more = result.violations.length - MOST_HISTORIES;
    if (more > 0) this.say(`and ${more} more violations`);
    if (scenario.forgetfulRedis) {
      await settle(world, result.fleet);
      await world.moveToRedis(true);
    }
  }

  private progress(): void {
    const { trial, ledger } = this;
    if (trial === null) return;
    const { fleet } = trial;
    const accepted = ledger.of(trial.name).filter(({ outcome }) => outcome === 'accepted').length;
    this.say(
      `${this.title(trial.name)}: ${trial.faultCount} faults, ${accepted.toLocaleString('en')} accepted, ` +
        `${fleet.delivered.toLocaleString('en')} delivered, ${ledger.outstanding()} on their way, ` +
        `${fleet.connected} of ${fleet.clients.length} streams`,
    );
  }

  private title(scenario: string): string {
    return `${(now() / 1_000).toFixed(0).padStart(4)} s [${this.backend}] ${scenario}`;
  }

  private scenarios(): Scenario[] {
    const { only, profile } = this.options;
    return scenariosOf(profile, this.backend).filter(({ name }) => only === null || only.includes(name));
  }

  /** The longer the load lasts, the more is to be kept: only a flood is to reach the limit. */
  private profile(ms: number): Profile {
    const { profile } = this.options;
    const { broadcastsPerSecond } = profile.rate;
    return {
      ...profile,
      keep: Math.max(profile.keep, Math.round((broadcastsPerSecond * 1.2 * ms) / 1_000 / 3)),
    };
  }
}

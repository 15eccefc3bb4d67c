import { Absence } from './absence.js';
import type { Violation } from './account.js';
import { Ledger } from './ledger.js';
import { history } from './history.js';
import type { Options } from './options.js';
import { LONGEST_ABSENCE_MS, type Profile } from './profile.js';
import { Random } from './random.js';
import { scenariosOf, type Scenario } from './scenarios.js';
import { settle } from './settle.js';
import { stockTable, takeStock, type Stock } from './stock.js';
import { now } from './timeline.js';
import { Trial, type Result } from './trial.js';
import { World, type Backend } from './world.js';

const PROGRESS_MS = 3_000;
const MOST_HISTORIES = 3;
const MOST_LINES = 30;
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
    const absence = this.absence(world, profile, deadline - now());
    try {
      await absence?.begin();
      const stocks: Stock[] = [await takeStock(world, 'at the beginning')];
      let weights = scenarios.reduce((sum, { weight }) => sum + weight, 0);
      for (const scenario of scenarios) {
        const share = ((deadline - now()) * scenario.weight) / weights;
        weights -= scenario.weight;
        const loadMs = Math.max(SHORTEST_LOAD_MS, share - SETTLING_MS[profile.name]);
        if (scenario.forgetfulRedis) await this.move(world, absence, false);
        await this.try(scenario, world, profile, loadMs);
        if (scenario.forgetfulRedis) await this.move(world, absence, true);
        stocks.push(await takeStock(world, scenario.name));
      }
      if (absence) await this.conclude(await absence.end(), world);
      if (profile.name === 'long') this.say(`\n${stockTable(stocks)}\n`);
    } finally {
      clearInterval(progress);
      await world.close();
    }
    return this.results;
  }

  private async try(scenario: Scenario, world: World, profile: Profile, loadMs: number): Promise<void> {
    const random = new Random(this.options.seed).fork(`${this.backend} ${scenario.name}`);
    this.say(
      `${this.title(scenario.name)}: ${scenario.faults.length} faults, load for ${Math.round(loadMs / 1_000)} s`,
    );
    this.trial = new Trial({ world, ledger: this.ledger, scenario, profile, random });
    const result = await this.trial.run(loadMs);
    this.trial = null;
    await this.conclude(result, world);
  }

  private async conclude(result: Result, world: World): Promise<void> {
    this.results.push(result);
    for (const violation of exemplary(result.violations)) {
      this.say(`\nseed ${this.options.seed}\n${await history(violation, result, this.ledger, world)}\n`);
    }
    for (const { wrong, what } of result.violations.slice(0, MOST_LINES)) this.say(`${wrong}: ${what}`);
    const more = result.violations.length - MOST_LINES;
    if (more > 0) this.say(`and ${more} more violations`);
  }

  /** To a Redis that keeps everything, or nothing; with an empty queue, for it does not come along. */
  private async move(world: World, absence: Absence | null, appendonly: boolean): Promise<void> {
    const act = async (): Promise<void> => {
      await settle(world, []);
      await world.moveToRedis(appendonly);
    };
    await (absence ? absence.quietly(act) : act());
  }

  /** In the long profile only: who comes back after minutes must have been away for minutes. */
  private absence(world: World, profile: Profile, ms: number): Absence | null {
    if (profile.name === 'short' || this.options.only !== null) return null;
    const random = new Random(this.options.seed).fork(`${this.backend} absence`);
    return new Absence(world, this.ledger, profile, random, Math.min(LONGEST_ABSENCE_MS, ms / 2));
  }

  private progress(): void {
    const { trial, ledger } = this;
    if (trial === null) return;
    const { fleet } = trial;
    const accepted = ledger.of(trial.name).filter(({ outcome }) => outcome === 'accepted').length;
    this.say(
      `${this.title(trial.name)}: ${trial.faultCount} faults, ${accepted.toLocaleString('en')} accepted, ` +
        `${fleet.delivered.toLocaleString('en')} delivered, ${ledger.outstanding(trial.name)} on their way, ` +
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

/** The first ones of different clients: what goes wrong once for a client often goes wrong for it a hundred times. */
function exemplary(violations: readonly Violation[]): Violation[] {
  const first = violations.filter(
    (one, at) => violations.findIndex(({ client }) => client === one.client) === at,
  );
  return first.slice(0, MOST_HISTORIES);
}

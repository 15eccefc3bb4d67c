import { setTimeout as delay } from 'node:timers/promises';
import type { Violation } from './account.js';
import { check, type Verdict } from './checker.js';
import { patiently, type Fault, type Part, type Stage } from './faults/fault.js';
import { Fleet } from './fleet.js';
import type { Ledger } from './ledger.js';
import { Load } from './load.js';
import { readLog, type LoggedFeed } from './log-view.js';
import { MEMORY_BOUND_BYTES, MemoryWatch } from './memory.js';
import type { Profile } from './profile.js';
import { QueueView, type QueuedJob } from './queue-view.js';
import type { Random } from './random.js';
import { Recovery } from './recovery.js';
import type { Scenario } from './scenarios.js';
import { settle } from './settle.js';
import { now, PATIENCE_MS } from './timeline.js';
import type { World } from './world.js';

/** What came of a scenario. */
export interface Result {
  readonly scenario: string;
  readonly backend: World['backend'];
  /** How often each fault was injected. */
  readonly faults: ReadonlyMap<string, number>;
  readonly verdict: Verdict;
  readonly violations: readonly Violation[];
  readonly recovery: Recovery['longest'];
  readonly peakBytes: number;
  readonly growthBytes: number;
  readonly slowestAnswerMs: number;
  /** How many were accepted, by the door that they came through. */
  readonly doors: ReadonlyMap<string, number>;
  readonly notes: readonly string[];
  /** Kept for the histories of what went wrong. */
  readonly log: ReadonlyMap<string, LoggedFeed>;
  readonly fleet: Fleet;
}

const WARM_UP_MS = 1_000;

/** What a trial is made of. */
export interface TrialParts {
  readonly world: World;
  readonly ledger: Ledger;
  readonly scenario: Scenario;
  readonly profile: Profile;
  readonly random: Random;
}

/** One scenario: load, faults, and the account of it all. */
export class Trial {
  readonly fleet: Fleet;
  readonly load: Load;
  private readonly injected = new Map<string, number>();
  private readonly notes: string[] = [];
  private readonly recovery: Recovery;
  private readonly memory: MemoryWatch;
  private readonly crashesBefore: number;

  constructor(private readonly parts: TrialParts) {
    const { world, ledger, scenario, profile, random } = parts;
    const recipients = Array.from({ length: profile.recipients }, (_, nth) => `${scenario.name}-${nth + 1}`);
    this.fleet = new Fleet(world, ledger, random.fork('fleet'), recipients, scenario.name);
    this.load = new Load(scenario.name, world, ledger, random.fork('load'), recipients, profile.rate);
    this.recovery = new Recovery(ledger, scenario.name);
    this.memory = new MemoryWatch(world.apis);
    this.crashesBefore = this.crashes().length;
  }

  get name(): string {
    return this.parts.scenario.name;
  }

  get faultCount(): number {
    return [...this.injected.values()].reduce((sum, count) => sum + count, 0);
  }

  /** Injects every fault at least once, and goes on until the time is up. */
  async run(loadMs: number): Promise<Result> {
    await this.begin();
    const until = now() + loadMs;
    await this.injectAll(until);
    return this.end();
  }

  /** The clients are there, and jobs come. */
  async begin(): Promise<void> {
    await this.fleet.open(this.parts.profile.connectionsEach);
    this.load.start();
    await delay(WARM_UP_MS);
  }

  /** It happened. */
  count(fault: string): void {
    this.injected.set(fault, (this.injected.get(fault) ?? 0) + 1);
  }

  /** Heals, waits until everything has arrived, and makes up the account. */
  async end(): Promise<Result> {
    const { world, ledger, scenario } = this.parts;
    await world.heal();
    this.fleet.wake();
    await this.load.stop();
    const missing = await settle(world, this.fleet.clients, scenario.name);
    this.recovery.stop();
    this.memory.stop();
    const log = await patiently(() => readLog(world, this.fleet.recipients));
    const accounts = this.fleet.clients.map(({ account }) => account);
    const verdict = check({ notifications: ledger.of(scenario.name), accounts, log });
    const violations = [...verdict.violations, ...(await this.otherViolations(missing, verdict))];
    this.fleet.close();
    return {
      scenario: scenario.name,
      backend: world.backend,
      faults: this.injected,
      verdict,
      violations,
      recovery: this.recovery.longest,
      peakBytes: this.memory.peak,
      growthBytes: this.memory.mostGrowth,
      slowestAnswerMs: this.load.slowestMs,
      doors: this.load.doors,
      notes: this.notes,
      log,
      fleet: this.fleet,
    };
  }

  private async injectAll(until: number): Promise<void> {
    const { faults, how } = this.parts.scenario;
    const lanes = new Map<Part | 'all', Fault[]>();
    for (const fault of faults) {
      const lane = how === 'together' ? fault.part : 'all';
      lanes.set(lane, [...(lanes.get(lane) ?? []), fault]);
    }
    await Promise.all(
      [...lanes].map(([lane, own]) => this.injectLane(own, until, this.parts.random.fork(lane))),
    );
    await delay(Math.max(0, until - now()));
  }

  private async injectLane(faults: readonly Fault[], until: number, random: Random): Promise<void> {
    const { world, ledger, profile } = this.parts;
    const stage: Stage = {
      world,
      ledger,
      profile,
      random,
      fleet: this.fleet,
      load: this.load,
      together: this.parts.scenario.how === 'together',
      note: (what) => this.notes.push(what),
    };
    for (let round = 0; round === 0 || now() < until; round++) {
      for (const fault of random.shuffle(faults)) {
        if (round > 0 && now() >= until) return;
        await delay(random.int(0, profile.gapMs));
        await this.inject(fault, stage);
      }
    }
  }

  private async inject(fault: Fault, stage: Stage): Promise<void> {
    const { timeline } = stage.world;
    if (fault.resets) this.fleet.allowResets(fault.resets);
    timeline.add(`begins: ${fault.name}`);
    try {
      await limited(fault.inject(stage));
      this.count(fault.name);
    } catch (error) {
      this.notes.push(`${fault.name} could not be injected: ${(error as Error).message}`);
    }
    timeline.add(`is over: ${fault.name}`);
    this.recovery.mark(fault.name);
  }

  private async otherViolations(missing: string | null, verdict: Verdict): Promise<Violation[]> {
    const { world, ledger, scenario } = this.parts;
    const said: string[] = [];
    if (missing !== null) said.push(`it did not settle: ${missing}`);
    if (verdict.delivered === 0) said.push('nothing was delivered, so that nothing was proven');
    said.push(...this.load.complaints);
    said.push(...this.crashes().slice(this.crashesBefore));
    if (this.memory.mostGrowth > MEMORY_BOUND_BYTES) {
      said.push(`an API process grew by ${Math.round(this.memory.mostGrowth / 2 ** 20)} MiB`);
    }
    for (const { name } of scenario.faults)
      if (!this.injected.has(name)) said.push(`never happened: ${name}`);
    const violations = said.map((what): Violation => ({ wrong: 'other', what }));
    for (const { id, notification, failedReason } of await failedJobs(world)) {
      if (ledger.notifications[notification]?.scenario !== scenario.name) continue;
      violations.push({ wrong: 'lost', what: `job ${id} failed: ${failedReason}`, notification });
    }
    return violations;
  }

  private crashes(): string[] {
    return this.parts.world.houses.flatMap(({ service }) => service.crashes);
  }
}

async function failedJobs(world: World): Promise<QueuedJob[]> {
  const view = QueueView.open(world);
  try {
    return await patiently(() => view.failed());
  } finally {
    await view.close();
  }
}

/** A fault that cannot be undone must not keep the run from its verdict. */
async function limited(injecting: Promise<void>): Promise<void> {
  const impatient = new AbortController();
  const late = delay(2 * PATIENCE_MS, undefined, impatient).then(
    () => Promise.reject(new Error('it did not come to an end')),
    () => {},
  );
  await Promise.race([injecting, late]).finally(() => impatient.abort());
}

import type { Ledger } from './ledger.js';
import { ABSENT, LONGEST_ABSENCE_MS, type Profile } from './profile.js';
import type { Random } from './random.js';
import type { Scenario } from './scenarios.js';
import { Trial, type Result } from './trial.js';
import type { World } from './world.js';

const SHORTEST_MS = 20_000;

export const ABSENCE: Scenario = { name: 'absence', faults: [], how: 'alone', weight: 0 };

/** Clients that go away for minutes and come back with an old cursor, again and again, beside all the other scenarios. */
export class Absence {
  private readonly trial: Trial;
  private readonly timers = new Set<NodeJS.Timeout>();

  constructor(
    world: World,
    ledger: Ledger,
    profile: Profile,
    private readonly random: Random,
    private readonly longestMs = LONGEST_ABSENCE_MS,
  ) {
    this.trial = new Trial({ world, ledger, scenario: ABSENCE, profile: { ...profile, ...ABSENT }, random });
  }

  async begin(): Promise<void> {
    await this.trial.begin();
    this.trial.fleet.allowResets(['epoch', 'ahead']);
    for (const client of this.trial.fleet.disturbable) this.send(client);
  }

  /** Calls everyone back. */
  async end(): Promise<Result> {
    for (const timer of this.timers) clearTimeout(timer);
    return this.trial.end();
  }

  /** Sends no jobs for as long as `act` takes, so that the queue is empty. */
  quietly<T>(act: () => Promise<T>): Promise<T> {
    return this.trial.load.quietly(act);
  }

  private send(client: Trial['fleet']['clients'][number]): void {
    const later = (ms: number, act: () => void): void => {
      const timer = setTimeout(() => {
        this.timers.delete(timer);
        act();
      }, ms);
      this.timers.add(timer);
    };
    client.leave();
    later(this.random.int(SHORTEST_MS, Math.max(SHORTEST_MS, this.longestMs)), () => {
      client.open();
      this.trial.count('clients come back after minutes with an old cursor');
      later(this.random.int(2_000, 5_000), () => this.send(client));
    });
  }
}

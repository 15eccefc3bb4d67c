import { setTimeout as delay } from 'node:timers/promises';
import type { ResetReason } from '../../../../src/contract/ports/stream.js';
import type { Fleet } from '../fleet.js';
import type { Ledger } from '../ledger.js';
import type { Load } from '../load.js';
import type { Profile } from '../profile.js';
import type { Random } from '../random.js';
import { PATIENCE_MS } from '../timeline.js';
import type { Backend, World } from '../world.js';

/** What a fault may lay hands on. */
export interface Stage {
  readonly world: World;
  readonly fleet: Fleet;
  readonly load: Load;
  readonly ledger: Ledger;
  readonly random: Random;
  readonly profile: Profile;
  /** Whether other faults happen at the same time. */
  readonly together: boolean;
  /** For the remarks at the end. */
  readonly note: (what: string) => void;
}

/** What is broken. Faults of the same part never overlap, those of different parts may. */
export type Part = 'processes' | 'postgres' | 'redis' | 'network' | 'clients' | 'jobs' | 'clocks';

/** Something that goes wrong. */
export interface Fault {
  readonly name: string;
  readonly part: Part;
  /** Where it can happen at all; default: everywhere. */
  readonly backend?: Backend;
  /** What every client may be told after it; else a `feed.reset` is a violation. */
  readonly resets?: readonly ResetReason[];
  /** Only in the long profile. */
  readonly longOnly?: boolean;
  /** Does it, and undoes it. Resolves when nothing is broken any more. */
  inject(stage: Stage): Promise<void>;
}

export async function sleep(ms: number): Promise<void> {
  await delay(ms);
}

/** Tries until it works: the database may be away because of a fault beside this one. */
export async function patiently<T>(ask: () => Promise<T>, limitMs = PATIENCE_MS): Promise<T> {
  for (const deadline = performance.now() + limitMs; ;) {
    try {
      return await ask();
    } catch (error) {
      if (performance.now() > deadline) throw error;
      await delay(200);
    }
  }
}

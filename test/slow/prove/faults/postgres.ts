import { requireStandby } from '../../../support/standby.js';
import { settlesWithin, withTimeout } from '../../../../src/platform/time/with-timeout.js';
import type { Ledger } from '../ledger.js';
import { readKept } from '../log-view.js';
import type { Places } from '../places.js';
import { placesOf, QueueView, type QueuedJob } from '../queue-view.js';
import { now } from '../timeline.js';
import type { World } from '../world.js';
import { patiently, sleep, type Fault } from './fault.js';

const REDIS_ANSWERS_MS = 3_000;

const restart = (name: string, mode: 'fast' | 'immediate'): Fault => ({
  name,
  part: 'postgres',
  inject: ({ world }) => world.postgres.restart(mode),
});

const terminated: Fault = {
  name: 'Postgres ends all its connections',
  part: 'postgres',
  async inject({ world }) {
    await patiently(() =>
      world.sql(
        `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = current_user AND pid <> pg_backend_pid()`,
      ),
    );
  },
};

const frozen: Fault = {
  name: 'Postgres frozen',
  part: 'postgres',
  async inject({ world, profile }) {
    await world.postgres.pause();
    await sleep(profile.freezeMs);
    await world.postgres.resume();
  },
};

const outage: Fault = {
  name: 'Postgres away',
  part: 'postgres',
  async inject({ world, profile, ledger, note }) {
    await world.postgres.stop('fast');
    const from = now();
    await sleep(profile.outageMs);
    const until = now();
    await world.postgres.start();
    const accepted = ledger.notifications.filter(
      ({ acceptedAt }) => acceptedAt !== null && acceptedAt > from,
    );
    const meanwhile = accepted.filter(({ acceptedAt }) => (acceptedAt ?? 0) < until).length;
    note(`${meanwhile} were accepted while Postgres was away for ${until - from} ms`);
  },
};

const restored: Fault = {
  name: 'Postgres goes back to a copy',
  part: 'postgres',
  resets: ['epoch', 'ahead'],
  async inject({ world, ledger, random }) {
    const copy = await quietly(world, async () => {
      const at = now();
      const kept = await patiently(() => readKept(world));
      await world.postgres.stop('fast');
      const files = await world.postgres.copy();
      await world.postgres.start();
      return { at, kept, files };
    });
    await sleep(random.int(2_000, 4_000));
    const waiting = await patiently(async () => {
      const jobs = await quietly(world, async () => {
        const found = await waitingJobs(world);
        if (found === null) return null;
        await world.postgres.stop('immediate');
        await world.postgres.restore(copy.files);
        await world.postgres.start();
        return found;
      });
      if (jobs === null) throw new Error('Redis does not answer');
      return placesOf(jobs);
    });
    excuse(world, ledger, copy, waiting);
  },
};

/** Longer than the time between two looks at the heads, for which each process needs a connection. */
const KNOWN_MS = 8_000;

/** The primary crashes, and whoever watches it needs a while. Commits waited for the standby, so no client is told of a gap. */
const failedOver: Fault = {
  name: 'Postgres fails over to a synchronous standby',
  part: 'postgres',
  async inject({ world, ledger, random, note }) {
    const former = world.postgres;
    const standby = await former.startStandby();
    await requireStandby(former);
    // In a deployment the standby was there before; here each process learns of it by a new connection.
    for (const way of world.waysTo('postgres')) way.cut();
    await sleep(KNOWN_MS);
    await former.stop('immediate');
    const from = now();
    await sleep(random.int(500, 5_000));
    await standby.promote();
    await world.moveToPostgres(standby);
    const until = now();
    const direct = (): number[] =>
      ledger.notifications.flatMap(({ acceptedAt }) =>
        (acceptedAt ?? 0) > until ? [acceptedAt! - until] : [],
      );
    const again = Math.min(...(await patiently(() => Promise.resolve(nonEmpty(direct())))));
    note(
      `Postgres failed over within ${until - from} ms; the first notification was accepted ${again} ms later`,
    );
  },
};

function nonEmpty<T>(items: readonly T[]): readonly T[] {
  if (items.length === 0) throw new Error('Nothing is accepted yet');
  return items;
}

/** With nobody able to reach Postgres, and nothing running there any more. */
async function quietly<T>(world: World, act: () => Promise<T>): Promise<T> {
  const reopen = world.waysTo('postgres').map((way) => way.shut());
  try {
    await patiently(async () => {
      const [row] = await world.sql<{ busy: number }>(
        `SELECT count(*)::integer AS busy FROM pg_stat_activity
          WHERE usename = current_user AND state <> 'idle' AND pid <> pg_backend_pid()`,
      );
      if (row?.busy !== 0) throw new Error('Statements still run');
    });
    return await act();
  } finally {
    for (const open of reopen) open();
  }
}

/**
 * The jobs that wait on the queue while nobody takes them. `null` if Redis does not answer soon, because of a fault beside this one:
 * Postgres must not be out of reach for as long as that takes.
 */
async function waitingJobs(world: World): Promise<QueuedJob[] | null> {
  // What waits on Postgres itself goes back with it.
  if (world.backend === 'postgres') return [];
  const view = QueueView.open(world);
  try {
    const jobs = await withTimeout(
      REDIS_ANSWERS_MS,
      patiently(() => view.pending(), REDIS_ANSWERS_MS),
      () => new Error('late'),
    );
    return jobs.filter(({ state }) => state !== 'active');
  } catch {
    return null;
  } finally {
    await settlesWithin(REDIS_ANSWERS_MS, view.close());
  }
}

/**
 * What was appended after the copy is gone, and so are, if the queue is on Postgres, the jobs that came after it. No notification system can
 * bring them back. But what the copy has, and what waited on a Redis that was not put back, must be there.
 */
function excuse(world: World, ledger: Ledger, copy: { at: number; kept: Places }, waiting: Places): void {
  const until = now();
  ledger.excuse('went with the restored database', (one, recipient) => {
    if (one.submittedAt > until) return false;
    if (world.backend === 'postgres') return one.acceptedAt === null || one.acceptedAt >= copy.at;
    return !copy.kept.has(recipient, one.index) && !waiting.has(recipient, one.index);
  });
}

export const POSTGRES_FAULTS: readonly Fault[] = [
  restart('Postgres restarted', 'fast'),
  restart('Postgres crashes', 'immediate'),
  terminated,
  frozen,
];

export const OUTAGE: Fault = outage;
export const RESTORE: Fault = restored;
export const FAILOVER: Fault = failedOver;

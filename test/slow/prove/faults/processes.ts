import { patiently, sleep, type Fault, type Stage } from './fault.js';

const one = (name: string, role: 'apis' | 'workers', signal: 'SIGKILL' | 'SIGTERM'): Fault => ({
  name,
  part: 'processes',
  inject: ({ world, random }) => random.pick(world[role]).service.restart(signal),
});

const frozenApi: Fault = {
  name: 'API process frozen',
  part: 'processes',
  async inject({ world, random, profile }) {
    const thaw = random.pick(world.apis).service.freeze();
    await sleep(profile.freezeMs);
    thaw();
  },
};

/** Its locks run out meanwhile, and its jobs run elsewhere; then it goes on where it was. */
const frozenWorker: Fault = {
  name: 'worker frozen until its jobs run elsewhere',
  part: 'processes',
  longOnly: true,
  async inject({ world, random, profile }) {
    const thaw = random.pick(world.workers).service.freeze();
    await sleep(profile.workerFreezeMs);
    thaw();
  },
};

/** Postgres has the batch and holds it up; the worker dies; the batch commits, and nobody learns of it. */
const killedInBatch: Fault = {
  name: 'worker killed inside a batch',
  part: 'processes',
  async inject(stage) {
    const blocker = await patiently(() => stage.world.connect());
    try {
      await blocker.query('BEGIN');
      await blocker.query('LOCK TABLE tidings.dedupe_key IN SHARE ROW EXCLUSIVE MODE');
      await waitForBatches(stage);
      const restarted = stage.random.pick(stage.world.workers).service.restart('SIGKILL');
      await sleep(stage.random.int(0, 100));
      await blocker.query('COMMIT');
      await restarted;
    } catch {
      // Postgres went away, too: the batch is lost with the worker, and its jobs run again.
    } finally {
      await blocker.end().catch(() => {});
    }
  },
};

/** Returns when batches of both workers wait for the lock, or after a while: with what it then holds up, the lock must not become an outage. */
async function waitForBatches({ world }: Stage): Promise<void> {
  for (const deadline = performance.now() + 2_000; performance.now() < deadline; await sleep(20)) {
    const rows = await world.sql<{ count: number }>(
      `SELECT count(*)::integer AS count FROM pg_stat_activity
        WHERE wait_event_type = 'Lock' AND query LIKE '%append%' AND pid <> pg_backend_pid()`,
    );
    if ((rows[0]?.count ?? 0) >= 2) return;
  }
}

export const PROCESS_FAULTS: readonly Fault[] = [
  one('API process killed', 'apis', 'SIGKILL'),
  one('API process terminated', 'apis', 'SIGTERM'),
  one('worker killed', 'workers', 'SIGKILL'),
  one('worker terminated', 'workers', 'SIGTERM'),
  killedInBatch,
  frozenApi,
  frozenWorker,
];

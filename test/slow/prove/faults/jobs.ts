import { Redis } from 'ioredis';
import { openStalledCheck } from '../stalled-check.js';
import { patiently, sleep, type Fault, type Stage } from './fault.js';

const duplicates: Fault = {
  name: 'duplicate jobs',
  part: 'jobs',
  async inject({ load, random }) {
    for (let times = 20; times > 0; times--) {
      load.sendDuplicates();
      if (random.chance(0.3)) await sleep(random.int(1, 30));
    }
  },
};

/** Their locks are taken from jobs that run, so that the other worker gets them too, while the first run has not ended. */
const redelivered: Fault = {
  name: 'jobs redelivered while they run',
  part: 'jobs',
  async inject(stage) {
    const { world } = stage;
    const blocker = await patiently(() => world.connect());
    const check = openStalledCheck(world);
    try {
      await blocker.query('BEGIN');
      await blocker.query('LOCK TABLE tidings.dedupe_key IN SHARE ROW EXCLUSIVE MODE');
      stage.load.sendDuplicates();
      await sleep(1_000);
      await takeLocks(stage);
      await check.run();
      await sleep(1_500);
      await blocker.query('COMMIT');
    } catch {
      // Whatever else is broken at the moment: nothing was redelivered, which does no harm.
    } finally {
      await blocker.end().catch(() => {});
      await check.close();
    }
  },
};

async function takeLocks({ world }: Stage): Promise<void> {
  if (world.redis === null) {
    await world.sql(`UPDATE bullmq.job SET locked_until_ms = 1 WHERE state = 'active'`);
    return;
  }
  const redis = new Redis(world.redis.url, { maxRetriesPerRequest: 1 });
  redis.on('error', () => {});
  try {
    const active = await redis.lrange('bull:tidings:active', 0, -1);
    await redis.del('bull:tidings:stalled-check', ...active.map((id) => `bull:tidings:${id}:lock`));
  } finally {
    redis.disconnect();
  }
}

/** Somebody holds the rows of feeds, for longer than an append waits. */
const held: Fault = {
  name: 'feeds locked by a transaction',
  part: 'jobs',
  async inject({ world, fleet, random }) {
    const some = random.sample(fleet.recipients, 5);
    const holder = await patiently(() => world.connect());
    try {
      await holder.query('BEGIN');
      await holder.query('SELECT FROM tidings.feed WHERE recipient = ANY ($1) ORDER BY id FOR UPDATE', [
        some,
      ]);
      await sleep(random.int(500, 2_500));
      await holder.query('COMMIT');
    } catch {
      // Postgres went away, and the locks with it.
    } finally {
      await holder.end().catch(() => {});
    }
  },
};

/**
 * Batches with entries of some feeds are held up in the moment of their commit: numbers are given out and not committed, while other entries of
 * these feeds and of others want to pass. Then they commit, or are rolled back as by a server that is short of something.
 */
const atCommit = (name: string, end: string): Fault => ({
  name,
  part: 'jobs',
  async inject({ world, fleet, random }) {
    const some = random.sample(fleet.recipients, 5);
    const ms = random.int(1_500, 3_000);
    // A copy of the database that is made now and put back later has the trigger as well: it ends by itself.
    await patiently(async () => {
      await world.sql(`CREATE SCHEMA IF NOT EXISTS proof`);
      await world.sql(`
        CREATE OR REPLACE FUNCTION proof.at_commit() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
          IF clock_timestamp() < '${new Date(Date.now() + ms).toISOString()}' AND current_setting('proof.done', true) IS DISTINCT FROM 'yes'
             AND NEW.feed_id IN (SELECT id FROM tidings.feed WHERE recipient IN (${some.map((one) => `'${one}'`).join()})) THEN
            PERFORM set_config('proof.done', 'yes', true);
            PERFORM pg_sleep(${random.int(2, 12) / 10});
            ${end}
          END IF;
          RETURN NULL;
        END $$`);
      await world.sql(`DROP TRIGGER IF EXISTS proof_at_commit ON tidings.entry`);
      await world.sql(`
        CREATE CONSTRAINT TRIGGER proof_at_commit AFTER INSERT ON tidings.entry DEFERRABLE INITIALLY DEFERRED
           FOR EACH ROW EXECUTE FUNCTION proof.at_commit()`);
    });
    await sleep(ms);
    await patiently(() => world.sql(`DROP TRIGGER IF EXISTS proof_at_commit ON tidings.entry`));
  },
});

export const JOB_FAULTS: readonly Fault[] = [
  duplicates,
  redelivered,
  held,
  atCommit('batches commit late', ''),
  atCommit('batches fail at their commit', `RAISE EXCEPTION 'by the proof' USING ERRCODE = 'disk_full';`),
];

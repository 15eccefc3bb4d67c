import { afterEach, describe, expect, it } from '@jest/globals';
import pg from 'pg';
import { openJobs, RecordingAppender } from '../../contract/queue-jobs.js';
import { eventually } from '../../support/eventually.js';
import { createMigratedDatabase } from '../../support/postgres.js';

const cleanUps: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp();
});

describe('A connection that is lost between the append and the mark as completed', () => {
  it('runs the job again, as a duplicate, and does not fail it', async () => {
    const database = await createMigratedDatabase();
    cleanUps.push(() => database.drop());
    const connect = async (): Promise<pg.Client> => {
      const client = new pg.Client(database.adminUrl);
      await client.connect();
      cleanUps.push(() => client.end());
      return client;
    };
    // Two, because within a transaction pg_stat_activity stays as it was first seen.
    const [locker, admin] = [await connect(), await connect()];
    const appender = new RecordingAppender();
    const gate = appender.hold();
    const jobs = await openJobs({ database, redis: null }, { appender });
    cleanUps.push(() => jobs.close());
    const { id } = await jobs.producer.enqueue('announcement', { to: 'ann', data: { title: 'Hello' } });
    await eventually(() => appender.calls === 1);

    // The mark waits for the lock of the table, and its session is ended by an administrator: an error that is no refused connection.
    await locker.query('BEGIN; LOCK TABLE bullmq.job IN ACCESS EXCLUSIVE MODE');
    gate.open();
    await eventually(async () => {
      const { rowCount } = await admin.query(
        `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
          WHERE datname = current_database() AND wait_event_type = 'Lock' AND query LIKE '%move_to_completed%'`,
      );
      expect(rowCount).toBeGreaterThan(0);
    });
    await locker.query('COMMIT');

    await eventually(async () => expect(await jobs.queue.getJobState(id)).toBe('completed'), {
      timeoutMs: 45_000,
    });
    expect((await jobs.queue.getJob(id))!.returnvalue).toEqual({ appended: 0, duplicates: 1 });
    expect(appender.batches).toHaveLength(2);
  }, 60_000);
});

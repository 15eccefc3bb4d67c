import { afterEach, beforeEach, expect, it } from '@jest/globals';
import pg from 'pg';
import { House, numbered, onBothBackends, taskIds, untilTasks } from './house.js';

onBothBackends('G1: a frame is only sent for a committed entry', (backend) => {
  let house: House;

  beforeEach(async () => {
    house = await House.open(backend);
  });

  afterEach(() => house.close());

  it('commits each entry before its frame arrives, also when the commit is slow', async () => {
    const instance = await house.start();
    // Fires at the commit, after the statement that appends is done.
    await house.sql(`
      CREATE FUNCTION slow_commit() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN PERFORM pg_sleep(0.2); RETURN NULL; END'`);
    await house.sql(`
      CREATE CONSTRAINT TRIGGER slow_commit AFTER INSERT ON tidings.entry DEFERRABLE INITIALLY DEFERRED
        FOR EACH ROW EXECUTE FUNCTION slow_commit()`);
    const reader = new pg.Client(house.databaseUrl);
    await reader.connect();
    const client = await instance.stream('ada');
    for (const id of numbered(5)) {
      await house.add('ada', id);
      await client.waitFor(() => taskIds(client.frames.slice(-1)).includes(id), { timeoutMs: 10_000 });
      const { rows } = await reader.query(`SELECT FROM tidings.entry WHERE data->>'taskId' = $1`, [id]);
      expect(rows).toHaveLength(1);
    }
    await reader.end();
  });

  it('shows nothing of a transaction that is still open, and all of it in order once it is committed', async () => {
    const instance = await house.start();
    const client = await instance.stream('ada');
    const open = new pg.Client(house.databaseUrl);
    await open.connect();
    await open.query('BEGIN');
    await open.query(
      `SELECT FROM tidings.append('{""}', '{ada}', '{"\\\\x01"}', '{task-completed}', '{held open}', '{NULL}', '{NULL}',
         ARRAY['{"taskId":"open"}']::json[], '{1}', '{NULL}', '{NULL}', '{300}', '{false}', ARRAY[$1::bigint])`,
      [Date.now()],
    );
    await house.add('ada', 'behind');
    await house.add('grace', 'stranger');
    const stranger = await instance.stream('grace', { after: '0' });
    expect(await untilTasks(stranger, 1)).toEqual(['stranger']);
    expect(taskIds(client.frames)).toEqual([]);
    await open.query('COMMIT');
    await open.end();
    expect(await untilTasks(client, 2)).toEqual(['open', 'behind']);
  });
});

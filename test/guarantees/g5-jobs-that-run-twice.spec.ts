import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import pg from 'pg';
import { eventually } from '../support/eventually.js';
import { createMigratedDatabase, type TestDatabase } from '../support/postgres.js';
import { notification, openLog, type Log } from '../log/open-log.js';

/** The advisory lock that stands for the gate. */
const GATE = 7;

/**
 * The policy is checked when a statement has its snapshot and has found the feed's row, and before it locks the row. A superuser passes
 * without it.
 */
const BUILD_GATE = `
  CREATE FUNCTION gate() RETURNS boolean LANGUAGE plpgsql AS $$
    BEGIN PERFORM pg_catalog.pg_advisory_xact_lock_shared(${GATE}); RETURN true; END $$;
  CREATE POLICY gate ON tidings.feed USING (public.gate());
  ALTER TABLE tidings.feed ENABLE ROW LEVEL SECURITY;
  ALTER TABLE tidings.feed FORCE ROW LEVEL SECURITY`;

describe('G5: a job that runs in two processes at the same moment', () => {
  let test: TestDatabase;
  let gate: pg.Client;
  let held: Log;
  let quick: Log;

  beforeAll(async () => {
    test = await createMigratedDatabase();
    [held, quick] = await Promise.all([openLog(test.url), openLog(test.adminUrl)]);
    gate = new pg.Client(test.adminUrl);
    await gate.connect();
    await gate.query(BUILD_GATE);
  });

  afterEach(() => gate.query('SELECT pg_advisory_unlock_all()'));

  afterAll(async () => {
    await gate.end();
    await Promise.all([held.close(), quick.close()]);
    await test.drop();
  });

  it.each([
    ['a single notification', 1],
    ['a batch', 3],
  ])(
    'makes one entry of %s if one process commits between the snapshot of the other and its lock',
    async (_, count) => {
      const feed = { tenant: '', recipient: `gets-${count}` };
      await quick.append([notification(feed.recipient)]);
      const job = Array.from({ length: count }, (_, index) =>
        notification(feed.recipient, { dedupeKey: `k:${count}/${index}` }),
      );
      await gate.query('SELECT pg_advisory_lock($1)', [GATE]);
      const late = held.append(job);
      await eventually(async () => {
        const { rowCount } = await gate.query(
          `SELECT FROM pg_locks WHERE locktype = 'advisory' AND objid = $1 AND NOT granted`,
          [GATE],
        );
        expect(rowCount).toBe(1);
      });
      const first = await quick.append(job);
      await gate.query('SELECT pg_advisory_unlock($1)', [GATE]);

      const seqs = job.map((_, index) => index + 2);
      expect(first.map(({ outcome, seq }) => [outcome, seq])).toEqual(seqs.map((seq) => ['appended', seq]));
      expect((await late).map(({ outcome, seq }) => [outcome, seq])).toEqual(
        seqs.map((seq) => ['duplicate', seq]),
      );
      const { feedId } = await quick.reader.open(feed);
      const page = await quick.reader.page(feedId, 0);
      expect(page!.entries.map(({ seq }) => seq)).toEqual([1, ...seqs]);
    },
  );
});

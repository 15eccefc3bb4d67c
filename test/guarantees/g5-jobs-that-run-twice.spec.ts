import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { createMigratedDatabase, type TestDatabase } from '../support/postgres.js';
import { notification, openLog, type Log } from '../log/open-log.js';

/** Feeds that are locked before the one that counts: for as long as that takes, the statement's snapshot grows old. */
const STRANGERS = 900;
const ROUNDS = 8;
const JOBS = 40;

describe('G5: jobs that run in two processes at the same moment', () => {
  let test: TestDatabase;
  let slow: Log;
  let quick: Log;

  beforeAll(async () => {
    test = await createMigratedDatabase();
    [slow, quick] = await Promise.all([openLog(test.url), openLog(test.url)]);
  });

  afterAll(async () => {
    await Promise.all([slow.close(), quick.close()]);
    await test.drop();
  });

  it('make one entry each, also if one process commits between the check and the lock of the other', async () => {
    const strangers = Array.from({ length: STRANGERS }, (_, index) =>
      notification(`stranger-${index}`, { dedupeKey: 'k:the same in each round' }),
    );
    await slow.appender.append(strangers);
    // Made after the others, so that it is locked after them.
    await slow.appender.append([notification('ada', { dedupeKey: 'k:first' })]);
    for (let round = 0; round < ROUNDS; round += 1) {
      const jobs = Array.from({ length: JOBS }, (_, index) =>
        notification('ada', { dedupeKey: `k:${round}/${index}` }),
      );
      const inOneBatch = slow.appender.append([...strangers, ...jobs]);
      for (const job of jobs) await quick.appender.append([job]);
      await inOneBatch;
    }
    const { rows } = await slow.database.pool.query<{ seqs: number[] }>(
      `SELECT array_agg(seq::integer ORDER BY seq) AS seqs FROM tidings.entry
        WHERE feed_id = (SELECT id FROM tidings.feed WHERE recipient = 'ada')`,
    );
    expect(rows[0]!.seqs).toEqual(Array.from({ length: 1 + ROUNDS * JOBS }, (_, index) => index + 1));
  });
});

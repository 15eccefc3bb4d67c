import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Retention } from '../../src/log/upkeep/retention.js';
import { createMigratedDatabase, type TestDatabase } from '../support/postgres.js';
import { notification, openLog, type Log } from '../log/open-log.js';

describe('G6: a page is of one snapshot', () => {
  let test: TestDatabase;
  let log: Log;
  let other: Log;

  beforeAll(async () => {
    test = await createMigratedDatabase();
    [log, other] = await Promise.all([openLog(test.url), openLog(test.url)]);
  });

  afterAll(async () => {
    await Promise.all([log.close(), other.close()]);
    await test.drop();
  });

  it('begins right after its floor although the retention trims after every statement', async () => {
    const feed = { tenant: '', recipient: 'ada' };
    await log.appender.append(Array.from({ length: 60 }, () => notification('ada')));
    const { feedId } = await log.reader.open(feed);
    let kept = 50;
    const query = log.database.query.bind(log.database);
    log.database.query = async <Row extends object>(text: string, values?: unknown[]): Promise<Row[]> => {
      const rows = await query<Row & Record<string, unknown>>(text, values);
      await trimTo((kept -= 10));
      return rows;
    };
    try {
      for (let reads = 0; reads < 2; reads += 1) {
        const page = (await log.reader.page(feedId, 0))!;
        // An entry that is gone and not below the floor would be a gap that nobody speaks of.
        expect(page.entries[0]!.seq).toBe(page.floor + 1);
        expect(page.entries.map(({ seq }) => seq)).toEqual(
          Array.from({ length: page.head - page.floor }, (_, index) => page.floor + 1 + index),
        );
      }
    } finally {
      log.database.query = query;
    }
  });

  async function trimTo(maxEntries: number): Promise<void> {
    const limits = { days: null, maxEntries, sweepMs: 60_000, dedupeKeyDays: 90 };
    await new Retention(other.database, limits).sweep();
  }
});

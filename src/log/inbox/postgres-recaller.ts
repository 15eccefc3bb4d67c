import { givenDedupeKey, hashDedupeKey } from '../../contract/model/dedupe-key.js';
import { LogUnavailableError } from '../../contract/errors.js';
import type { FeedKey } from '../../contract/model/feed.js';
import type { Announcer } from '../../contract/ports/live.js';
import type { FeedReader } from '../../contract/ports/read.js';
import type { Recaller, RecallOutcome } from '../../contract/ports/recall.js';
import type { Sql } from '../../contract/ports/sql.js';
import { announcementOf, type ChangeRow } from './change-row.js';
import { ConcurrencyLimiter } from './concurrency-limiter.js';

/** Feed by feed, each in a transaction of its own, so that one that is held does not hold up the others. */
const RECALLS_AT_A_TIME = 3;
/** A recall of 1,000 feeds waits for itself, mostly. */
const PATIENCE_MS = 30_000;

type Row = ChangeRow<'missing' | 'prevented' | 'gone'>;

/** Takes notifications back by the dedupe key that their producer gave them. */
export class PostgresRecaller implements Recaller {
  private readonly limiter = new ConcurrencyLimiter(RECALLS_AT_A_TIME, PATIENCE_MS);

  constructor(
    private readonly sql: Sql,
    private readonly reader: FeedReader,
    private readonly announcer: Announcer,
  ) {}

  async recall(feeds: readonly FeedKey[], dedupeKey: string): Promise<RecallOutcome[]> {
    const key = givenDedupeKey(dedupeKey);
    const outcomes = await Promise.allSettled(
      feeds.map((feed) => this.limiter.run(() => this.recallOne(feed, key))),
    );
    return outcomes.map((outcome) => {
      // After all have ended: what a failed call leaves behind does not go on in its back.
      if (outcome.status === 'rejected') throw outcome.reason;
      return outcome.value;
    });
  }

  private async recallOne(feed: FeedKey, dedupeKey: string): Promise<RecallOutcome> {
    const values = [feed.tenant, feed.recipient, hashDedupeKey({ feed, dedupeKey })];
    // Twice is enough unless the feed is erased in the very moment between.
    for (let attempt = 0; attempt < 3; attempt += 1) {
      const [row] = await this.sql.query<Row>(`SELECT * FROM ${this.sql.schema}.recall($1, $2, $3)`, values);
      if (row?.outcome === 'changed') {
        this.announcer.announce([announcementOf(feed, row)]);
        return 'recalled';
      }
      if (row && row.outcome !== 'missing') return row.outcome;
      // The row is where the job that may still come would wait for us, so it must be there first.
      await this.reader.open(feed);
    }
    throw new LogUnavailableError('The recall could not be noted: the feed is being erased.');
  }
}

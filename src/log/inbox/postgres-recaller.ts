import { givenDedupeKey, hashDedupeKey } from '../../contract/model/dedupe-key.js';
import { LogUnavailableError } from '../../contract/errors.js';
import type { FeedKey } from '../../contract/model/feed.js';
import type { Announcer } from '../../contract/ports/live.js';
import type { FeedReader } from '../../contract/ports/read.js';
import type { Recaller, RecallOutcome } from '../../contract/ports/recall.js';
import type { Sql } from '../../contract/ports/sql.js';
import { announcementOf, type ChangeRow } from './change-row.js';
import { ConcurrencyLimiter } from './concurrency-limiter.js';

/** Each feed has its own transaction, so that a locked feed does not delay the others. */
const RECALLS_AT_A_TIME = 3;
/** A recall of 1,000 feeds mostly waits for itself. */
const PATIENCE_MS = 30_000;

type Row = ChangeRow<'missing' | 'prevented' | 'gone'>;

/** Recalls notifications by the dedupe key of their producer. */
export class PostgresRecaller implements Recaller {
  private readonly limiter = new ConcurrencyLimiter(RECALLS_AT_A_TIME, PATIENCE_MS);

  constructor(
    private readonly sql: Sql,
    private readonly reader: FeedReader,
    private readonly announcer: Announcer,
  ) {}

  async recall(
    feeds: readonly FeedKey[],
    dedupeKey: string,
    sender: string | null,
  ): Promise<RecallOutcome[]> {
    const key = givenDedupeKey(dedupeKey, sender);
    const outcomes = await Promise.allSettled(
      feeds.map((feed) => this.limiter.run(() => this.recallOne(feed, key))),
    );
    return outcomes.map((outcome) => {
      // After all have ended, so that nothing continues in the background after an error.
      if (outcome.status === 'rejected') throw outcome.reason;
      return outcome.value;
    });
  }

  private async recallOne(feed: FeedKey, dedupeKey: string): Promise<RecallOutcome> {
    const values = [feed.tenant, feed.recipient, hashDedupeKey({ feed, dedupeKey })];
    // Two attempts suffice unless the feed is erased in between.
    for (let attempt = 0; attempt < 3; attempt += 1) {
      const [row] = await this.sql.query<Row>(`SELECT * FROM ${this.sql.schema}.recall($1, $2, $3)`, values);
      if (row?.outcome === 'changed') {
        this.announcer.announce([announcementOf(feed, row)]);
        return 'recalled';
      }
      if (row && row.outcome !== 'missing') return row.outcome;
      // A late job must find the key taken, which needs the feed's row, so create it first.
      await this.reader.open(feed);
    }
    throw new LogUnavailableError('The recall could not be recorded: the feed is being erased.');
  }
}

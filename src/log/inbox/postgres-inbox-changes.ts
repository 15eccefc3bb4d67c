import { formatCursor } from '../../contract/model/cursor.js';
import { InvalidRequestError, LogUnavailableError, NotFoundError } from '../../contract/errors.js';
import type { FeedKey } from '../../contract/model/feed.js';
import type { InboxChanges, InboxCounts, Selection, StateChange } from '../../contract/ports/inbox.js';
import type { Announcer } from '../../contract/ports/live.js';
import type { Sql } from '../../contract/ports/sql.js';
import { announcementOf, type ChangeRow } from './change-row.js';
import { checkSelection, unknownFields } from './selection.js';
import { Turnstile } from './concurrency-limiter.js';

/** A change that waits for its feed holds a connection: whatever clients send, the appends and the streams find one. */
const CHANGES_AT_A_TIME = 3;
/** As long as the pool lets its callers wait for a connection. */
const PATIENCE_MS = 5_000;

type Row = ChangeRow<'same' | 'missing' | 'unknown' | 'epoch' | 'ahead'>;

/** Changes the state of notifications: one function call each, one entry in the log, and then the news of it on the bus. */
export class PostgresInboxChanges implements InboxChanges {
  private readonly turnstile = new Turnstile(CHANGES_AT_A_TIME, PATIENCE_MS);
  private readonly byIds: string;
  private readonly upTo: string;

  constructor(
    private readonly sql: Sql,
    private readonly announcer: Announcer,
  ) {
    this.byIds = `SELECT * FROM ${sql.schema}.change_by_ids($1, $2, $3, $4::uuid[])`;
    this.upTo = `SELECT * FROM ${sql.schema}.change_up_to($1, $2, $3, $4, $5::bigint)`;
  }

  async change(feed: FeedKey, change: StateChange, selection: Selection): Promise<InboxCounts> {
    checkSelection(change, selection);
    const row = await this.turnstile.pass(() => this.run(feed, change, selection));
    refuse(row, selection);
    if (row.outcome === 'changed') this.announcer.announce([announcementOf(feed, row)]);
    return { unread: row.unread, unseen: row.unseen, cursor: formatCursor(row.epoch, Number(row.head)) };
  }

  private async run({ tenant, recipient }: FeedKey, change: StateChange, selection: Selection): Promise<Row> {
    const [row] =
      'upTo' in selection
        ? await this.sql.query<Row>(this.upTo, [
            ...[tenant, recipient, change, selection.upTo.epoch],
            // A number that no bigint holds is ahead of every head just as well.
            Math.min(selection.upTo.seq, Number.MAX_SAFE_INTEGER),
          ])
        : await this.sql.query<Row>(this.byIds, [tenant, recipient, change, selection.ids]);
    if (!row) throw new LogUnavailableError('The database gave no answer to a change.');
    return row;
  }
}

function refuse({ outcome, unknown_ids: unknown }: Row, selection: Selection): void {
  if (outcome === 'changed' || outcome === 'same') return;
  if ('ids' in selection) {
    // A feed that nobody has written to has none of them.
    const missing = unknown ?? selection.ids.map((id) => id.toLowerCase());
    throw new NotFoundError(unknownFields(selection.ids, missing));
  }
  const problem =
    outcome === 'ahead'
      ? 'is ahead of the feed: use the cursor of a page or a frame'
      : 'is not of the present history of this feed: read the first page again';
  throw new InvalidRequestError([{ field: 'upTo', problem }]);
}

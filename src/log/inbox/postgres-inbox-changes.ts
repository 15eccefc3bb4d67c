import { formatCursor } from '../../contract/model/cursor.js';
import {
  InvalidRequestError,
  LogUnavailableError,
  NotFoundError,
  type InvalidField,
} from '../../contract/errors.js';
import type { FeedKey } from '../../contract/model/feed.js';
import {
  parseSelection,
  type ParsedSelection,
  type Selection,
  type StateChange,
} from '../../contract/model/selection.js';
import type { InboxChanges, InboxCounts } from '../../contract/ports/inbox.js';
import type { Announcer } from '../../contract/ports/live.js';
import type { Sql } from '../../contract/ports/sql.js';
import { announcementOf, type ChangeRow } from './change-row.js';
import { ConcurrencyLimiter } from './concurrency-limiter.js';

/** Limits the connections held by changes that wait for a feed's lock, so that appends and streams always find one. */
const CHANGES_AT_A_TIME = 3;
/** As long as the pool's own timeout. */
const PATIENCE_MS = 5_000;

type Row = ChangeRow<'same' | 'missing' | 'unknown' | 'epoch' | 'ahead'>;

/**
 * Changes the state of notifications: each change is one function call, one entry in the log, and one
 * announcement on the bus.
 */
export class PostgresInboxChanges implements InboxChanges {
  private readonly limiter = new ConcurrencyLimiter(CHANGES_AT_A_TIME, PATIENCE_MS);
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
    const parsed = parseSelection(change, selection);
    const row = await this.limiter.run(() => this.run(feed, change, parsed));
    refuse(row, selection);
    if (row.outcome === 'changed') this.announcer.announce([announcementOf(feed, row)]);
    return { unread: row.unread, unseen: row.unseen, cursor: formatCursor(row.epoch, Number(row.head)) };
  }

  private async run(
    { tenant, recipient }: FeedKey,
    change: StateChange,
    selection: ParsedSelection,
  ): Promise<Row> {
    const [row] =
      'upTo' in selection
        ? await this.sql.query<Row>(this.upTo, [
            ...[tenant, recipient, change, selection.upTo.epoch],
            // A number beyond bigint is ahead of every head too.
            Math.min(selection.upTo.seq, Number.MAX_SAFE_INTEGER),
          ])
        : await this.sql.query<Row>(this.byIds, [tenant, recipient, change, selection.ids]);
    if (!row) throw new LogUnavailableError('The database returned no result for a change.');
    return row;
  }
}

function refuse({ outcome, unknown_ids: unknown }: Row, selection: Selection): void {
  if (outcome === 'changed' || outcome === 'same') return;
  if ('ids' in selection) {
    // A feed without a row has no notifications.
    throw new NotFoundError(unknownFields(selection.ids, unknown ?? selection.ids));
  }
  const problem =
    outcome === 'ahead'
      ? 'is ahead of the feed: use the cursor of a page or a frame'
      : 'is from an earlier history of this feed or from another feed: read the first page again';
  throw new InvalidRequestError([{ field: 'upTo', problem }]);
}

/** The invalid fields for ids that are not in the feed, in the order of the request. */
function unknownFields(ids: readonly string[], unknown: readonly string[]): InvalidField[] {
  const missing = new Set(unknown.map((id) => id.toLowerCase()));
  return ids
    .map((id, index) => ({ id, field: `ids[${index}]` }))
    .filter(({ id }) => missing.has(id.toLowerCase()))
    .map(({ id, field }) => ({ field, problem: `is not a notification of this feed: ${id}` }));
}

import { formatCursor } from '../../contract/model/cursor.js';
import {
  AlreadyActedError,
  InvalidRequestError,
  LogUnavailableError,
  NotFoundError,
  type InvalidField,
} from '../../contract/errors.js';
import { shortNameProblem } from '../../contract/model/content.js';
import type { NotificationItem } from '../../contract/model/entry.js';
import type { FeedKey } from '../../contract/model/feed.js';
import type { ActedNotification } from '../../contract/model/hooks.js';
import {
  idProblem,
  parseSelection,
  parseSnooze,
  type ParsedSelection,
  type Selection,
  type SnoozeRequest,
  type StateChange,
} from '../../contract/model/selection.js';
import type { TakenNotification } from '../../contract/ports/audience.js';
import type { Chosen, InboxChanges, InboxCounts } from '../../contract/ports/inbox.js';
import type { Announcer } from '../../contract/ports/live.js';
import type { Sql } from '../../contract/ports/sql.js';
import { MOST_SNOOZED } from '../migrations/snooze-functions.js';
import { announcementOf, returnedAmong, type ChangeRow } from './change-row.js';
import { ConcurrencyLimiter } from './concurrency-limiter.js';

/** Limits the connections held by changes that wait for a feed's lock, so that appends and streams always find one. */
const CHANGES_AT_A_TIME = 3;
/** As long as the pool's own timeout. */
const PATIENCE_MS = 5_000;

type Row = ChangeRow<'same' | 'missing' | 'unknown' | 'epoch' | 'ahead' | 'past' | 'far' | 'full'>;

/** A row of the function `act`, see migrations/act-function.ts. */
interface ActRow extends ChangeRow<'same' | 'conflict' | 'unknown' | 'no action' | 'link'> {
  readonly chosen: string;
  /** As on the wire. */
  readonly at: string;
  readonly item: string | null;
  readonly choices: readonly string[];
}

/** What happens to the actions that recipients choose, and to what they bring back. */
export interface InboxListener {
  /** Called after the commit; must not throw. */
  readonly acted: (acted: ActedNotification) => void;
  /** Whether the transaction stages a job of each in `action_outbox`. */
  readonly stages: boolean;
  /** Called after the commit with the notifications that came back from being snoozed; must not throw. */
  readonly returned: (notifications: readonly TakenNotification[]) => void;
}

const NO_LISTENER: InboxListener = { acted: () => {}, stages: false, returned: () => {} };

/**
 * Changes the state of notifications: each change is one function call, one entry in the log (of each
 * notification that comes back), and one announcement on the bus.
 */
export class PostgresInboxChanges implements InboxChanges {
  private readonly limiter = new ConcurrencyLimiter(CHANGES_AT_A_TIME, PATIENCE_MS);

  constructor(
    private readonly sql: Sql,
    private readonly announcer: Announcer,
    private readonly listener: InboxListener = NO_LISTENER,
  ) {}

  async change(feed: FeedKey, change: StateChange, selection: Selection): Promise<InboxCounts> {
    const parsed = parseSelection(change, selection);
    return this.apply(feed, selection, ...callOf(feed, change, parsed));
  }

  async snooze(feed: FeedKey, request: SnoozeRequest): Promise<InboxCounts> {
    const { ids, until } = parseSnooze(request, ['ids', 'until']);
    return this.apply(feed, request, 'snooze($1, $2, $3::uuid[], $4)', [...keyOf(feed), ids, until]);
  }

  async unsnooze(feed: FeedKey, ids: readonly string[]): Promise<InboxCounts> {
    const parsed = parseSnooze({ ids }, ['ids']);
    return this.apply(feed, { ids }, 'unsnooze($1, $2, $3::uuid[])', [...keyOf(feed), parsed.ids]);
  }

  async act(feed: FeedKey, id: string, action: string): Promise<Chosen> {
    const problems = { id: idProblem(id), action: shortNameProblem(action) };
    if (problems.id) throw new InvalidRequestError([{ field: 'id', problem: problems.id }]);
    if (problems.action) throw new InvalidRequestError([{ field: 'action', problem: problems.action }]);
    const rows = await this.call<ActRow>('act($1, $2, $3::uuid, $4, $5)', [
      ...keyOf(feed),
      ...[id, action, this.listener.stages],
    ]);
    const row = rows.at(-1)!;
    refuseAction(row, id, action);
    const chosen = { action: row.chosen, at: row.at };
    this.announce(feed, rows);
    if (row.item !== null) {
      this.listener.acted({ feed, notification: JSON.parse(row.item) as NotificationItem, ...chosen });
    }
    return { id: id.toLowerCase(), ...chosen };
  }

  /** Calls a function whose last row has the outcome. */
  private async apply(
    feed: FeedKey,
    request: Selection | SnoozeRequest,
    call: string,
    values: unknown[],
  ): Promise<InboxCounts> {
    const rows = await this.call<Row>(call, values);
    const row = rows.at(-1)!;
    refuse(row, request);
    this.announce(feed, rows);
    return { unread: row.unread, unseen: row.unseen, cursor: formatCursor(row.epoch, Number(row.head)) };
  }

  private async call<R extends object>(call: string, values: unknown[]): Promise<R[]> {
    const rows = await this.limiter.run(() =>
      this.sql.query<R>(`SELECT * FROM ${this.sql.schema}.${call}`, values),
    );
    if (rows.length === 0) throw new LogUnavailableError('The database returned no result for a change.');
    return rows;
  }

  private announce(feed: FeedKey, rows: readonly ChangeRow<string>[]): void {
    const changed = rows.filter(({ outcome }) => outcome === 'changed');
    if (changed.length === 0) return;
    this.announcer.announce(changed.map((row) => announcementOf(feed, row)));
    const returned = returnedAmong(changed.map((row) => ({ ...announcementOf(feed, row), type: row.type })));
    if (returned.length > 0) this.listener.returned(returned);
  }
}

const keyOf = ({ tenant, recipient }: FeedKey): string[] => [tenant, recipient];

/** The function of a change, with its parameters. */
function callOf(feed: FeedKey, change: StateChange, selection: ParsedSelection): [string, unknown[]] {
  if ('ids' in selection)
    return ['change_by_ids($1, $2, $3, $4::uuid[])', [...keyOf(feed), change, selection.ids]];
  const { epoch, seq } = selection.upTo;
  // A number beyond bigint is ahead of every head too.
  const place = Math.min(seq, Number.MAX_SAFE_INTEGER);
  return ['change_up_to($1, $2, $3, $4, $5::bigint)', [...keyOf(feed), change, epoch, place]];
}

/** The field and its problem, by the outcome that refuses a change. */
const PROBLEMS: Partial<Record<Row['outcome'], readonly [string, string]>> = {
  ahead: ['upTo', 'is ahead of the feed: use the cursor of a page or a frame'],
  epoch: ['upTo', 'is from an earlier history of this feed or from another feed: read the first page again'],
  past: ['until', 'must be in the future, by the clock of the server'],
  far: ['until', 'must be at most a year from now'],
  full: ['ids', `would be too many: at most ${MOST_SNOOZED} notifications are snoozed at the same time`],
};

function refuse({ outcome, unknown_ids: unknown }: Row, request: Selection | SnoozeRequest): void {
  if (outcome === 'changed' || outcome === 'same') return;
  const [field, problem] = PROBLEMS[outcome] ?? [];
  if (field !== undefined) throw new InvalidRequestError([{ field, problem: problem! }]);
  // A feed without a row has no notifications.
  if ('ids' in request) throw new NotFoundError(unknownFields(request.ids, unknown ?? request.ids));
  const [of, why] = PROBLEMS.epoch!;
  throw new InvalidRequestError([{ field: of, problem: why }]);
}

function refuseAction({ outcome, chosen, at, choices }: ActRow, id: string, action: string): void {
  if (outcome === 'conflict') throw new AlreadyActedError(chosen, at);
  if (outcome === 'unknown')
    throw new NotFoundError([{ field: 'id', problem: `is not a notification of this feed: ${id}` }]);
  if (outcome === 'link') {
    const problem = `is a link, which is followed and not sent to the server: ${action}`;
    throw new InvalidRequestError([{ field: 'action', problem }]);
  }
  if (outcome === 'no action') {
    const has = choices.length > 0 ? `it has ${choices.join(', ')}` : 'it has none';
    throw new NotFoundError([
      { field: 'action', problem: `is not an action of this notification: ${action}; ${has}` },
    ]);
  }
}

/** The invalid fields for ids that are not in the feed, in the order of the request. */
function unknownFields(ids: readonly string[], unknown: readonly string[]): InvalidField[] {
  const missing = new Set(unknown.map((id) => id.toLowerCase()));
  return ids
    .map((id, index) => ({ id, field: `ids[${index}]` }))
    .filter(({ id }) => missing.has(id.toLowerCase()))
    .map(({ id, field }) => ({ field, problem: `is not a notification of this feed: ${id}` }));
}

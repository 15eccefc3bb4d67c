import { formatCursor } from '../../contract/model/cursor.js';
import { InvalidRequestError } from '../../contract/errors.js';
import type { FeedKey } from '../../contract/model/feed.js';
import type { InboxPage, PageRequest } from '../../contract/ports/inbox.js';
import type { PageRow } from './read-page.js';

/** The parameters of `readPage`'s statement. */
export function queryOf(
  { tenant, recipient }: FeedKey,
  { before, limit, unread, archived, type }: PageRequest,
  audiences: readonly string[] = [],
): unknown[] {
  // A number beyond bigint is ahead of every head too.
  const top = before && Math.min(before.seq, Number.MAX_SAFE_INTEGER);
  return [tenant, recipient, top, limit, unread, archived, type, audiences];
}

/**
 * Converts rows to a page. @throws {InvalidRequestError} naming `before` if it is not a position of this feed
 * in its current epoch.
 */
export function toPage(rows: readonly PageRow[], { before }: PageRequest): InboxPage {
  const { epoch, unread, unseen, ...numbers } = rows[0]!;
  const [head, floor, low] = [Number(numbers.head), Number(numbers.floor), Number(numbers.low)];
  if (before && before.epoch !== epoch) {
    throw invalidBefore(
      'is from an earlier history of this feed or from another feed: start again with the first page',
    );
  }
  if (before && before.seq > head) throw invalidBefore('is ahead of the feed: use the "next" of a page');

  const shown = rows.filter(({ json }) => json !== null);
  const isCut = rows.some(({ seq, json }) => seq !== null && json === null);
  const next = isCut ? Number(shown.at(-1)!.seq) : low > floor ? low + 1 : null;
  return {
    items: shown.map(({ json }) => json!),
    next: next === null ? null : formatCursor(epoch, next),
    unread,
    unseen,
    cursor: formatCursor(epoch, head),
  };
}

function invalidBefore(problem: string): InvalidRequestError {
  return new InvalidRequestError([{ field: 'before', problem }]);
}

import { formatCursor, parseCursor } from '../../contract/model/cursor.js';
import { InvalidRequestError } from '../../contract/errors.js';
import type { FeedKey } from '../../contract/model/feed.js';
import type { InboxPage, PageRequest } from '../../contract/ports/inbox.js';
import type { PageRow } from './read-page.js';

/**
 * The entries that the statements for one page scan: `first` by the first, which is nearly the whole feed with the default retention,
 * then four times as many each up to `each`, and `all` in sum.
 */
export const PAGE_SCANS = { first: 1_000, each: 16_000, all: 100_000 };

/**
 * Reads one page, in several statements if need be: entries that are not listed (changes of state, hidden ones, those that the filter excludes) may fill
 * the places that one statement scans, and a page must not be empty while there is something to list.
 *
 * @param audiences Those whose entries are to be taken first: `pending` if there are any.
 * @param read Runs `readPage`'s statement with these parameters.
 * @returns `missing` if the feed has no row.
 * @throws as {@link toPage}.
 */
export async function pageOf(
  feed: FeedKey,
  request: PageRequest,
  audiences: readonly string[],
  read: (values: unknown[]) => Promise<PageRow[]>,
): Promise<InboxPage | 'missing' | 'pending'> {
  let first: InboxPage | null = null;
  let { before } = request;
  let scan = PAGE_SCANS.first;
  for (let scanned = 0; ; scanned += scan, scan = Math.min(4 * scan, PAGE_SCANS.each)) {
    const rows = await read(queryOf(feed, { ...request, before }, scan, first ? [] : audiences));
    if (rows.length === 0) return 'missing';
    if (rows[0]!.pending) return 'pending';
    // The feed was erased or restored in between: what was read belongs to another history.
    if (first && rows[0]!.epoch !== before!.epoch) return pageOf(feed, request, audiences, read);
    const page = toPage(rows, { ...request, before });
    // Counts and cursor are those of the first snapshot: a stream from there has what came later.
    first ??= page;
    if (page.items.length > 0 || page.next === null || scanned + scan >= PAGE_SCANS.all) {
      return { ...first, items: page.items, next: page.next };
    }
    before = parseCursor(page.next);
  }
}

/** The parameters of `readPage`'s statement. */
function queryOf(
  { tenant, recipient }: FeedKey,
  { before, limit, unread, archived, type, category = null }: PageRequest,
  scan: number,
  audiences: readonly string[],
): unknown[] {
  // A number beyond bigint is ahead of every head too.
  const top = before && Math.min(before.seq, Number.MAX_SAFE_INTEGER);
  return [tenant, recipient, top, limit, unread, archived, type, audiences, scan, category];
}

/**
 * Converts rows to a page. @throws {InvalidRequestError} naming `before` if it is not a position of this feed
 * in its current epoch.
 */
function toPage(rows: readonly PageRow[], { before }: PageRequest): InboxPage {
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

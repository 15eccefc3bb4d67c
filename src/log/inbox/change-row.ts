import type { FeedKey } from '../../contract/model/feed.js';
import type { Announcement } from '../../contract/ports/live.js';

/** What a function of `change-functions.ts` answers; which columns are there depends on the outcome. */
export interface ChangeRow<Outcome extends string> {
  readonly outcome: Outcome | 'changed';
  readonly epoch: string;
  readonly head: string;
  /** The new entry's. */
  readonly seq: string;
  readonly type: string;
  readonly entry_json: string;
  readonly unread: number;
  readonly unseen: number;
  readonly unknown_ids: readonly string[] | null;
}

/** The new entry, as the bus takes it. */
export function announcementOf(feed: FeedKey, row: ChangeRow<string>): Announcement {
  const { epoch, type, entry_json: json } = row;
  const seq = Number(row.seq);
  return { feed, epoch, seq, entry: { seq, type, json } };
}

import type { FeedKey } from '../../contract/model/feed.js';
import type { TakenNotification } from '../../contract/ports/audience.js';
import type { Announcement } from '../../contract/ports/live.js';

/** A row returned by a function of `migrations/change-functions.ts` or `snooze-functions.ts`; the outcome determines which columns are set. */
export interface ChangeRow<Outcome extends string> {
  readonly outcome: Outcome | 'changed';
  readonly epoch: string;
  readonly head: string;
  /** The number of the new entry. */
  readonly seq: string;
  readonly type: string;
  /** `null` if the entry expires: it is read from the log, so that no memory serves it too late. */
  readonly entry_json: string | null;
  readonly unread: number;
  readonly unseen: number;
  readonly unknown_ids: readonly string[] | null;
}

/** The announcement of the new entry on the bus. */
export function announcementOf(feed: FeedKey, row: ChangeRow<string>): Announcement {
  const { epoch, type, entry_json: json } = row;
  const seq = Number(row.seq);
  return { feed, epoch, seq, entry: json === null ? null : { seq, type, json } };
}

/** The announcement of an entry, with the type also where the entry itself must be read. */
export interface TypedAnnouncement extends Announcement {
  readonly type: string;
}

/** The notifications among new entries: each came back from being snoozed. The others are changes of state. */
export function returnedAmong(entries: readonly TypedAnnouncement[]): TakenNotification[] {
  return entries
    .filter(({ type }) => !type.startsWith('feed.'))
    .map((entry) => ({ outcome: 'appended', ...entry }));
}

import type { NotificationItem } from '../../contract/model/entry.js';
import type { CountsAfter, StateEntry } from '../../contract/model/state-entry.js';
import { numberOf, placeOf, seqOf } from './cursor.js';

/** The response of `GET /v1/notifications`. */
export interface Page extends Counts {
  readonly items: readonly NotificationItem[];
  readonly next: string | null;
}

/** Counts as of a position in the log. */
export interface Counts extends CountsAfter {
  readonly cursor: string;
}

/** A change of notifications. */
export type Change = 'read' | 'unread' | 'seen' | 'archive' | 'unarchive' | 'remove' | 'snooze' | 'acted';

/** The notifications to change: by id, or all up to a cursor. */
export interface Selection {
  readonly ids?: readonly string[];
  readonly upTo?: string;
  /** When snoozed ones come back. */
  readonly until?: string;
  /** The action that is chosen, and when it was, if the server says so. */
  readonly action?: string;
  readonly at?: string;
}

/** The part of a snapshot that the log determines. */
export interface View extends CountsAfter {
  readonly items: readonly NotificationItem[];
}

/** A view with the notifications that were archived while the page was open, which reappear when they are unarchived. */
interface Base extends View {
  readonly archived: ReadonlySet<string>;
  /** The newest entry at the last opening of the bell, as far as known. Later unread ones are unseen. */
  readonly seenSeq: number;
}

/** A change that the server has not confirmed yet. */
export interface Pending {
  readonly change: Change;
  readonly selection: Selection;
  readonly at: string;
  /** Where the server applied it: a later item is one that came back since, and not changed. */
  readonly asOf?: number;
}

/** The page of an empty store. */
export const NO_PAGE: Page = { items: [], unread: 0, unseen: 0, cursor: '', next: null };

/**
 * The loaded part of the feed. `view` is the server's state (`base`) with the pending changes applied, so that a rollback only drops a
 * pending change.
 *
 * Counts have a position of their own (`countsAt`), because a response or a `feed.ready` may be ahead of the entries. Entries up to that
 * position are not counted again.
 */
export interface Store {
  /** The position of the last applied entry; `''` before the first page. */
  cursor: string;
  /** The cursor of the next older page; `null` if there is none. */
  readonly next: string | null;
  /** The same object until something changes. */
  readonly view: View;
  readonly epoch: string;
  readonly seq: number;
  /** Adds an older page. @returns `false` if it predates the last change of state, and has to be requested again. */
  append(page: Page): boolean;
  /** Adds the notification at the cursor. */
  addItem(item: NotificationItem): void;
  /** Applies the change of state at the cursor. @returns `false` if it restores notifications that are not loaded: the first page has to be loaded again. */
  addState(entry: StateEntry): boolean;
  /** Sets the counts, unless newer ones are known. */
  setCounts(counts: Counts): void;
  /** Applies a change before the server confirms it. */
  propose(change: Change, selection: Selection): Pending;
  /** Undoes a pending change. */
  rollBack(pending: Pending): void;
  /** Makes a pending change permanent. The stream will repeat it, without effect. Counts without a cursor are not known. */
  confirm(pending: Pending, counts: Partial<Counts>): void;
}

/** @param page the first page. */
export function createStore({ items, unread, unseen, cursor, next }: Page): Store {
  let countsAt = seqOf(cursor);
  let pending: readonly Pending[] = [];
  /** The last change of state. */
  let stateSeq = 0;
  let shown: View | null = null;
  // The unseen notifications are the newest unread ones.
  const oldest = items.filter(({ readAt }) => readAt === null)[unseen - 1];
  const seenSeq = unseen === 0 ? countsAt : oldest ? seqOf(oldest.cursor) - 1 : 0;
  let base: Base = { items, archived: new Set(), seenSeq, unread, unseen };

  function set(patch: Partial<Base>): void {
    base = { ...base, ...patch };
    shown = null;
  }

  function idsOfBase(): Set<string> {
    return new Set(base.items.map(({ id }) => id));
  }

  function settle(change: Pending, counts: Partial<Counts>): void {
    const { unread, unseen } = base;
    const { cursor } = counts;
    const next = changed(base, cursor ? { ...change, asOf: seqOf(cursor) } : change);
    if (!cursor) return set(next);
    set({ ...next, unread, unseen });
    store.setCounts(counts as Counts);
  }

  const store: Store = {
    cursor,
    get next() {
      return next;
    },
    get view() {
      if (shown) return shown;
      const { items, archived, unread, unseen } = pending.reduce(changed, base);
      return (shown = {
        items: archived.size > 0 ? items.filter(({ id }) => !archived.has(id)) : items,
        unread: Math.max(0, unread),
        unseen: Math.max(0, unseen),
      });
    },
    get epoch() {
      return placeOf(store.cursor)?.epoch ?? '';
    },
    get seq() {
      return seqOf(store.cursor);
    },

    append(page) {
      if (seqOf(page.cursor) < stateSeq) return false;
      const known = idsOfBase();
      set({ items: [...base.items, ...page.items.filter(({ id }) => !known.has(id))] });
      next = page.next;
      return true;
    },

    addItem(item) {
      const known = idsOfBase();
      const kept = base.items.filter(({ id }) => id !== item.id && !item.replaces.includes(id));
      // One that comes back from being snoozed is not archived.
      const archived = new Set(base.archived);
      archived.delete(item.id);
      const added = { ...base, archived, items: [item, ...kept] };
      if (store.seq <= countsAt) return set(added);
      const { unread, unseen } = recounted(base, added);
      // The counts include replaced notifications that are not loaded (older, or skipped by a replay), up to the position of the counts.
      const others = item.replaces.filter((id) => !known.has(id)).map(numberOf);
      const counted = others.filter((number) => number <= countsAt);
      const unseenOf = counted.filter((number) => number > base.seenSeq);
      set({ ...added, unread: unread - counted.length, unseen: unseen - unseenOf.length });
    },

    addState(entry) {
      stateSeq = store.seq;
      // The counts of a `feed.removed` may be of a later position.
      // The type is the change: `feed.read` read, `feed.archived` archive, `feed.acted` acted.
      const change = entry.type.slice(5).replace(/([vz]e)d$/, '$1') as Change;
      const cursor = ('asOf' in entry && entry.asOf) || store.cursor;
      // An entry has the counts of when it was written. Those that are known of its place may be newer: the retention makes no entry.
      const { unread, unseen } = seqOf(cursor) > countsAt ? entry : base;
      settle(pendingOf(change, entry as Selection), { unread, unseen, cursor });
      const known = idsOfBase();
      // A `feed.missed` selects none.
      const { ids = [] } = entry as Selection;
      return entry.type !== 'feed.unarchived' || ids.every((id) => known.has(id));
    },

    setCounts({ cursor, unread, unseen }) {
      const place = placeOf(cursor);
      // An answer that comes after later entries, which are counted, has nothing new.
      if (place?.epoch !== store.epoch || place.seq < Math.max(countsAt, store.seq)) return;
      countsAt = place.seq;
      set({ unread, unseen });
    },

    propose(change, selection) {
      const added = pendingOf(change, selection);
      pending = [...pending, added];
      set({});
      return added;
    },

    rollBack(rejected) {
      pending = pending.filter((each) => each !== rejected);
      set({});
    },

    confirm(confirmed, counts) {
      store.rollBack(confirmed);
      settle(confirmed, counts);
    },
  };
  return store;
}

/** Applies a change, and estimates the counts from the loaded notifications. */
function changed(base: Base, { change, selection, at, asOf = Infinity }: Pending): Base {
  const ids = new Set(selection.ids);
  const upTo = selection.upTo ? seqOf(selection.upTo) : null;
  const isSelected = ({ id, cursor }: NotificationItem): boolean =>
    upTo === null ? ids.has(id) && seqOf(cursor) <= asOf : seqOf(cursor) <= upTo;
  const selected = base.items.filter(isSelected).map(({ id }) => id);

  const next = { ...base, archived: new Set(base.archived) };
  if (change === 'seen') next.seenSeq = Math.max(base.seenSeq, upTo ?? 0);
  else if (/archive/.test(change))
    selected.forEach((id) => next.archived[change === 'archive' ? 'add' : 'delete'](id));
  else if (/remove|snooze/.test(change)) next.items = base.items.filter((item) => !isSelected(item));
  else {
    const isRead = change !== 'unread';
    const { action } = selection;
    next.items = base.items.map((item) =>
      isSelected(item) && (action || isRead === (item.readAt === null))
        ? {
            ...item,
            readAt: isRead ? (item.readAt ?? at) : null,
            // What the server says replaces what this device believes.
            ...(action && { acted: (!selection.at && item.acted) || { action, at } }),
          }
        : item,
    );
  }
  // `upTo` includes notifications that are not loaded; all later ones are loaded.
  if (upTo === null) return recounted(base, next);
  const { unread, unseen } = tally(next);
  return { ...next, unread: change === 'seen' ? base.unread : unread, unseen };
}

/** Adjusts the counts by the difference among the loaded notifications. */
function recounted(before: Base, after: Base): Base {
  const [from, to] = [tally(before), tally(after)];
  return {
    ...after,
    unread: before.unread + to.unread - from.unread,
    unseen: before.unseen + to.unseen - from.unseen,
  };
}

/** Counts the loaded notifications as the server does. */
function tally({ items, archived, seenSeq }: Base): CountsAfter {
  const unread = items.filter(({ id, readAt }) => readAt === null && !archived.has(id));
  return {
    unread: unread.length,
    unseen: unread.filter(({ cursor }) => seqOf(cursor) > seenSeq).length,
  };
}

function pendingOf(change: Change, selection: Selection): Pending {
  return { change, selection, at: selection.at ?? new Date().toISOString() };
}

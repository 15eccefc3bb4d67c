import type { NotificationItem } from '../../contract/model/entry.js';
import type { CountsAfter, StateEntry } from '../../contract/model/state-entry.js';
import { numberOf, placeOf, seqOf } from './cursor.js';

/** What `GET /v1/notifications` answers. */
export interface Page extends Counts {
  readonly items: readonly NotificationItem[];
  readonly next: string | null;
}

/** Counts as of a place in the log. */
export interface Counts extends CountsAfter {
  readonly cursor: string;
}

/** What can be done with notifications. */
export type Change = 'read' | 'unread' | 'seen' | 'archive' | 'unarchive' | 'remove';

/** Which of them: some, or all up to a cursor. */
export interface Selection {
  readonly ids?: readonly string[];
  readonly upTo?: string;
}

/** The part of a snapshot that the log determines. */
export interface View extends CountsAfter {
  readonly items: readonly NotificationItem[];
}

/** The same with those that were archived while this page was open, which come back when they are unarchived. */
interface Base extends View {
  readonly archived: ReadonlySet<string>;
  /** The bell was opened when this was the newest one, as far as can be told: later ones that are unread are unseen. */
  readonly seenSeq: number;
}

/** What was asked for and not answered yet. */
export interface Pending {
  readonly change: Change;
  readonly selection: Selection;
  readonly at: string;
}

/** Before the first one. */
export const NO_PAGE: Page = { items: [], unread: 0, unseen: 0, cursor: '', next: null };

/**
 * The part of the feed that is loaded: the server's state (`base`), and on top of it the changes that the server has not confirmed. `view`
 * is both together, so taking a change back is dropping it.
 *
 * Counts have a place of their own (`countsAt`), because a response or a `feed.ready` may be ahead of the entries: an entry up to that place
 * is not counted again.
 */
export interface Store {
  /** The last entry that was applied; `''` before the first page. */
  cursor: string;
  /** Where the next older page begins. */
  readonly next: string | null;
  /** The same object until something changes. */
  readonly view: View;
  readonly epoch: string;
  readonly seq: number;
  /** Adds an older page. @returns `false` if it predates the last change of state, and has to be requested again. */
  append(page: Page): boolean;
  /** Adds the notification whose place is the cursor. */
  addItem(item: NotificationItem): void;
  /** Applies the change whose place is the cursor. @returns `false` if the first page has to be read again, because it restores what is not loaded. */
  addState(entry: StateEntry): boolean;
  /** Counts as of a place; older ones are ignored. */
  setCounts(counts: Counts): void;
  /** Shows a change before the server has it. */
  ask(change: Change, selection: Selection): Pending;
  /** Takes it back. */
  drop(pending: Pending): void;
  /** The server has it. The stream will repeat it, to no effect. */
  confirm(pending: Pending, counts: Counts): void;
}

/** @param page the first one. */
export function createStore({ items, unread, unseen, cursor, next }: Page): Store {
  let countsAt = seqOf(cursor);
  let pending: readonly Pending[] = [];
  /** The last change of state. */
  let stateSeq = 0;
  let shown: View | null = null;
  // The newest unread ones are the unseen ones.
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

  function settle(change: Pending, counts: Counts): void {
    const { items, archived, seenSeq } = changed(base, change);
    set({ items, archived, seenSeq });
    store.setCounts(counts);
  }

  const store: Store = {
    cursor,
    // Writable here alone.
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
      const added = { ...base, items: [item, ...kept] };
      if (store.seq <= countsAt) return set(added);
      const { unread, unseen } = recounted(base, added);
      // Of the replaced ones that are not loaded (older, or skipped by a replay), the counts include those up to their own place.
      const others = item.replaces.filter((id) => !known.has(id)).map(numberOf);
      const counted = others.filter((number) => number <= countsAt);
      const unseenOf = counted.filter((number) => number > base.seenSeq);
      set({ ...added, unread: unread - counted.length, unseen: unseen - unseenOf.length });
    },

    addState(entry) {
      stateSeq = store.seq;
      // The counts of a `feed.removed` may be of a later place.
      settle(pendingOf(entry), { ...entry, cursor: ('asOf' in entry && entry.asOf) || store.cursor });
      const known = idsOfBase();
      const { ids = [] }: Selection = entry;
      return entry.type !== 'feed.unarchived' || ids.every((id) => known.has(id));
    },

    setCounts({ cursor, unread, unseen }) {
      const place = placeOf(cursor);
      if (place?.epoch !== store.epoch || place.seq < countsAt) return;
      countsAt = place.seq;
      set({ unread, unseen });
    },

    ask(change, selection) {
      const asked = { change, selection, at: new Date().toISOString() };
      pending = [...pending, asked];
      set({});
      return asked;
    },

    drop(dropped) {
      pending = pending.filter((each) => each !== dropped);
      set({});
    },

    confirm(confirmed, counts) {
      store.drop(confirmed);
      settle(confirmed, counts);
    },
  };
  return store;
}

/** A change applied, with the counts estimated from what is loaded. */
function changed(base: Base, { change, selection, at }: Pending): Base {
  const ids = new Set(selection.ids);
  const upTo = selection.upTo ? seqOf(selection.upTo) : null;
  const isSelected = ({ id, cursor }: NotificationItem): boolean =>
    upTo === null ? ids.has(id) : seqOf(cursor) <= upTo;
  const selected = base.items.filter(isSelected).map(({ id }) => id);

  const next = { ...base, archived: new Set(base.archived) };
  if (change === 'seen') next.seenSeq = Math.max(base.seenSeq, upTo ?? 0);
  else if (/archive/.test(change))
    selected.forEach((id) => next.archived[change === 'archive' ? 'add' : 'delete'](id));
  else if (change === 'remove') next.items = base.items.filter((item) => !isSelected(item));
  else {
    const isRead = change === 'read';
    next.items = base.items.map((item) =>
      isSelected(item) && isRead === (item.readAt === null) ? { ...item, readAt: isRead ? at : null } : item,
    );
  }
  // Up to a place means also those that were not loaded; later ones always are.
  if (upTo === null) return recounted(base, next);
  const { unread, unseen } = tally(next);
  return { ...next, unread: change === 'seen' ? base.unread : unread, unseen };
}

/** The counts move by what changed among those that are loaded. */
function recounted(before: Base, after: Base): Base {
  const [from, to] = [tally(before), tally(after)];
  return {
    ...after,
    unread: before.unread + to.unread - from.unread,
    unseen: before.unseen + to.unseen - from.unseen,
  };
}

/** What of those that are loaded the server counts. */
function tally({ items, archived, seenSeq }: Base): CountsAfter {
  const unread = items.filter(({ id, readAt }) => readAt === null && !archived.has(id));
  return {
    unread: unread.length,
    unseen: unread.filter(({ cursor }) => seqOf(cursor) > seenSeq).length,
  };
}

function pendingOf(entry: StateEntry): Pending {
  // The event says what was done: `feed.read` read, `feed.archived` archive.
  const change = entry.type.slice(5).replace(/ed$/, 'e') as Change;
  return { change, selection: entry, at: new Date().toISOString() };
}

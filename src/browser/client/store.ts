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
export type Selection = { readonly ids: readonly string[] } | { readonly upTo: string };

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
 * The feed as far as it was loaded: what the server has said (`base`), and on top of it what was asked for and not answered yet. `view` is
 * both together, so that taking something back is nothing but dropping it.
 *
 * Counts are of a place of their own (`countsAt`), because an answer or a `feed.ready` may know them ahead of the entries: an entry up to
 * that place does not count again.
 */
export class Store {
  /** The last entry that was taken, `''` before the first page. */
  cursor: string;
  /** Where the next older page begins. */
  next: string | null;
  #base: Base;
  #countsAt: number;
  #pending: readonly Pending[] = [];
  /** The last change of state. */
  #stateSeq = 0;
  #shown: View | null = null;

  /** @param page the first one. */
  constructor({ items, unread, unseen, cursor, next }: Page) {
    this.cursor = cursor;
    this.next = next;
    this.#countsAt = this.seq;
    // Of those that are unread the newest ones are unseen.
    const oldest = items.filter(({ readAt }) => readAt === null)[unseen - 1];
    const seenSeq = unseen === 0 ? this.seq : oldest ? seqOf(oldest.cursor) - 1 : 0;
    this.#base = { items, archived: new Set(), seenSeq, unread, unseen };
  }

  /** The same object until something changes. */
  get view(): View {
    if (this.#shown) return this.#shown;
    const { items, archived, unread, unseen } = this.#pending.reduce(changed, this.#base);
    return (this.#shown = {
      items: archived.size > 0 ? items.filter(({ id }) => !archived.has(id)) : items,
      unread: Math.max(0, unread),
      unseen: Math.max(0, unseen),
    });
  }

  get epoch(): string {
    return placeOf(this.cursor)?.epoch ?? '';
  }

  get seq(): number {
    return seqOf(this.cursor);
  }

  /** Adds an older page. @returns `false` if it is of a moment before the last change of state: it must be asked for again. */
  append(page: Page): boolean {
    if (seqOf(page.cursor) < this.#stateSeq) return false;
    const have = new Set(this.#base.items.map(({ id }) => id));
    const older = page.items.filter(({ id }) => !have.has(id));
    this.#set({ ...this.#base, items: [...this.#base.items, ...older] });
    this.next = page.next;
    return true;
  }

  /** Adds the notification whose place is the cursor. */
  addItem(item: NotificationItem): void {
    const base = this.#base;
    const isGone = ({ id }: NotificationItem): boolean => id === item.id || item.replaces.includes(id);
    const gone = base.items.filter(isGone);
    const next = { ...base, items: [item, ...base.items.filter((other) => !isGone(other))] };
    if (this.seq > this.#countsAt) {
      const [from, to] = [tally({ ...base, items: gone }), tally({ ...base, items: [item] })];
      // Of those that are not known here (older than what was loaded, or passed over) the counts have only what was there at their moment.
      const known = gone.map(({ id }) => id);
      const others = item.replaces.filter((id) => !known.includes(id)).map(numberOf);
      const counted = others.filter((number) => number <= this.#countsAt);
      next.unread += to.unread - from.unread - counted.length;
      next.unseen += to.unseen - from.unseen - counted.filter((number) => number > base.seenSeq).length;
    }
    this.#set(next);
  }

  /** Applies the change whose place is the cursor. @returns `false` if it brings back what is not known here: the page must be read again. */
  addState(entry: StateEntry): boolean {
    this.#stateSeq = this.seq;
    // The counts of a `feed.removed` may be of a later place.
    this.#settle(pendingOf(entry), { ...entry, cursor: ('asOf' in entry && entry.asOf) || this.cursor });
    const have = new Set(this.#base.items.map(({ id }) => id));
    return entry.type !== 'feed.unarchived' || idsOf(entry).every((id) => have.has(id));
  }

  /** Counts of a place; older ones than what is known are ignored. */
  setCounts({ cursor, unread, unseen }: Counts): void {
    const place = placeOf(cursor);
    if (place?.epoch !== this.epoch || place.seq < this.#countsAt) return;
    this.#countsAt = place.seq;
    this.#set({ ...this.#base, unread, unseen });
  }

  /** Shows a change before the server has it. */
  ask(change: Change, selection: Selection): Pending {
    const pending = { change, selection, at: new Date().toISOString() };
    this.#pending = [...this.#pending, pending];
    this.#shown = null;
    return pending;
  }

  /** Takes it back. */
  drop(pending: Pending): void {
    this.#pending = this.#pending.filter((each) => each !== pending);
    this.#shown = null;
  }

  /** The server has it: the stream will say so again, to no effect. */
  confirm(pending: Pending, counts: Counts): void {
    this.drop(pending);
    this.#settle(pending, counts);
  }

  #settle(change: Pending, counts: Counts): void {
    const { items, archived, seenSeq } = changed(this.#base, change);
    this.#set({ ...this.#base, items, archived, seenSeq });
    this.setCounts(counts);
  }

  #set(base: Base): void {
    this.#base = base;
    this.#shown = null;
  }
}

/** A change applied, with the counts estimated from what is loaded. */
function changed(base: Base, { change, selection, at }: Pending): Base {
  const ids = new Set(idsOf(selection));
  const upTo = 'upTo' in selection ? seqOf(selection.upTo) : null;
  const isSelected = ({ id, cursor }: NotificationItem): boolean =>
    upTo === null ? ids.has(id) : seqOf(cursor) <= upTo;
  const selected = base.items.filter(isSelected).map(({ id }) => id);

  const next = { ...base, archived: new Set(base.archived) };
  if (change === 'seen') next.seenSeq = Math.max(base.seenSeq, upTo ?? 0);
  else if (change === 'archive') selected.forEach((id) => next.archived.add(id));
  else if (change === 'unarchive') selected.forEach((id) => next.archived.delete(id));
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

function idsOf(selection: Selection): readonly string[] {
  return 'ids' in selection ? selection.ids : [];
}

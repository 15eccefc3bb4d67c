import type { NotificationItem } from '../contract/entry.js';
import type { CountsAfter, StateEntry } from '../contract/state-entry.js';
import { placeOf, seqOf } from './cursor.js';

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

const CHANGE_OF: Record<StateEntry['type'], Change> = {
  'feed.read': 'read',
  'feed.unread': 'unread',
  'feed.seen': 'seen',
  'feed.archived': 'archive',
  'feed.unarchived': 'unarchive',
  'feed.removed': 'remove',
};

const EMPTY: Base = { items: [], archived: new Set(), seenSeq: 0, unread: 0, unseen: 0 };

/**
 * The feed as far as it was loaded: what the server has said (`base`), and on top of it what was asked for and not answered yet. `view` is
 * both together, so that taking something back is nothing but dropping it.
 *
 * Counts are of a place of their own (`countsAt`), because an answer or a `feed.ready` may know them ahead of the entries: an entry up to
 * that place does not count again.
 */
export class Store {
  /** The last entry that was taken, `''` before the first page. */
  cursor = '';
  /** Where the next older page begins. */
  next: string | null = null;
  loaded = false;
  #base = EMPTY;
  #countsAt = 0;
  #pending: readonly Pending[] = [];
  /** State entries since an older page was asked for: it may be of a moment before them. `null` while none is. */
  #since: { readonly seq: number; readonly entry: StateEntry }[] | null = null;
  #shown: View | null = null;

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

  /** The highest place that was heard of. */
  get knownSeq(): number {
    return Math.max(this.seq, this.#countsAt);
  }

  /** Forgets everything. */
  clear(): void {
    this.cursor = '';
    this.next = null;
    this.loaded = false;
    this.#countsAt = 0;
    this.#pending = [];
    this.#since = null;
    this.#setBase(EMPTY);
  }

  /** Begins anew with a first page. */
  load(page: Page): void {
    const pending = this.#pending;
    this.clear();
    this.#pending = pending;
    this.cursor = page.cursor;
    this.#countsAt = this.seq;
    this.next = page.next;
    this.loaded = true;
    const { items, unread, unseen } = page;
    // Of those that are unread the newest ones are unseen.
    const oldest = items.filter(({ readAt }) => readAt === null)[unseen - 1];
    const seenSeq = unseen === 0 ? this.seq : oldest ? seqOf(oldest.cursor) - 1 : 0;
    this.#setBase({ ...EMPTY, items, seenSeq, unread, unseen });
  }

  /** Adds an older page, brought up to where the store is. `expectOlder()` comes before it is asked for. */
  append(page: Page): void {
    const have = new Set(this.#base.items.map(({ id }) => id));
    const older = page.items.filter(({ id }) => !have.has(id));
    const { items, archived } = (this.#since ?? [])
      .filter(({ seq }) => seq > seqOf(page.cursor))
      .reduce<Base>((base, { entry }) => changed(base, pendingOf(entry)), {
        ...this.#base,
        items: [...this.#base.items, ...older],
      });
    this.#since = null;
    // The counts have seen these entries already.
    this.#setBase({ ...this.#base, items, archived });
    this.next = page.next;
  }

  expectOlder(): void {
    this.#since = [];
  }

  /** Moves to the place of an entry, before it is added. */
  moveTo(cursor: string): void {
    this.cursor = cursor;
  }

  addItem(item: NotificationItem): void {
    const { items } = this.#base;
    const replaced = new Set(item.replaces);
    const rest = items.filter(({ id }) => id !== item.id && !replaced.has(id));
    const base = recounted(this.#base, { ...this.#base, items: [item, ...rest] });
    // What was taken over was unread; it may be older than what was loaded.
    items.forEach(({ id }) => replaced.delete(id));
    const { unread, unseen } = this.seq > this.#countsAt ? base : this.#base;
    this.#setBase({ ...base, unread: unread - (this.seq > this.#countsAt ? replaced.size : 0), unseen });
  }

  /** @returns `false` if it brings back what is not known here, so that the page must be read again. */
  addState(entry: StateEntry): boolean {
    this.#since?.push({ seq: this.seq, entry });
    const { items, archived, seenSeq } = changed(this.#base, pendingOf(entry));
    this.#setBase({ ...this.#base, items, archived, seenSeq });
    this.setCounts({ ...entry, cursor: this.cursor });
    if (entry.type !== 'feed.unarchived') return true;
    const have = new Set(items.map(({ id }) => id));
    return idsOf(entry).every((id) => have.has(id));
  }

  /** Counts of a place; older ones than what is known are ignored. */
  setCounts({ cursor, unread, unseen }: Counts): void {
    const place = placeOf(cursor);
    if (!place || place.epoch !== this.epoch || place.seq < this.#countsAt) return;
    this.#countsAt = place.seq;
    this.#setBase({ ...this.#base, unread, unseen });
  }

  /** Shows a change before the server has it. */
  ask(change: Change, selection: Selection): Pending {
    const pending = { change, selection, at: new Date().toISOString() };
    this.#pending = [...this.#pending, pending];
    this.#shown = null;
    return pending;
  }

  /** The server has it: the stream will say so again, to no effect. */
  confirm(pending: Pending, counts: Counts): void {
    if (!this.drop(pending)) return;
    const { items, archived, seenSeq } = changed(this.#base, pending);
    this.#setBase({ ...this.#base, items, archived, seenSeq });
    this.setCounts(counts);
  }

  /** Takes it back. @returns whether it was still there. */
  drop(pending: Pending): boolean {
    const { length } = this.#pending;
    this.#pending = this.#pending.filter((each) => each !== pending);
    this.#shown = null;
    return this.#pending.length < length;
  }

  #setBase(base: Base): void {
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
  return { change: CHANGE_OF[entry.type], selection: entry, at: new Date().toISOString() };
}

function idsOf(selection: Selection): readonly string[] {
  return 'ids' in selection ? selection.ids : [];
}

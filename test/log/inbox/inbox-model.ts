/** The types that the model's recipient may get; the last one cannot be muted. */
export const TYPES = ['order', 'note', 'warning'] as const;
export type Type = (typeof TYPES)[number];
export const isMandatory = (type: Type): boolean => type === 'warning';

export interface ModelItem {
  readonly seq: number;
  readonly id: string;
  readonly type: Type;
  readonly collapseKey: string | null;
  readonly count: number;
  readonly replaces: readonly string[];
  readonly mayExpire: boolean;
  /** The number in its id, if it came back with another one. */
  readonly origin: number;
  read: boolean;
  archived: boolean;
  acted: string | null;
  expired: boolean;
  hidden: boolean;
}

export type ModelChange = 'read' | 'unread' | 'seen' | 'archive' | 'unarchive' | 'remove';

/** What a feed is, as plainly as it can be said: a list of notifications, each with its own marks, and no counters at all. */
export class InboxModel {
  head = 0;
  floor = 0;
  /** Below it changes of state are gone. */
  private replayFloor = 0;
  /** The numbers of the changes of state. */
  private states: number[] = [];
  private seenUpTo = 0;
  muted: readonly Type[] = [];
  private items: ModelItem[] = [];
  /** Those that are away, those that come back first at first. */
  snoozed: ModelItem[] = [];
  /** The number of the entry of each dedupe key; 0 if it was recalled before it came. */
  private readonly keys = new Map<string, number>();

  /** All that is kept, shown or not. */
  get kept(): readonly ModelItem[] {
    return this.items.filter(({ seq }) => seq > this.floor);
  }

  /** From where on a client can replay everything. */
  get oldestCursor(): number {
    return Math.max(this.floor, this.replayFloor);
  }

  /** What a page lists, oldest first. */
  get shown(): readonly ModelItem[] {
    return this.kept.filter(({ hidden, expired }) => !hidden && !expired);
  }

  get unread(): number {
    return this.counted.length;
  }

  get unseen(): number {
    return this.counted.filter(({ seq }) => seq > this.seenUpTo).length;
  }

  private get counted(): readonly ModelItem[] {
    return this.shown.filter(({ read, archived }) => !read && !archived);
  }

  /** What an append must say. Its id, which only the log can make, is learned by {@link publish}. */
  outcomeOf(type: Type, key: string): 'appended' | 'duplicate' | 'recalled' | 'muted' {
    const known = this.keys.get(key);
    if (known !== undefined) return known === 0 ? 'recalled' : 'duplicate';
    return this.muted.includes(type) && !isMandatory(type) ? 'muted' : 'appended';
  }

  publish(notification: {
    type: Type;
    key: string;
    collapseKey: string | null;
    mayExpire: boolean;
    id: string;
  }): ModelItem {
    const { key, collapseKey, ...parts } = notification;
    const former = this.counted.findLast((item) => collapseKey !== null && item.collapseKey === collapseKey);
    if (former) former.hidden = true;
    this.head += 1;
    this.keys.set(key, this.head);
    const item: ModelItem = {
      ...parts,
      collapseKey,
      seq: this.head,
      count: (former?.count ?? 0) + 1,
      replaces: former ? [former.id] : [],
      origin: this.head,
      read: false,
      archived: false,
      acted: null,
      expired: false,
      hidden: false,
    };
    this.items.push(item);
    return item;
  }

  /** @returns The ids that changed; an entry is in the log if there are any. */
  change(change: Exclude<ModelChange, 'seen'>, isSelected: (item: ModelItem) => boolean): string[] {
    const changed = this.shown.filter(isSelected).filter((item) => {
      const before = JSON.stringify(item);
      if (change === 'read' || change === 'unread') item.read = change === 'read';
      else if (change === 'remove') item.hidden = true;
      else item.archived = change === 'archive';
      return JSON.stringify(item) !== before;
    });
    const away = change === 'remove' ? this.snoozed.filter(isSelected) : [];
    this.snoozed = this.snoozed.filter((item) => !away.includes(item));
    return this.logged([...changed, ...away]);
  }

  /** All of them come back later than those that are away already. */
  snooze(ids: readonly string[]): void {
    const isSelected = ({ id }: ModelItem): boolean => ids.includes(id);
    const changed = this.shown.filter(isSelected);
    const moved = this.snoozed.filter(isSelected);
    for (const item of changed) item.hidden = true;
    const later = [...moved, ...changed].toSorted((a, b) => a.origin - b.origin);
    this.snoozed = [...this.snoozed.filter((item) => !isSelected(item)), ...later];
    this.logged(later);
  }

  /** @returns The number of those that come back, each as an entry. */
  bringBack(isSelected: (item: ModelItem) => boolean = () => true): number {
    const back = this.snoozed.filter(isSelected);
    this.snoozed = this.snoozed.filter((item) => !isSelected(item));
    for (const item of back) {
      this.head += 1;
      this.items.push({
        ...item,
        ...{ seq: this.head, collapseKey: null, replaces: [], read: false, archived: false, hidden: false },
      });
    }
    return back.length;
  }

  /** @returns What was chosen, now or before; `null` if the notification is not there. */
  act(id: string, action: string): string | null {
    const present = (): ModelItem | undefined => this.items.findLast((item) => item.id === id);
    const { acted } = this.snoozed.find((item) => item.id === id) ?? present() ?? { acted: null };
    if (acted) return acted;
    this.bringBack((item) => item.id === id);
    const item = present();
    if (!item || !this.shown.includes(item)) return null;
    item.acted = action;
    item.read = true;
    this.log();
    return action;
  }

  seen(upTo: number): boolean {
    const before = this.unseen;
    this.seenUpTo = Math.max(this.seenUpTo, upTo);
    if (this.unseen === before) return false;
    this.log();
    return true;
  }

  /** The moment of its expiry has come. */
  expire(item: ModelItem): void {
    item.expired = true;
  }

  /** @returns The ids that the sweep takes away. */
  sweep(): string[] {
    const due = this.kept.filter(({ expired, hidden }) => expired && !hidden);
    for (const item of due) item.hidden = true;
    return this.logged(due);
  }

  recall(key: string): 'recalled' | 'prevented' | 'gone' {
    const seq = this.keys.get(key);
    if (seq === undefined) this.keys.set(key, 0);
    if (!seq) return 'prevented';
    const item =
      this.shown.find(({ origin }) => origin === seq) ?? this.snoozed.find(({ origin }) => origin === seq);
    if (!item) return 'gone';
    item.hidden = true;
    this.snoozed = this.snoozed.filter((each) => each !== item);
    this.log();
    return 'recalled';
  }

  /** Keeps the newest so many notifications, hidden ones among them, and the newest so many changes of state. */
  trim(most: number): void {
    const { kept } = this;
    if (kept.length > most) this.floor = kept[kept.length - most - 1]!.seq;
    this.states = this.states.filter((seq) => seq > this.floor);
    const gone = this.states.splice(0, Math.max(0, this.states.length - most));
    this.replayFloor = gone.at(-1) ?? this.replayFloor;
  }

  private log(): void {
    this.head += 1;
    this.states.push(this.head);
  }

  private logged(changed: readonly ModelItem[]): string[] {
    if (changed.length > 0) this.log();
    return changed.map(({ id }) => id);
  }
}

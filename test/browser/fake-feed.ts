import type { NotificationItem } from '../../src/contract/model/entry.js';
import type { BellFeed, BellPreferences, BellSnapshot, BellType } from '../../src/browser/element/index.js';

/** A feed in memory: what a test sets is what is shown, and what was asked of it can be read. */
export class FakeFeed implements BellFeed {
  /** Such as `markRead a b`. */
  readonly calls: string[] = [];
  /** What every request fails with. */
  failure: Error | null = null;
  /** What `loadMore` brings, page by page. */
  older: NotificationItem[][] = [];
  /** What `snoozed` brings. */
  asleep: NotificationItem[] = [];
  declared: BellType[] = [];
  wishes: BellPreferences = { muted: [], mutedCategories: [] };
  private readonly listeners = new Set<() => void>();
  private readonly onMessage = new Set<(item: NotificationItem) => void>();
  private snapshot: BellSnapshot = {
    items: [],
    unread: 0,
    unseen: 0,
    status: { state: 'live' },
    loaded: true,
    hasMore: false,
    loadingMore: false,
  };

  constructor(items: readonly NotificationItem[] = [], patch: Partial<BellSnapshot> = {}) {
    this.set({ items, unread: unreadOf(items), ...patch });
  }

  getSnapshot(): BellSnapshot {
    return this.snapshot;
  }

  subscribe(listener: () => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  on(_type: 'message', listener: (item: NotificationItem) => void): () => void {
    this.onMessage.add(listener);
    return () => this.onMessage.delete(listener);
  }

  get observers(): number {
    return this.listeners.size + this.onMessage.size;
  }

  set(patch: Partial<BellSnapshot>): void {
    this.snapshot = { ...this.snapshot, ...patch };
    for (const listener of this.listeners) listener();
  }

  push(...items: NotificationItem[]): void {
    const { snapshot } = this;
    this.set({
      items: [...[...items].reverse(), ...snapshot.items],
      unread: snapshot.unread + items.length,
      unseen: snapshot.unseen + items.length,
    });
    for (const item of items) for (const listener of this.onMessage) listener(item);
  }

  markSeen(): Promise<void> {
    return this.change('markSeen', { unseen: 0 });
  }

  markRead(...ids: string[]): Promise<void> {
    return this.change(`markRead ${ids.join(' ')}`, this.withReadAt(ids, new Date().toISOString()));
  }

  markUnread(...ids: string[]): Promise<void> {
    return this.change(`markUnread ${ids.join(' ')}`, this.withReadAt(ids, null));
  }

  markAllRead(): Promise<void> {
    const ids = this.snapshot.items.map(({ id }) => id);
    return this.change('markAllRead', this.withReadAt(ids, new Date().toISOString()));
  }

  archive(...ids: string[]): Promise<void> {
    const items = this.snapshot.items.filter(({ id }) => !ids.includes(id));
    return this.change(`archive ${ids.join(' ')}`, { items, unread: unreadOf(items) });
  }

  act(id: string, action: string): Promise<void> {
    const at = new Date().toISOString();
    const items = this.snapshot.items.map((item) =>
      item.id === id ? { ...item, readAt: at, acted: { action, at } } : item,
    );
    return this.change(`act ${id} ${action}`, { items, unread: unreadOf(items) });
  }

  snooze(ids: readonly string[], until: Date): Promise<void> {
    const items = this.snapshot.items.filter(({ id }) => !ids.includes(id));
    return this.change(`snooze ${ids.join(' ')} ${until.toISOString()}`, { items, unread: unreadOf(items) });
  }

  unsnooze(ids: readonly string[]): Promise<void> {
    return this.change(`unsnooze ${ids.join(' ')}`, {});
  }

  snoozed(): Promise<{ items: NotificationItem[] }> {
    return this.answer({ items: this.asleep });
  }

  counts(): Promise<{ categories: Record<string, { unread: number }> }> {
    this.calls.push('counts');
    const categories: Record<string, { unread: number }> = {};
    for (const { category, readAt } of [...this.snapshot.items, ...this.older.flat()]) {
      if (!category) continue;
      categories[category] ??= { unread: 0 };
      if (readAt === null) categories[category].unread++;
    }
    return this.answer({ categories });
  }

  types(): Promise<BellType[]> {
    return this.answer(this.declared);
  }

  preferences(): Promise<BellPreferences> {
    return this.answer(this.wishes);
  }

  setPreferences(wishes: BellPreferences): Promise<void> {
    this.calls.push(`setPreferences ${JSON.stringify(wishes)}`);
    if (!this.failure) this.wishes = wishes;
    return this.answer(undefined);
  }

  private answer<T>(value: T): Promise<T> {
    return this.failure ? Promise.reject(this.failure) : Promise.resolve(value);
  }

  async loadMore(): Promise<void> {
    this.calls.push('loadMore');
    this.set({ loadingMore: true });
    await Promise.resolve();
    this.set({ loadingMore: false });
    if (this.failure) throw this.failure;
    const items = [...this.snapshot.items, ...(this.older.shift() ?? [])];
    this.set({ items, hasMore: this.older.length > 0 });
  }

  open(): void {
    this.calls.push('open');
  }

  close(): void {
    this.calls.push('close');
  }

  signOut(): void {
    this.calls.push('signOut');
  }

  private withReadAt(ids: readonly string[], readAt: string | null): Partial<BellSnapshot> {
    const items = this.snapshot.items.map((item) => (ids.includes(item.id) ? { ...item, readAt } : item));
    return { items, unread: unreadOf(items) };
  }

  /** Optimistic, as the real one is. */
  private async change(call: string, patch: Partial<BellSnapshot>): Promise<void> {
    this.calls.push(call);
    const before = this.snapshot;
    this.set(patch);
    await Promise.resolve();
    if (!this.failure) return;
    this.set(before);
    throw this.failure;
  }
}

function unreadOf(items: readonly NotificationItem[]): number {
  return items.filter(({ readAt }) => readAt === null).length;
}

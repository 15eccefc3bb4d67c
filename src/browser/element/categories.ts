import type { FeedSource } from './feed-source.js';
import type { BellStrings } from './strings.js';
import type { Tab } from './tabs.js';
import type { Times } from './times.js';
import { titleCase } from './title-case.js';
import type { Timers } from './timers.js';
import type { BellSnapshot } from './types.js';

/** Changes within this time are counted by one request. */
const COUNT_AFTER_MS = 400;

/** The categories of the feed, their unread notifications, and the one that is shown (`''` for all). */
export class Categories {
  current = '';
  private readonly known = new Set<string>();
  /** By category, of the whole feed; `null` until the server has counted. */
  private counted: ReadonlyMap<string, number> | null = null;
  private countedFor: unknown = null;

  constructor(
    private readonly source: FeedSource,
    private readonly timers: Timers,
    private readonly changed: () => void,
  ) {}

  /** Another feed is shown. */
  reset(): void {
    this.current = '';
    this.known.clear();
    this.counted = null;
    this.countedFor = null;
  }

  /** The tabs, in the order of `wanted` if that is not empty, else of their labels. */
  tabs(
    wanted: readonly string[],
    { items, unread, hasMore }: BellSnapshot,
    strings: BellStrings,
    times: Times,
  ): readonly Tab[] {
    for (const { category } of items) if (category) this.known.add(category);
    const counts = hasMore && this.counted ? this.counted : countLoaded(items);
    if (hasMore) this.countSoon(items);
    const tab = (name: string, label: string, count: number): Tab => {
      const text = times.number(count);
      return { name, label, count: count > 0 ? text : '', countLabel: strings.unreadCount(text) };
    };
    const labelOf = (name: string): string => strings.categories[name] ?? titleCase(name);
    const names =
      wanted.length > 0 ? wanted : [...this.known].sort((a, b) => times.compare(labelOf(a), labelOf(b)));
    return [
      tab('', strings.all, unread),
      ...names.map((name) => tab(name, labelOf(name), counts.get(name) ?? 0)),
    ];
  }

  /** The part of a snapshot that the current tab shows. Without loaded notifications it is loading, as long as there are older ones. */
  select(snapshot: BellSnapshot, loadFailed: boolean): BellSnapshot {
    const { current } = this;
    if (current === '') return snapshot;
    const items = snapshot.items.filter(({ category }) => category === current);
    if (items.length > 0 || !snapshot.hasMore) return { ...snapshot, items };
    return { ...snapshot, items, loaded: false, status: loadFailed ? { state: 'closed' } : snapshot.status };
  }

  private countSoon(items: unknown): void {
    const { active } = this.source;
    if (items === this.countedFor || !active?.counts) return;
    this.countedFor = items;
    const isCurrent = this.source.guard();
    this.timers.set('count', COUNT_AFTER_MS, () => {
      active.counts?.({ by: 'category' }).then(
        ({ categories }) => {
          if (!isCurrent()) return;
          const entries = Object.entries(categories);
          this.counted = new Map(entries.map(([name, { unread }]) => [name, unread]));
          for (const [name] of entries) this.known.add(name);
          this.changed();
        },
        // The loaded ones are counted until the next change.
        () => {},
      );
    });
  }
}

function countLoaded(items: BellSnapshot['items']): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  for (const { category, readAt } of items)
    if (category && readAt === null) counts.set(category, (counts.get(category) ?? 0) + 1);
  return counts;
}

import type { NotificationItem } from '../../contract/model/entry.js';
import { Day, inOrder } from './day.js';
import { focused, h } from './dom.js';
import { Row, type RowStyle } from './row.js';
import { startOfDay } from './times.js';

/** So many rows are made at once; the next ones when the end of those comes near. */
const STEP = 40;
/** The height of the sentinel at the end. */
const NEAR_PX = 900;

/** What a list asks of whom it is in. */
export interface ListOwner {
  /** The user followed a notification; `event` can be prevented. */
  select(item: NotificationItem, event: MouseEvent): void;
  toggleRead(item: NotificationItem): void;
  archive(item: NotificationItem): void;
  /** All rows are made and their end is near. */
  needMore(): void;
  /** The last row is gone while it had the focus. */
  lostFocus(): void;
}

/**
 * Notifications in groups by day. Rows are kept and found again by id, so that focus, selection and scroll position outlive each
 * change. They are made as the reader comes near them and then stay: `content-visibility` spares the work for those out of sight, while
 * screen readers and the browser's search still find them, which they do not when a list holds nothing but what is visible.
 *
 * One row is in the tab order; the arrow keys, Home and End move between rows.
 */
export class List {
  readonly element: HTMLElement;
  private readonly sentinel = h('div', { class: 'sentinel' });
  private readonly rows = new Map<string, Row>();
  private readonly days = new Map<number, Day>();
  private readonly nearEnd: IntersectionObserver;
  private items: readonly NotificationItem[] = [];
  private limit = STEP;
  private current: string | null = null;

  constructor(
    private style: RowStyle,
    private readonly owner: ListOwner,
  ) {
    this.element = h('div', { class: 'list', part: 'list' }, this.sentinel);
    this.element.addEventListener('keydown', (event) => this.onKey(event));
    this.element.addEventListener('click', (event) => this.onClick(event));
    this.element.addEventListener('focusin', (event) => {
      const row = this.rowOf(event.target);
      if (row) this.moveTo(row);
    });
    this.element.addEventListener('animationend', ({ target, animationName }) => {
      if (animationName === 'wash' && target instanceof HTMLElement) target.classList.remove('fresh');
    });
    this.element.addEventListener('pointerover', ({ target }) => {
      if (target instanceof HTMLTimeElement) this.rowOf(target)?.explainTime();
    });
    this.nearEnd = new IntersectionObserver((entries) => {
      if (entries.some((entry) => entry.isIntersecting)) this.grow();
    });
  }

  restyle(style: RowStyle): void {
    this.style = style;
  }

  render(items: readonly NotificationItem[], fresh: ReadonlySet<string>): void {
    const position = this.items.findIndex(({ id }) => id === this.current);
    const hadFocus = this.rowOf(focused(this.element)) !== null;
    this.items = items;
    this.draw(fresh);
    if (this.current === null || !this.rows.has(this.current)) {
      // Who archives with the keyboard goes on with the row that took the place.
      const next = items[Math.min(Math.max(0, position), Math.min(items.length, this.limit) - 1)];
      this.current = next?.id ?? null;
      const row = next && this.rows.get(next.id);
      if (row) row.reachable = true;
      if (hadFocus && row) row.main.focus();
      else if (hadFocus) this.owner.lostFocus();
    }
  }

  /** Relative times move on; at midnight the groups do. */
  tick(): void {
    const now = new Date();
    for (const row of this.rows.values()) row.tick(now);
    for (const day of this.days.values()) day.label = this.style.times.day(day.start, now);
  }

  focusFirst(): void {
    const first = this.items[0];
    if (first) this.rows.get(first.id)?.main.focus();
  }

  /** Chromium's observer misses a sentinel now and then whose place was an estimate of `content-visibility` (tried: 1 of 3 bursts). */
  scrolled({ scrollHeight, scrollTop, clientHeight }: Element): void {
    if (scrollHeight - scrollTop - clientHeight < NEAR_PX) this.grow();
  }

  /** Forgets how far somebody had read: the next opening is quick again. */
  shrink(): void {
    this.limit = STEP;
    this.draw(new Set());
  }

  private draw(fresh: ReadonlySet<string>): void {
    const now = new Date();
    const shown = this.items.slice(0, this.limit);
    const wanted = new Set(shown.map(({ id }) => id));
    for (const [id, row] of this.rows) {
      if (wanted.has(id)) continue;
      row.element.remove();
      this.rows.delete(id);
    }
    const groups: { day: Day; rows: Element[] }[] = [];
    for (const item of shown) {
      const latest = groups.at(-1);
      const start = dayOf(item, latest?.day.start ?? startOfDay(now));
      const { element } = this.row(item, fresh);
      if (latest?.day.start === start) latest.rows.push(element);
      else groups.push({ day: this.day(start), rows: [element] });
    }
    for (const { day, rows } of groups) {
      day.label = this.style.times.day(day.start, now);
      day.arrange(rows);
    }
    const days = groups.map(({ day }) => day);
    for (const day of this.days.values()) {
      if (days.includes(day)) continue;
      day.element.remove();
      this.days.delete(day.start);
    }
    inOrder(
      this.element,
      days.map(({ element }) => element),
      null,
    );
    // An observer only tells of changes; whoever still sees the end after this is to hear of it again.
    this.nearEnd.unobserve(this.sentinel);
    this.nearEnd.observe(this.sentinel);
  }

  private day(start: number): Day {
    const day = this.days.get(start) ?? new Day(start);
    this.days.set(start, day);
    return day;
  }

  private row(item: NotificationItem, fresh: ReadonlySet<string>): Row {
    const known = this.rows.get(item.id);
    if (known?.fits(item, this.style)) {
      if (known.item !== item) known.update(item);
      return known;
    }
    known?.element.remove();
    const row = new Row(item, this.style, fresh.has(item.id));
    row.element.dataset['id'] = item.id;
    row.reachable = item.id === this.current;
    this.rows.set(item.id, row);
    return row;
  }

  private grow(): void {
    if (this.limit < this.items.length) {
      this.limit += STEP;
      this.draw(new Set());
    } else this.owner.needMore();
  }

  private moveTo(row: Row): void {
    if (row.item.id === this.current) return;
    const before = this.current === null ? undefined : this.rows.get(this.current);
    if (before) before.reachable = false;
    this.current = row.item.id;
    row.reachable = true;
  }

  private rowOf(target: EventTarget | null): Row | null {
    const element = target instanceof Element ? target.closest<HTMLElement>('.row') : null;
    const id = element?.dataset['id'];
    return (id !== undefined && this.rows.get(id)) || null;
  }

  private onClick(event: MouseEvent): void {
    const row = this.rowOf(event.target);
    if (!row || !(event.target instanceof Element)) return;
    const control = event.target.closest('a, button');
    if (control === row.main) this.owner.select(row.item, event);
    else if (control === row.toggle) this.owner.toggleRead(row.item);
    else if (control === row.archive) this.owner.archive(row.item);
  }

  private onKey(event: KeyboardEvent): void {
    const row = this.rowOf(event.target);
    if (!row || event.ctrlKey || event.metaKey || event.altKey || event.shiftKey) return;
    const at = this.items.findIndex(({ id }) => id === row.item.id);
    const to = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: this.items.length - 1 }[event.key];
    if (event.key === 'Delete') this.owner.archive(row.item);
    else if (to === undefined) return;
    else this.focusAt(to);
    event.preventDefault();
  }

  private focusAt(index: number): void {
    const item = this.items[Math.min(Math.max(0, index), this.items.length - 1)];
    if (!item) return;
    if (index >= this.limit) {
      this.limit = index + STEP;
      this.draw(new Set());
    }
    if (index >= this.items.length) this.owner.needMore();
    this.rows.get(item.id)?.main.focus();
  }
}

/** Items stand in the order of the log; one whose clock says otherwise stays in the group of its neighbours. */
function dayOf(item: NotificationItem, latest: number): number {
  const at = new Date(item.createdAt);
  return Number.isNaN(at.getTime()) ? latest : Math.min(startOfDay(at), latest);
}

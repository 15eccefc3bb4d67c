import type { NotificationAction, NotificationItem } from '../../contract/model/entry.js';
import { Day, inOrder } from './day.js';
import { focused, h } from './dom.js';
import { Row } from './row.js';
import type { RowStyle } from './row-style.js';
import { startOfDay } from './times.js';

/** Rows created at a time; the next ones when the reader comes near the end. */
const BATCH = 40;
/** The height of the sentinel at the end. */
const NEAR_PX = 900;

/** The reactions to a list's events. */
export interface ListListener {
  /** A notification was clicked; `event` can be prevented. */
  select(item: NotificationItem, event: MouseEvent): void;
  toggleRead(item: NotificationItem): void;
  archive(item: NotificationItem): void;
  /** The menu at this button is wanted. */
  snooze(item: NotificationItem, anchor: HTMLElement): void;
  /** A button of the notification was clicked; `event` can be prevented. */
  act(item: NotificationItem, action: NotificationAction, event: MouseEvent): void;
  /** All rows are created and the reader is near the end. */
  needMore(): void;
  /** The focused row was removed, and no other is left. */
  lostFocus(): void;
}

/**
 * Notifications, grouped by day. Rows are reused by id, so that focus, selection and scroll position survive each change. They are
 * created when the reader comes near them and then kept: `content-visibility` skips the rendering of rows out of sight. A virtual list,
 * which removes them, would hide them from screen readers and from the browser's search.
 *
 * One row is in the tab order (roving tabindex); the arrow keys, Home and End move between rows.
 */
export class List {
  readonly element: HTMLElement;
  private readonly sentinel = h('div', { class: 'sentinel' });
  private readonly rows = new Map<string, Row>();
  private readonly days = new Map<number, Day>();
  private readonly nearEnd: IntersectionObserver;
  private items: readonly NotificationItem[] = [];
  private limit = BATCH;
  private current: string | null = null;

  constructor(
    private style: RowStyle,
    private readonly listener: ListListener,
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
      if (target instanceof HTMLTimeElement) this.rowOf(target)?.showFullTime();
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
    this.drawRows(fresh);
    if (this.current === null || !this.rows.has(this.current)) {
      // After a row is archived with the keyboard, the focus moves to the row that takes its place.
      const next = items[Math.min(Math.max(0, position), Math.min(items.length, this.limit) - 1)];
      this.current = next?.id ?? null;
      const row = next && this.rows.get(next.id);
      if (row) row.tabbable = true;
      if (hadFocus && row) row.main.focus();
      else if (hadFocus) this.listener.lostFocus();
    }
  }

  /** Updates relative times, and the names of the days after midnight. */
  tick(): void {
    const now = new Date();
    for (const row of this.rows.values()) row.tick(now);
    for (const day of this.days.values()) day.label = this.style.times.day(day.start, now);
  }

  focusFirst(): void {
    const first = this.items[0];
    if (first) this.rows.get(first.id)?.main.focus();
  }

  /** Complements the observer: Chromium's sometimes misses a sentinel whose place `content-visibility` has estimated (tried: 1 of 3 bursts). */
  scrolled({ scrollHeight, scrollTop, clientHeight }: Element): void {
    if (scrollHeight - scrollTop - clientHeight < NEAR_PX) this.grow();
  }

  /** Removes all rows but the first ones, so that the panel opens fast the next time. */
  shrink(): void {
    this.limit = BATCH;
    this.drawRows(new Set());
  }

  private drawRows(fresh: ReadonlySet<string>): void {
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
    // An observer reports changes only. Observing anew reports a sentinel that is still visible.
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
    row.tabbable = item.id === this.current;
    this.rows.set(item.id, row);
    return row;
  }

  private grow(): void {
    if (this.limit < this.items.length) {
      this.limit += BATCH;
      this.drawRows(new Set());
    } else this.listener.needMore();
  }

  private moveTo(row: Row): void {
    if (row.item.id === this.current) return;
    const before = this.current === null ? undefined : this.rows.get(this.current);
    if (before) before.tabbable = false;
    this.current = row.item.id;
    row.tabbable = true;
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
    const action = row.answers.actionOf(control);
    if (action) this.listener.act(row.item, action, event);
    else if (control === row.main) this.listener.select(row.item, event);
    else if (control === row.toggle) this.listener.toggleRead(row.item);
    else if (control === row.snooze) this.listener.snooze(row.item, row.snooze);
    else if (control === row.archive) this.listener.archive(row.item);
  }

  private onKey(event: KeyboardEvent): void {
    const row = this.rowOf(event.target);
    if (!row || event.ctrlKey || event.metaKey || event.altKey || event.shiftKey) return;
    const at = this.items.findIndex(({ id }) => id === row.item.id);
    const to = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: this.items.length - 1 }[event.key];
    if (event.key === 'Delete') this.listener.archive(row.item);
    else if (to === undefined) return;
    else this.focusAt(to);
    event.preventDefault();
  }

  private focusAt(index: number): void {
    const item = this.items[Math.min(Math.max(0, index), this.items.length - 1)];
    if (!item) return;
    if (index >= this.limit) {
      this.limit = index + BATCH;
      this.drawRows(new Set());
    }
    if (index >= this.items.length) this.listener.needMore();
    this.rows.get(item.id)?.main.focus();
  }
}

/** The start of an item's day. Items are in the order of the log: one with an earlier or invalid time than its neighbours joins their group. */
function dayOf(item: NotificationItem, latest: number): number {
  const at = new Date(item.createdAt);
  return Number.isNaN(at.getTime()) ? latest : Math.min(startOfDay(at), latest);
}

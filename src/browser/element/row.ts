import type { NotificationItem } from '../../contract/model/entry.js';
import { Answers } from './answers.js';
import { button, h, setAttribute, setText } from './dom.js';
import { icon } from './icons.js';
import { safeLink, setLink } from './links.js';
import { drawPicture } from './picture.js';
import type { RowStyle } from './row-style.js';

let count = 0;
let templates: { readonly link: HTMLLIElement; readonly button: HTMLLIElement } | undefined;

/** Cloning a template takes a third of the time of creating a row, which is what long lists spend their time on. */
function template(main: HTMLAnchorElement | HTMLButtonElement): HTMLLIElement {
  main.append(h('span', { class: 'hidden' }), h('span', { class: 'title', part: 'item-title', dir: 'auto' }));
  const meta = h(
    'p',
    { class: 'meta' },
    h('span', { class: 'chip urgent', part: 'item-severity' }),
    h('time', { part: 'item-time' }),
    h('span', { class: 'chip collapsed', part: 'item-count' }),
  );
  const more = h('div', { class: 'more' }, h('p', { class: 'body', part: 'item-body', dir: 'auto' }), meta);
  return h(
    'li',
    { class: 'row' },
    h('span', { class: 'glyph', part: 'item-icon', 'aria-hidden': 'true' }),
    h('div', { class: 'content' }, main, more),
    h(
      'div',
      { class: 'actions' },
      button('small toggle', 'item-toggle', h('span', { class: 'dot', part: 'dot' }), icon('check')),
      button('small snooze', 'item-snooze', icon('clock')),
      button('small archive', 'item-archive', icon('archive')),
    ),
  );
}

/**
 * One notification. The title is a link, or a button if the notification has no link. It covers the whole row, so that the row has one
 * accessible name and a large target; the buttons are above it.
 */
export class Row {
  readonly element: HTMLLIElement;
  readonly main: HTMLAnchorElement | HTMLButtonElement;
  readonly toggle: HTMLButtonElement;
  readonly snooze: HTMLButtonElement;
  readonly archive: HTMLButtonElement;
  readonly answers = new Answers(() => this.main);
  private readonly unreadWord: HTMLElement;
  private readonly title: HTMLElement;
  private readonly body: HTMLElement;
  private readonly time: HTMLTimeElement;
  private readonly collapsed: HTMLElement;
  private readonly glyph: HTMLElement;
  private readonly urgent: HTMLElement;
  private readonly createdAt: Date;
  private isTabbable = false;

  constructor(
    public item: NotificationItem,
    private readonly style: RowStyle,
    fresh: boolean,
  ) {
    const link = safeLink(item.link);
    const id = `tidings-row-${++count}`;
    templates ??= {
      link: template(h('a', { class: 'main', part: 'item-main' })),
      button: template(button('main', 'item-main')),
    };
    this.element = templates[link === null ? 'button' : 'link'].cloneNode(true) as HTMLLIElement;
    const find = <E extends Element>(selector: string): E => this.element.querySelector<E>(selector)!;
    this.main = find('.main');
    this.unreadWord = find('.hidden');
    this.title = find('.title');
    this.body = find('.body');
    this.time = find('time');
    this.collapsed = find('.collapsed');
    this.glyph = find('.glyph');
    this.toggle = find('.toggle');
    this.urgent = find('.urgent');
    this.snooze = find('.snooze');
    this.snooze.title = style.strings.snooze;
    this.snooze.hidden = !style.canSnooze;
    setAttribute(this.snooze, 'aria-haspopup', 'menu');
    this.archive = find('.archive');
    this.archive.title = style.strings.archive;
    this.createdAt = new Date(item.createdAt);
    this.main.setAttribute('aria-describedby', id);
    find('.more').id = id;
    if (this.main instanceof HTMLAnchorElement && link !== null) setLink(this.main, link);
    find('.content').append(this.answers.element);
    if (fresh) this.element.classList.add('fresh');
    this.update(item);
  }

  /** Whether this row can show an item. Link and time are fixed when a row is created. */
  fits(item: NotificationItem, style: RowStyle): boolean {
    return style === this.style && item.link === this.item.link && item.createdAt === this.item.createdAt;
  }

  update(item: NotificationItem): void {
    this.item = item;
    const { strings, times, present } = this.style;
    const unread = item.readAt === null;
    this.element.classList.toggle('unread', unread);
    const { severity = 'normal' } = item;
    this.element.dataset['severity'] = severity;
    this.element.part.value = `item item-${severity}${unread ? ' item-unread' : ''}`;
    setText(this.urgent, severity === 'high' ? strings.urgent : '');
    setText(this.unreadWord, unread ? `${strings.unread}: ` : '');
    setText(this.title, item.title);
    setText(this.body, item.body ?? '');
    this.body.hidden = !item.body;
    setText(this.collapsed, item.count > 1 ? strings.collapsed(times.number(item.count)) : '');
    const action = unread ? strings.markRead : strings.markUnread;
    this.toggle.title = action;
    setAttribute(this.toggle, 'aria-label', `${action}: ${item.title}`);
    setAttribute(this.archive, 'aria-label', `${strings.archive}: ${item.title}`);
    setAttribute(this.snooze, 'aria-label', `${strings.snooze}: ${item.title}`);
    drawPicture(this.glyph, item, present(item));
    this.answers.update(item, this.style);
    // Buttons that are new.
    this.tabbable = this.isTabbable;
    this.tick(new Date());
  }

  /** Updates the relative time. */
  tick(now: Date): void {
    if (Number.isNaN(this.createdAt.getTime())) return;
    if (!this.time.dateTime) {
      this.time.dateTime = this.createdAt.toISOString();
    }
    setText(this.time, this.style.times.relative(this.createdAt, now));
  }

  /** Sets the tooltip of the time. Only on demand: formatting is slow for thousands of rows. */
  showFullTime(): void {
    if (this.time.dateTime && !this.time.title) this.time.title = this.style.times.full(this.createdAt);
  }

  /** Puts the row into the tab order, or takes it out (roving tabindex). */
  set tabbable(on: boolean) {
    this.isTabbable = on;
    const { main, toggle, snooze, archive, answers } = this;
    for (const control of [main, ...answers.controls, toggle, snooze, archive])
      control.tabIndex = on ? 0 : -1;
  }
}

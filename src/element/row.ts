import type { NotificationItem } from '../contract/entry.js';
import { isSafeLink } from '../contract/link.js';
import { button, h, setAttribute, setText } from './dom.js';
import { icon } from './icons.js';
import type { BellStrings } from './strings.js';
import type { Times } from './times.js';
import type { Presentation } from './types.js';

/** What rows are drawn with. A new object when anything of it changes: then all rows are drawn anew. */
export interface RowStyle {
  readonly strings: BellStrings;
  readonly times: Times;
  readonly present: (item: NotificationItem) => Presentation;
}

let count = 0;

/**
 * One notification. The title is the link (or the button, where there is nowhere to go) and reaches over the whole row, so that there is one
 * name to read out and a large target to hit; the two small buttons lie above it.
 */
export class Row {
  readonly element: HTMLLIElement;
  readonly main: HTMLAnchorElement | HTMLButtonElement;
  readonly toggle: HTMLButtonElement;
  readonly archive: HTMLButtonElement;
  private readonly unreadWord: HTMLElement;
  private readonly title: HTMLElement;
  private readonly body: HTMLElement;
  private readonly time: HTMLTimeElement;
  private readonly collapsed: HTMLElement;
  private readonly glyph: HTMLElement;
  private readonly createdAt: Date;
  private shownIcon = '';

  constructor(
    public item: NotificationItem,
    private readonly style: RowStyle,
    fresh: boolean,
  ) {
    const { strings } = style;
    const id = `tidings-row-${++count}`;
    const link = safeLink(item);
    this.createdAt = new Date(item.createdAt);
    this.unreadWord = h('span', { class: 'hidden' });
    this.title = h('span', { class: 'title', part: 'item-title', dir: 'auto' });
    this.main =
      link === null ? button('main', 'item-main') : h('a', { class: 'main', part: 'item-main', href: link });
    if (link !== null && !link.startsWith('/')) this.main.setAttribute('rel', 'noopener noreferrer');
    this.main.setAttribute('aria-describedby', id);
    this.main.append(this.unreadWord, this.title);
    this.body = h('p', { class: 'body', part: 'item-body', dir: 'auto' });
    this.time = h('time', { part: 'item-time' });
    this.collapsed = h('span', { class: 'collapsed', part: 'item-count' });
    this.glyph = h('span', { class: 'glyph', part: 'item-icon', 'aria-hidden': 'true' });
    this.toggle = button(
      'small toggle',
      'item-toggle',
      h('span', { class: 'dot', part: 'dot' }),
      icon('check'),
    );
    this.archive = button('small away', 'item-archive', icon('archive'));
    this.archive.title = strings.archive;
    const content = h(
      'div',
      { class: 'content' },
      this.main,
      h('div', { class: 'more', id }, this.body, h('p', { class: 'meta' }, this.time, this.collapsed)),
    );
    this.element = h(
      'li',
      { class: 'row' },
      this.glyph,
      content,
      h('div', { class: 'actions' }, this.toggle, this.archive),
    );
    if (fresh) this.element.classList.add('fresh');
    this.update(item);
  }

  /** Whether this row can show an item: what its title is was decided when it was made. */
  fits(item: NotificationItem, style: RowStyle): boolean {
    return style === this.style && item.link === this.item.link && item.createdAt === this.item.createdAt;
  }

  update(item: NotificationItem): void {
    this.item = item;
    const { strings, times, present } = this.style;
    const unread = item.readAt === null;
    this.element.classList.toggle('unread', unread);
    this.element.part.value = unread ? 'item item-unread' : 'item';
    setText(this.unreadWord, unread ? `${strings.unread}: ` : '');
    setText(this.title, item.title);
    setText(this.body, item.body ?? '');
    this.body.hidden = !item.body;
    setText(this.collapsed, item.count > 1 ? strings.collapsed(times.number(item.count)) : '');
    const action = unread ? strings.markRead : strings.markUnread;
    this.toggle.title = action;
    setAttribute(this.toggle, 'aria-label', `${action}: ${item.title}`);
    setAttribute(this.archive, 'aria-label', `${strings.archive}: ${item.title}`);
    const { icon: name, tone } = present(item);
    if (this.shownIcon !== `${name} ${tone}`) {
      this.shownIcon = `${name} ${tone}`;
      this.glyph.dataset['tone'] = tone;
      this.glyph.replaceChildren(icon(name));
    }
    this.tick(new Date());
  }

  /** Relative times move on. */
  tick(now: Date): void {
    if (Number.isNaN(this.createdAt.getTime())) return;
    if (!this.time.dateTime) {
      this.time.dateTime = this.createdAt.toISOString();
      this.time.title = this.style.times.full(this.createdAt);
    }
    setText(this.time, this.style.times.relative(this.createdAt, now));
  }

  /** Of a list, one row at a time is in the tab order. */
  set reachable(on: boolean) {
    for (const control of [this.main, this.toggle, this.archive]) control.tabIndex = on ? 0 : -1;
  }
}

/** The server checks links, too; whoever renders one checks it again. */
export function safeLink({ link }: NotificationItem): string | null {
  return typeof link === 'string' && isSafeLink(link) ? link : null;
}

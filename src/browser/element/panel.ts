import { button, h, setAttribute, setText } from './dom.js';
import { icon } from './icons.js';
import { message, retryButton } from './message.js';
import type { BellStrings } from './strings.js';
import { Tabs } from './tabs.js';

/** The main content of the panel. */
export type View = 'loading' | 'list' | 'empty' | 'empty-category' | 'unreachable' | 'signed-out' | 'refused';

/** A message below the header, above content that stays visible. */
export type Notice = 'offline' | 'paused' | 'failed' | 'already-acted' | null;

/** The state of the end of the list. */
export type Foot = 'loading' | 'failed' | 'end' | null;

const SKELETONS = 5;

/** What a user does in the panel, besides the list. */
export interface PanelHandlers {
  readonly close: () => void;
  readonly markAllRead: () => void;
  readonly retry: () => void;
  readonly scrolled: () => void;
  /** To the new rows above. */
  readonly toTop: () => void;
  /** The menu beside the title. */
  readonly openMenu: (anchor: HTMLElement) => void;
  readonly selectTab: (name: string) => void;
  /** From the panel into the list, by the keyboard. */
  readonly enterList: () => void;
}

/** The panel around the list: header, notice, the views that replace the list, foot. Independent of feeds. */
export class Panel {
  readonly element = h('div', {
    class: 'panel',
    part: 'panel',
    tabindex: '-1',
    'aria-labelledby': 'tidings-title',
  });
  readonly close = button('small close', 'close', icon('cross'));
  private readonly markAll = button('quiet', 'mark-all', icon('checkAll'), h('span'));
  readonly more = button('small menu-button', 'more', icon('more'));
  readonly middle = h('div', { class: 'middle', id: 'tidings-middle' });
  readonly tabs: Tabs;
  private readonly newAbove = button('above', 'new-above', icon('arrowUp'), h('span'));
  readonly scroller = h('div', { class: 'scroller', part: 'scroller' });
  private readonly title = h('h2', { class: 'heading', part: 'title', id: 'tidings-title' });
  private readonly count = h('span', { class: 'count', part: 'count' });
  private readonly notice = h('p', { class: 'notice', part: 'notice', hidden: '' });
  private readonly foot = h('div', { class: 'foot', part: 'foot', hidden: '' });
  private readonly hint = h('p', { class: 'hint', part: 'hint', id: 'tidings-hint' });
  private readonly slot = h('div', { class: 'view' });
  private shown: View | null = null;
  private shownNotice: Notice = null;
  private shownFoot: Foot = null;

  constructor(
    private strings: BellStrings,
    private readonly list: HTMLElement,
    private readonly handlers: PanelHandlers,
  ) {
    const header = h(
      'header',
      { class: 'header', part: 'header' },
      this.title,
      this.count,
      h('div', { class: 'tools' }, this.markAll, this.more, this.close),
    );
    setAttribute(this.more, 'aria-haspopup', 'menu');
    setAttribute(this.more, 'aria-expanded', 'false');
    this.tabs = new Tabs(this.middle, handlers.selectTab);
    this.scroller.append(this.slot, this.foot);
    this.middle.append(this.newAbove, this.scroller);
    this.newAbove.hidden = true;
    this.element.append(
      h('div', { class: 'grip', 'aria-hidden': 'true' }),
      header,
      this.tabs.element,
      this.notice,
      this.middle,
      this.hint,
    );
    this.restyle(strings);
    this.listen(handlers);
  }

  restyle(strings: BellStrings): void {
    this.strings = strings;
    setText(this.title, strings.title);
    setText(this.markAll.lastElementChild!, strings.markAllRead);
    this.markAll.title = strings.markAllRead;
    setText(this.hint, strings.hint);
    setAttribute(this.close, 'aria-label', strings.close);
    setAttribute(this.more, 'aria-label', strings.more);
    this.more.title = strings.more;
    const { shown, shownNotice, shownFoot } = this;
    this.shown = this.shownNotice = this.shownFoot = null;
    if (shown) this.show(shown);
    this.showNotice(shownNotice);
    this.showFoot(shownFoot);
  }

  showUnread(unread: number, text: string): void {
    this.count.hidden = unread === 0;
    setText(this.count, text);
    setAttribute(this.count, 'aria-label', this.strings.unreadCount(text));
    setAttribute(this.count, 'role', 'img');
    // `disabled` would drop the focus of a button that was just pressed.
    setAttribute(this.markAll, 'aria-disabled', unread === 0 ? 'true' : null);
  }

  show(view: View): void {
    if (view === this.shown) return;
    this.shown = view;
    setAttribute(this.scroller, 'aria-busy', view === 'loading' ? 'true' : null);
    // Firefox takes what scrolls into the tab order; the keys of the rows scroll the list.
    setAttribute(this.scroller, 'tabindex', view === 'list' ? '-1' : null);
    this.element.dataset['view'] = view;
    this.slot.replaceChildren(this.createView(view));
  }

  showNotice(notice: Notice): void {
    if (notice === this.shownNotice) return;
    this.shownNotice = notice;
    this.notice.hidden = notice === null;
    if (notice === null) return;
    const { strings } = this;
    const text = {
      offline: strings.offline,
      paused: strings.paused,
      failed: strings.actionFailed,
      'already-acted': strings.alreadyActed,
    }[notice];
    this.notice.dataset['notice'] = notice;
    this.notice.replaceChildren(
      icon(notice === 'offline' || notice === 'paused' ? 'cloudOff' : 'alert'),
      h('span', {}, text),
    );
  }

  showFoot(foot: Foot): void {
    if (foot === this.shownFoot) return;
    this.shownFoot = foot;
    this.foot.hidden = foot === null;
    if (foot === null) return;
    const { strings } = this;
    if (foot === 'loading')
      this.foot.replaceChildren(
        h('span', { class: 'spinner' }),
        h('span', { class: 'hidden' }, strings.loading),
      );
    else if (foot === 'end') this.foot.replaceChildren(h('span', { class: 'end' }, strings.theEnd));
    else this.foot.replaceChildren(h('span', {}, strings.loadMoreFailed), this.retryButton());
  }

  showAbove(count: string | null): void {
    this.newAbove.hidden = count === null;
    if (count !== null) setText(this.newAbove.lastElementChild!, this.strings.newAbove(count));
  }

  private listen({ close, markAllRead, scrolled, toTop, enterList, openMenu }: PanelHandlers): void {
    this.close.addEventListener('click', close);
    this.markAll.addEventListener('click', markAllRead);
    this.newAbove.addEventListener('click', toTop);
    this.more.addEventListener('click', () => openMenu(this.more));
    this.scroller.addEventListener('scroll', scrolled, { passive: true });
    this.element.addEventListener('keydown', (event) => {
      if (event.key !== 'ArrowDown' || !(event.target as Element).contains(this.scroller)) return;
      event.preventDefault();
      enterList();
    });
  }

  private createView(view: View): HTMLElement {
    const { strings } = this;
    switch (view) {
      case 'list':
        return this.list;
      case 'loading':
        return h(
          'div',
          { class: 'loading', part: 'loading' },
          h('p', { class: 'hidden' }, strings.loading),
          ...skeletons(),
        );
      case 'empty':
        return message('bell', strings.emptyTitle, strings.emptyBody);
      case 'empty-category':
        return message('bell', strings.emptyCategory, strings.emptyBody);
      case 'unreachable':
        return message('cloudOff', strings.unreachableTitle, strings.unreachableBody, this.retryButton());
      case 'signed-out':
        return message('lock', strings.signedOutTitle, strings.signedOutBody, this.retryButton());
      case 'refused':
        return message('alert', strings.refusedTitle, strings.refusedBody, this.retryButton());
    }
  }

  private retryButton(): HTMLButtonElement {
    return retryButton(this.strings.retry, () => this.handlers.retry());
  }
}

function skeletons(): HTMLElement[] {
  return Array.from({ length: SKELETONS }, () =>
    h('div', { class: 'skeleton', 'aria-hidden': 'true' }, h('i'), h('span', {}, h('b'), h('b'))),
  );
}

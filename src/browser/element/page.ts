import { button, h, setAttribute, setText } from './dom.js';
import { icon } from './icons.js';
import { message, retryButton } from './message.js';
import type { BellStrings } from './strings.js';

/**
 * A page of the panel that covers the list until its back button or Escape is pressed: the preferences, the snoozed notifications.
 *
 *     closed --open()--> loading --content--> shown --back--> closed
 *                           └──failure──> failed --retry--> loading
 */
export class Page {
  readonly element: HTMLElement;
  private readonly back = button('small back', 'back', icon('back'));
  private readonly title = h('h2', { class: 'heading', part: 'title', id: 'tidings-page' });
  private readonly body = h('div', { class: 'page-body scroller', part: 'page' });
  /** Counts openings: what one has loaded is not shown in the next. */
  private opening = 0;

  constructor(
    private readonly panel: HTMLElement,
    private readonly closed: () => void,
  ) {
    this.element = h(
      'section',
      { class: 'page', hidden: '' },
      h('header', { class: 'header', part: 'header' }, this.back, this.title),
      h('div', { class: 'middle' }, this.body),
    );
    this.back.addEventListener('click', () => this.close(true));
    this.element.addEventListener('keydown', (event) => {
      if (event.key !== 'Escape' || event.defaultPrevented) return;
      event.preventDefault();
      event.stopPropagation();
      this.close(true);
    });
  }

  get isOpen(): boolean {
    return !this.element.hidden;
  }

  /** Opens the page with what `load` brings. */
  open(title: string, strings: BellStrings, load: () => Promise<Element>): void {
    this.element.hidden = false;
    this.panel.dataset['page'] = '';
    this.panel.setAttribute('aria-labelledby', 'tidings-page');
    setText(this.title, title);
    setAttribute(this.back, 'aria-label', strings.back);
    this.back.focus({ preventScroll: true });
    const opening = ++this.opening;
    const attempt = (): void => {
      this.body.replaceChildren(
        h(
          'div',
          { class: 'waiting' },
          h('span', { class: 'spinner' }),
          h('span', { class: 'hidden' }, strings.loading),
        ),
      );
      load().then(
        (element) => opening === this.opening && this.body.replaceChildren(element),
        () => {
          if (opening !== this.opening) return;
          const retry = retryButton(strings.retry, () => {
            this.back.focus();
            attempt();
          });
          this.body.replaceChildren(
            message('cloudOff', strings.pageFailedTitle, strings.pageFailedBody, retry),
          );
        },
      );
    };
    attempt();
  }

  close(returnFocus: boolean): void {
    if (!this.isOpen) return;
    this.opening++;
    this.element.hidden = true;
    delete this.panel.dataset['page'];
    this.panel.setAttribute('aria-labelledby', 'tidings-title');
    this.body.replaceChildren();
    if (returnFocus) this.closed();
  }
}

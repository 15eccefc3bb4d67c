import type { NotificationAction, NotificationItem } from '../../contract/model/entry.js';
import { Answers } from './answers.js';
import { button, h, setAttribute, setText } from './dom.js';
import { icon } from './icons.js';
import { safeLink, setLink } from './links.js';
import { drawPicture } from './picture.js';
import type { RowStyle } from './row-style.js';

/** An answer is shown for this time before its toast leaves. */
const ANSWERED_FOR_MS = 1_600;

/** The reactions to a toast's events. */
export interface ToastListener {
  select(toast: Toast, event: MouseEvent): void;
  act(toast: Toast, action: NotificationAction, event: MouseEvent): void;
  dismiss(toast: Toast): void;
}

/** One notification, or a summary of several (`item` is `null`), with the time that it has left. */
export class Toast {
  readonly element = h('li', { class: 'toast', part: 'toast' });
  readonly main: HTMLElement;
  private readonly glyph = h('span', { class: 'glyph', part: 'item-icon', 'aria-hidden': 'true' });
  private readonly title = h('span', { class: 'title', part: 'item-title', dir: 'auto' });
  private readonly body = h('p', { class: 'body', part: 'item-body', dir: 'auto' });
  private readonly urgent = h('span', { class: 'chip urgent', part: 'item-severity' });
  private readonly close = button('small dismiss', 'dismiss', icon('cross'));
  private readonly answers = new Answers(() => this.main);
  private timer: ReturnType<typeof setTimeout> | undefined;
  private startedAt = 0;
  private isPaused = true;

  /** @param leftMs `Infinity`: until it is closed. */
  constructor(
    public item: NotificationItem | null,
    private leftMs: number,
    private readonly listener: ToastListener,
  ) {
    const link = safeLink(item?.link);
    this.main =
      link === null
        ? button('main', 'item-main', this.title)
        : h('a', { class: 'main', part: 'item-main' }, this.title);
    if (this.main instanceof HTMLAnchorElement) setLink(this.main, link!);
    const content = h('div', { class: 'content' }, this.urgent, this.main, this.body, this.answers.element);
    this.element.append(
      h(
        'div',
        { class: 'toast-box' },
        h('div', { class: 'toast-card', part: 'toast-card' }, this.glyph, content, this.close),
      ),
    );
    this.element.addEventListener('click', (event) => this.onClick(event));
  }

  /** Shows the present state of its notification. */
  update(item: NotificationItem, style: RowStyle): void {
    const isAnswered = !this.item?.acted && !!item.acted;
    this.item = item;
    this.draw(item.title, item.body, style, item.severity);
    drawPicture(this.glyph, item, style.present(item));
    this.answers.update(item, style);
    // Also with the pointer over it: there is nothing left to do.
    if (isAnswered) setTimeout(() => this.listener.dismiss(this), ANSWERED_FOR_MS);
  }

  summarize(title: string, body: string, style: RowStyle): void {
    this.draw(title, body, style);
    this.glyph.dataset['tone'] = 'accent';
    this.glyph.replaceChildren(icon('bell'));
  }

  /** Whether its time runs. */
  set running(on: boolean) {
    if (on !== this.isPaused) return;
    this.isPaused = !on;
    if (on) this.start();
    else {
      clearTimeout(this.timer);
      this.leftMs -= Date.now() - this.startedAt;
    }
  }

  private draw(title: string, body: string | null, { strings }: RowStyle, severity = 'normal'): void {
    this.element.dataset['severity'] = severity;
    setText(this.title, title);
    setText(this.body, body ?? '');
    this.body.hidden = !body;
    setText(this.urgent, severity === 'high' ? strings.urgent : '');
    this.close.title = strings.dismiss;
    setAttribute(this.close, 'aria-label', `${strings.dismiss}: ${title}`);
  }

  private start(): void {
    this.startedAt = Date.now();
    // Under a second is no time to read what was below the pointer until now.
    if (this.leftMs !== Infinity)
      this.timer = setTimeout(() => this.listener.dismiss(this), Math.max(1_000, this.leftMs));
  }

  private onClick(event: MouseEvent): void {
    const control = event.target instanceof Element ? event.target.closest('a, button') : null;
    const action = this.answers.actionOf(control);
    if (action) this.listener.act(this, action, event);
    else if (control === this.main) this.listener.select(this, event);
    else if (control === this.close) this.listener.dismiss(this);
  }
}

import { button, h, setAttribute, setText } from './dom.js';
import { icon } from './icons.js';

/** Higher counts are shown as `99+`. */
export const MAX_COUNT = 99;

/** The button with the bell and its badge. */
export class BellButton {
  readonly element = button('bell', 'bell', icon('bell', 'icon bell-icon'));
  private readonly badge = h('span', { class: 'badge', part: 'badge', 'aria-hidden': 'true', hidden: '' });
  private shown = 0;

  constructor() {
    setAttribute(this.element, 'aria-haspopup', 'dialog');
    setAttribute(this.element, 'aria-expanded', 'false');
    this.element.append(this.badge);
    this.element.addEventListener('animationend', () => this.element.classList.remove('ring'));
  }

  /**
   * @param count the number in the badge, shown as `text`.
   * @param hasUnread whether the badge is a dot when the count is 0: everything is seen, but not read.
   * @param isUrgent whether something of high severity is among them.
   * @param name the accessible name.
   */
  show(count: number, text: string, hasUnread: boolean, isUrgent: boolean, name: string): void {
    setAttribute(this.element, 'aria-label', name);
    this.badge.hidden = count === 0 && !hasUnread;
    this.badge.classList.toggle('no-count', count === 0);
    this.badge.classList.toggle('urgent-badge', isUrgent);
    this.badge.part.toggle('badge-high', isUrgent);
    this.badge.classList.toggle('wide', count > MAX_COUNT);
    setText(this.badge, count === 0 ? '' : text);
    if (count > this.shown) {
      // Restarts an animation that is still running.
      this.element.classList.remove('ring');
      if (this.shown !== 0 || this.element.isConnected)
        requestAnimationFrame(() => this.element.classList.add('ring'));
    }
    this.shown = count;
  }
}

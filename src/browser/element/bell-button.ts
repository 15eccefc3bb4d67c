import { button, h, setAttribute, setText } from './dom.js';
import { icon } from './icons.js';

/** More than this is `99+`. */
export const MOST = 99;

/** The bell and its badge. */
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
   * @param count the number in the badge, and its text.
   * @param waiting whether a dot stays when there is no number: all was seen, not all was read.
   */
  show(count: number, text: string, waiting: boolean, name: string): void {
    setAttribute(this.element, 'aria-label', name);
    this.badge.hidden = count === 0 && !waiting;
    this.badge.classList.toggle('mere', count === 0);
    this.badge.classList.toggle('wide', count > MOST);
    setText(this.badge, count === 0 ? '' : text);
    if (count > this.shown) {
      // Begins anew also while the last one is still running.
      this.element.classList.remove('ring');
      if (this.shown !== 0 || this.element.isConnected)
        requestAnimationFrame(() => this.element.classList.add('ring'));
    }
    this.shown = count;
  }
}

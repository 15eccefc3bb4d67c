import { button, focused, h } from './dom.js';
import { icon, type IconName } from './icons.js';
import { placeBeside } from './place.js';

const MOVED_PX = 8;

/** One choice of a menu. */
export interface MenuItem {
  readonly label: string;
  /** Beside the label, such as a time. */
  readonly detail?: string;
  readonly icon?: IconName;
  readonly choose: () => void;
}

/** A menu of a button, in the browser's top layer, after the pattern "menu button" of the ARIA Authoring Practices. One is open at a time. */
export class Menu {
  readonly element: HTMLElement;
  private readonly window = h('div', { class: 'window', 'aria-hidden': 'true' });
  private readonly list = h('div', { class: 'menu-list', part: 'menu', role: 'menu' });
  private anchor: HTMLElement | null = null;
  private anchorTop = 0;

  constructor() {
    this.element = h('div', { class: 'menu', popover: 'manual' }, this.list, this.window);
    this.element.addEventListener('keydown', (event) => this.onKey(event));
    this.element.addEventListener('focusout', ({ relatedTarget }) => {
      if (!this.element.contains(relatedTarget as Node | null)) this.close(false);
    });
  }

  /** Opens at a button, which closes it again. */
  toggle(anchor: HTMLElement, label: string, items: readonly MenuItem[]): void {
    const wasOpen = this.anchor === anchor;
    this.close(wasOpen);
    if (wasOpen) return;
    this.anchor = anchor;
    this.anchorTop = anchor.getBoundingClientRect().top;
    this.list.setAttribute('aria-label', label);
    this.list.replaceChildren(...items.map((item) => this.create(item)));
    anchor.setAttribute('aria-expanded', 'true');
    this.element.dataset['open'] = '';
    this.element.showPopover?.();
    placeBeside({ layer: this.element, anchor, window: this.window });
    this.controls[0]?.focus({ preventScroll: true });
    document.addEventListener('pointerdown', this.onPointer, true);
    addEventListener('resize', this.onMove);
    addEventListener('scroll', this.onMove, { capture: true, passive: true });
  }

  close(returnFocus: boolean): void {
    const { anchor } = this;
    if (!anchor) return;
    this.anchor = null;
    document.removeEventListener('pointerdown', this.onPointer, true);
    removeEventListener('resize', this.onMove);
    removeEventListener('scroll', this.onMove, { capture: true });
    anchor.setAttribute('aria-expanded', 'false');
    if (returnFocus) anchor.focus({ preventScroll: true });
    delete this.element.dataset['open'];
    delete this.element.dataset['measured'];
    if (this.element.isConnected) this.element.hidePopover?.();
  }

  private get controls(): HTMLElement[] {
    return [...this.list.children] as HTMLElement[];
  }

  private create({ label, detail, icon: name, choose }: MenuItem): HTMLElement {
    const control = button(
      'menu-item',
      'menu-item',
      name ? icon(name) : null,
      h('span', { class: 'menu-label' }, label),
      detail ? h('span', { class: 'menu-detail' }, detail) : null,
    );
    control.setAttribute('role', 'menuitem');
    control.tabIndex = -1;
    control.addEventListener('click', () => {
      this.close(true);
      choose();
    });
    return control;
  }

  private onKey(event: KeyboardEvent): void {
    const { controls } = this;
    const at = controls.indexOf(focused(this.element) as HTMLElement);
    const { length } = controls;
    const to = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: length - 1 }[event.key];
    if (to !== undefined) controls[(to + length) % length]!.focus();
    else if (event.key === 'Escape' || event.key === 'Tab') this.close(true);
    else return;
    event.stopPropagation();
    // Tab moves on from the button.
    if (event.key !== 'Tab') event.preventDefault();
  }

  /** Closes the menu when its button has moved: not for a scroll elsewhere, nor for one that browsers adjust by themselves. */
  private readonly onMove = (): void => {
    const top = this.anchor?.getBoundingClientRect().top ?? 0;
    if (Math.abs(top - this.anchorTop) > MOVED_PX) this.close(true);
  };

  private readonly onPointer = (event: Event): void => {
    const path = event.composedPath();
    // The button itself closes the menu by its click.
    if (!path.includes(this.element) && !path.includes(this.anchor!)) this.close(false);
  };
}

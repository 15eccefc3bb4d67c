import { focused, h, setAttribute } from './dom.js';
import type { Toast } from './toast.js';

/** Longer than its movement takes: without movements there is no end of one. */
const LEAVING_MS = 260;

/** Why the time of toasts does not run. */
type Pause = 'pointer' | 'focus' | 'hidden';

/**
 * The toasts that are shown, oldest first, in the browser's top layer. While the pointer is over one, or the focus is in one, the time of all
 * stands still. Escape closes the one with the focus, else the newest.
 */
export class ToastStack {
  readonly element: HTMLElement;
  private readonly list = h('ol', { class: 'toast-list', role: 'list' });
  private readonly shown: Toast[] = [];
  private readonly pauses = new Set<Pause>();
  private returnTo: Element | null = null;

  /** @param emptied is called when the last toast is gone. */
  constructor(private readonly emptied: () => void) {
    this.element = h('section', { class: 'toasts', part: 'toasts', popover: 'manual' }, this.list);
    const { element } = this;
    element.addEventListener('pointerenter', () => this.pause('pointer', true));
    element.addEventListener('pointerleave', () => this.pause('pointer', false));
    element.addEventListener('focusin', ({ relatedTarget }) => {
      if (!this.contains(relatedTarget)) this.returnTo = relatedTarget as Element | null;
      this.pause('focus', true);
    });
    element.addEventListener('focusout', ({ relatedTarget }) => {
      if (!this.contains(relatedTarget)) this.pause('focus', false);
    });
  }

  get toasts(): readonly Toast[] {
    return [...this.shown];
  }

  restyle(name: string): void {
    setAttribute(this.element, 'aria-label', name);
  }

  /** Adds a toast; the oldest ones leave, those that stay until they are closed last. */
  add(toast: Toast, max: number): void {
    const same = this.shown.find(({ item }) => item !== null && item.id === toast.item?.id);
    if (same) this.remove(same);
    while (this.shown.length >= max) {
      this.remove(this.shown.find(({ item }) => item?.severity !== 'high') ?? this.shown[0]!);
    }
    this.shown.push(toast);
    this.list.append(toast.element);
    if (this.element.dataset['open'] === undefined) {
      this.element.dataset['open'] = '';
      // A browser without popovers shows a fixed box.
      this.element.showPopover?.();
      document.addEventListener('keydown', this.onKey);
    }
    toast.running = this.pauses.size === 0;
  }

  remove(toast: Toast): void {
    const at = this.shown.indexOf(toast);
    if (at < 0) return;
    this.shown.splice(at, 1);
    toast.running = false;
    const { element } = toast;
    if (element.contains(focused(element))) this.moveFocus(at);
    element.inert = true;
    element.classList.add('leaving');
    setTimeout(() => {
      element.remove();
      if (this.shown.length === 0) this.emptied();
    }, LEAVING_MS);
    // A removed element sends no event about a pointer or the focus that it had.
    if (this.shown.length === 0) this.pauses.delete('pointer');
    if (!this.contains(focused(this.element))) this.pause('focus', false);
  }

  clear(): void {
    for (const toast of this.toasts) this.remove(toast);
  }

  /** Leaves the top layer. */
  hide(): void {
    if (this.element.dataset['open'] === undefined) return;
    delete this.element.dataset['open'];
    document.removeEventListener('keydown', this.onKey);
    if (this.element.isConnected) this.element.hidePopover?.();
  }

  pause(reason: Pause, on: boolean): void {
    this.pauses[on ? 'add' : 'delete'](reason);
    for (const toast of this.shown) toast.running = this.pauses.size === 0;
  }

  private contains(target: EventTarget | null): boolean {
    return target instanceof Node && this.element.contains(target);
  }

  /** From a toast that leaves to the next one, else to where the focus came from. */
  private moveFocus(at: number): void {
    const next = this.shown[Math.min(at, this.shown.length - 1)];
    if (next) next.main.focus();
    else if (this.returnTo instanceof HTMLElement && this.returnTo.isConnected) this.returnTo.focus();
  }

  private readonly onKey = (event: KeyboardEvent): void => {
    if (event.key !== 'Escape' || event.defaultPrevented) return;
    const at = focused(this.element);
    const toast = this.shown.find(({ element }) => element.contains(at)) ?? this.shown.at(-1);
    if (toast) this.remove(toast);
  };
}

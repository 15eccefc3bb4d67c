import { h } from './dom.js';
import { placeBeside } from './place.js';

/**
 * What the panel opens in: the top layer, above whatever the page has, and not cut off by it.
 *
 *     closed --show()--> open --Escape, hide(), the focus or a pointer goes elsewhere--> closed
 *
 * The focus goes into the panel when it opens and back to the anchor when it closes, unless the user has put it elsewhere. A page
 * that can see the focus move behind the panel would lose it there, so it closes then.
 */
export class Layer {
  readonly element: HTMLElement;
  private opened = false;
  private readonly place = (): void => placeBeside(this.element, this.anchor);
  private readonly onPointer = (event: Event): void => {
    if (!event.composedPath().includes(this.host)) this.hide(false);
  };

  constructor(
    private readonly host: HTMLElement,
    private readonly anchor: HTMLElement,
    private readonly panel: HTMLElement,
    private readonly changed: (open: boolean) => void,
  ) {
    this.element = h('div', { class: 'layer', popover: 'manual' }, panel);
    // The dimmed page around a sheet.
    this.element.addEventListener('click', ({ target }) => {
      if (target === this.element) this.hide(true);
    });
    host.addEventListener('focusout', ({ relatedTarget }) => {
      if (this.opened && relatedTarget instanceof Node && !host.contains(relatedTarget)) this.hide(false);
    });
  }

  get open(): boolean {
    return this.opened;
  }

  /** Handles Escape, if it is open. */
  onKey(event: KeyboardEvent): void {
    if (!this.opened || event.key !== 'Escape') return;
    event.preventDefault();
    event.stopPropagation();
    this.hide(true);
  }

  show(): void {
    if (this.opened) return;
    this.opened = true;
    this.element.dataset['open'] = '';
    // Browsers before 2024 have no top layer: the panel is a fixed box there.
    this.element.showPopover?.();
    this.changed(true);
    this.place();
    this.panel.focus({ preventScroll: true });
    document.addEventListener('pointerdown', this.onPointer, true);
    addEventListener('resize', this.place);
    addEventListener('scroll', this.place, { capture: true, passive: true });
  }

  hide(returnFocus: boolean): void {
    if (!this.opened) return;
    this.opened = false;
    document.removeEventListener('pointerdown', this.onPointer, true);
    removeEventListener('resize', this.place);
    removeEventListener('scroll', this.place, { capture: true });
    if (returnFocus) this.anchor.focus({ preventScroll: true });
    delete this.element.dataset['open'];
    if (this.element.isConnected) this.element.hidePopover?.();
    this.changed(false);
  }
}

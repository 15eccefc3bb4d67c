import { h } from './dom.js';
import { isMeasured, placeBeside } from './place.js';

/**
 * A popover around the panel. It is in the browser's top layer, so that the page neither covers nor clips it.
 *
 *     closed --show()--> open --Escape, hide(), focus or pointer outside--> closed
 *
 * Opening moves the focus into the panel. Closing returns it to the anchor, unless the user has moved it elsewhere.
 */
export class Layer {
  readonly element: HTMLElement;
  private opened = false;
  private readonly window = h('div', { class: 'window', 'aria-hidden': 'true' });
  private readonly place = (): void =>
    placeBeside({ layer: this.element, anchor: this.anchor, window: this.window });
  private readonly onScroll = (): void => {
    if (isMeasured(this.element)) this.place();
  };
  private readonly onScrollEnd = (): void => {
    // CSS anchor positioning updates a frame later, and keeps its side as long as any of the panel fits there.
    requestAnimationFrame(() => requestAnimationFrame(() => this.opened && this.place()));
  };
  private readonly onPointer = (event: Event): void => {
    if (!event.composedPath().includes(this.host)) this.hide(false);
  };

  constructor(
    private readonly host: HTMLElement,
    private readonly anchor: HTMLElement,
    private readonly panel: HTMLElement,
    private readonly changed: (open: boolean) => void,
  ) {
    this.element = h('div', { class: 'layer', popover: 'manual' }, panel, this.window);
    // A click on the backdrop of the bottom sheet.
    this.element.addEventListener('click', ({ target }) => {
      if (target === this.element) this.hide(true);
    });
    for (const part of [this.element, anchor]) part.addEventListener('keydown', (event) => this.onKey(event));
    host.addEventListener('focusout', ({ relatedTarget }) => {
      if (this.opened && relatedTarget instanceof Node && !host.contains(relatedTarget)) this.hide(false);
    });
  }

  get open(): boolean {
    return this.opened;
  }

  /** Closes the open layer on Escape. */
  private onKey(event: KeyboardEvent): void {
    if (!this.opened || event.key !== 'Escape') return;
    event.preventDefault();
    event.stopPropagation();
    this.hide(true);
  }

  show(): void {
    if (this.opened) return;
    this.opened = true;
    this.element.dataset['open'] = '';
    // A browser without popovers shows the layer as a fixed box.
    this.element.showPopover?.();
    this.changed(true);
    this.place();
    this.panel.focus({ preventScroll: true });
    document.addEventListener('pointerdown', this.onPointer, true);
    addEventListener('resize', this.place);
    addEventListener('scroll', this.onScroll, { capture: true, passive: true });
    addEventListener('scrollend', this.onScrollEnd, { capture: true });
  }

  hide(returnFocus: boolean): void {
    if (!this.opened) return;
    this.opened = false;
    document.removeEventListener('pointerdown', this.onPointer, true);
    removeEventListener('resize', this.place);
    removeEventListener('scroll', this.onScroll, { capture: true });
    removeEventListener('scrollend', this.onScrollEnd, { capture: true });
    if (returnFocus) this.anchor.focus({ preventScroll: true });
    delete this.element.dataset['open'];
    delete this.element.dataset['measured'];
    if (this.element.isConnected) this.element.hidePopover?.();
    this.changed(false);
  }
}

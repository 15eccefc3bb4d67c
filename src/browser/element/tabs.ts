import { button, focused, h, setAttribute, setText } from './dom.js';

/** One tab; the name of the first one, with everything, is `''`. */
export interface Tab {
  readonly name: string;
  readonly label: string;
  /** Such as `12`; `''` for none. */
  readonly count: string;
  /** For screen readers, such as `12 unread`. */
  readonly countLabel: string;
}

/** A list of tabs, after the pattern "tabs with automatic activation" of the ARIA Authoring Practices: one is in the tab order. */
export class Tabs {
  /** Not in the tab order, into which Firefox takes what scrolls. */
  readonly element = h('div', { class: 'tabs', part: 'tabs', role: 'tablist', tabindex: '-1', hidden: '' });
  private readonly known = new Map<string, HTMLButtonElement>();
  private current = '';

  /** @param panel is what the tabs control. */
  constructor(
    private readonly panel: HTMLElement,
    private readonly selected: (name: string) => void,
  ) {
    this.element.addEventListener('keydown', (event) => this.onKey(event));
  }

  render(tabs: readonly Tab[], current: string, label: string): void {
    this.element.hidden = tabs.length < 2;
    this.current = current;
    setAttribute(this.element, 'aria-label', label);
    setAttribute(this.panel, 'role', this.element.hidden ? null : 'tabpanel');
    const shown = tabs.map((tab) => this.draw(tab));
    for (const [name, tab] of this.known) if (!shown.includes(tab)) this.known.delete(name);
    // Moving an element drops its focus.
    if (
      shown.some((tab, index) => this.element.children[index] !== tab) ||
      this.element.childElementCount !== shown.length
    ) {
      const at = focused(this.element) as HTMLElement | null;
      const hadFocus = this.element.contains(at);
      this.element.replaceChildren(...shown);
      if (hadFocus) at!.focus();
    }
    const selected = this.known.get(current);
    setAttribute(this.panel, 'aria-labelledby', this.element.hidden || !selected ? null : selected.id);
  }

  private draw({ name, label, count, countLabel }: Tab): HTMLButtonElement {
    let tab = this.known.get(name);
    if (!tab) {
      tab = button(
        'tab',
        'tab',
        h('span', { dir: 'auto' }),
        h('span', { class: 'tab-count', part: 'tab-count', 'aria-hidden': 'true' }),
        h('span', { class: 'hidden' }),
      );
      tab.id = `tidings-tab-${name}`;
      tab.setAttribute('role', 'tab');
      tab.addEventListener('click', () => this.select(name));
      this.known.set(name, tab);
    }
    const isSelected = name === this.current;
    setText(tab.children[0]!, label);
    setText(tab.children[1]!, count);
    setText(tab.children[2]!, count && `, ${countLabel}`);
    setAttribute(tab, 'aria-selected', String(isSelected));
    setAttribute(tab, 'aria-controls', this.panel.id);
    tab.part.toggle('tab-selected', isSelected);
    tab.tabIndex = isSelected ? 0 : -1;
    return tab;
  }

  private select(name: string): void {
    if (name !== this.current) this.selected(name);
    this.known.get(name)?.scrollIntoView({ block: 'nearest', inline: 'nearest' });
  }

  private onKey(event: KeyboardEvent): void {
    const names = [...this.known.keys()];
    const order = [...this.element.children].map((tab) =>
      names.find((name) => this.known.get(name) === tab)!,
    );
    const at = order.indexOf(this.current);
    const forward = getComputedStyle(this.element).direction === 'rtl' ? -1 : 1;
    const to = { ArrowRight: at + forward, ArrowLeft: at - forward, Home: 0, End: order.length - 1 }[
      event.key
    ];
    if (to === undefined) return;
    event.preventDefault();
    const name = order[(to + order.length) % order.length]!;
    this.select(name);
    this.known.get(name)?.focus();
  }
}

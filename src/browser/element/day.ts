import { h, setText } from './dom.js';

/** Rows of a list. A browser checks each element with `content-visibility` in each frame: one for each row is too many. */
const MAX_ROWS = 20;

/**
 * The notifications of one day, in lists of up to twenty. A list out of sight costs nothing to render. Rows stay in their list, so that
 * adding or removing one moves no other.
 */
export class Day {
  readonly element: HTMLElement;
  private readonly heading: HTMLElement;

  constructor(readonly start: number) {
    this.heading = h('h3', { class: 'day', part: 'day', id: `tidings-day-${start}` });
    this.element = h('section', { class: 'group' }, this.heading);
  }

  set label(text: string) {
    setText(this.heading, text);
  }

  /** Shows these rows in this order. */
  arrange(rows: readonly Element[]): void {
    const lists: { list: Element | null; rows: Element[] }[] = [];
    const taken = new Set<Element>();
    for (const row of rows) {
      const at = lists.at(-1);
      const home = row.parentElement?.parentElement === this.element ? row.parentElement : null;
      if (home && home === at?.list) at.rows.push(row);
      else if (home && !taken.has(home)) {
        taken.add(home);
        // New rows go into the list that follows them if there is room.
        if (at && !at.list && at.rows.length + home.childElementCount <= MAX_ROWS) {
          at.list = home;
          at.rows.push(row);
        } else lists.push({ list: home, rows: [row] });
      } else if (at && at.rows.length < MAX_ROWS) at.rows.push(row);
      else lists.push({ list: null, rows: [row] });
    }
    const shown = lists.map(({ list, rows }) => this.fill(list ?? this.createList(), rows));
    for (const list of [...this.element.children].slice(1)) if (!shown.includes(list)) list.remove();
    inOrder(this.element, shown, this.heading);
  }

  private fill(list: Element, rows: readonly Element[]): Element {
    inOrder(list, rows, null);
    (list as HTMLElement).style.setProperty('--_rows', String(rows.length));
    return list;
  }

  private createList(): HTMLUListElement {
    // Safari removes the list role from lists without bullets.
    return h('ul', { role: 'list', 'aria-labelledby': this.heading.id, 'aria-describedby': 'tidings-hint' });
  }
}

/** Puts children in order after `before`. Leaves those in the right place alone, because moving an element drops its focus. */
export function inOrder(parent: Element, children: readonly Element[], before: Element | null): void {
  for (const child of children) {
    const place: Element | null = before ? before.nextElementSibling : parent.firstElementChild;
    if (place !== child) parent.insertBefore(child, place);
    before = child;
  }
}

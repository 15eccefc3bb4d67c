import type { NotificationAction, NotificationItem } from '../../contract/model/entry.js';
import { button, focused, h } from './dom.js';
import { icon } from './icons.js';
import { safeLink, setLink } from './links.js';
import type { RowStyle } from './row-style.js';

const MAX_ACTIONS = 3;

/** The buttons of a notification, and which of them was chosen. */
export class Answers {
  readonly element = h('div', { class: 'answers', part: 'item-actions' });
  private readonly shown = new Map<Element, NotificationAction>();
  private drawn = '';

  /** @param fallback takes the focus of a button that is gone once it was chosen. */
  constructor(private readonly fallback: () => HTMLElement) {}

  get controls(): HTMLElement[] {
    return [...this.shown.keys()] as HTMLElement[];
  }

  /** The action of a button. */
  actionOf(control: Element | null): NotificationAction | undefined {
    return control ? this.shown.get(control) : undefined;
  }

  update(item: NotificationItem, { strings, times }: RowStyle): void {
    const actions = actionsOf(item);
    const { acted } = item;
    const key = JSON.stringify([actions, acted]);
    if (key === this.drawn) return;
    this.drawn = key;
    const at = focused(this.element);
    const hadFocus = this.element.contains(at);
    this.shown.clear();
    const chosen = acted && actions.find(({ id }) => id === acted.action);
    const children: Element[] = [];
    if (acted) {
      const text = strings.acted(chosen?.label ?? acted.action, times.moment(new Date(acted.at), new Date()));
      children.push(
        h('p', { class: 'acted', part: 'item-acted' }, icon('check'), h('span', { dir: 'auto' }, text)),
      );
    }
    // An answer is given once; what leads elsewhere still does.
    for (const action of actions) if (!acted || action.link) children.push(this.create(action));
    this.element.replaceChildren(...children);
    if (hadFocus) this.fallback().focus();
  }

  private create(action: NotificationAction): HTMLElement {
    const className = `answer ${action.style ?? ''}`;
    const control = action.link
      ? h('a', { class: className, part: 'item-action' }, action.label)
      : button(className, 'item-action', action.label);
    if (control instanceof HTMLAnchorElement) setLink(control, action.link!);
    control.dir = 'auto';
    this.shown.set(control, action);
    return control;
  }
}

/** The actions that can be rendered: an address that is not safe makes no button. */
function actionsOf({ actions }: NotificationItem): readonly NotificationAction[] {
  if (!Array.isArray(actions)) return [];
  return (actions as readonly (NotificationAction | null)[])
    .filter((action) => action !== null)
    .filter(
      ({ id, label, link }) =>
        typeof id === 'string' && typeof label === 'string' && (!link || safeLink(link)),
    )
    .slice(0, MAX_ACTIONS);
}

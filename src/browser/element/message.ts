import { button, h } from './dom.js';
import { icon, type IconName } from './icons.js';

/** What is shown in place of a list: a picture, a title, a sentence. */
export function message(name: IconName, title: string, body: string, ...more: Element[]): HTMLElement {
  const isError = name === 'cloudOff' || name === 'lock' || name === 'alert';
  const kind = isError ? 'error' : 'empty';
  return h(
    'div',
    { class: `message ${kind}`, part: kind },
    h('span', { class: 'picture', 'aria-hidden': 'true' }, icon(name)),
    h('p', { class: 'message-title' }, title),
    h('p', { class: 'message-body' }, body),
    ...more,
  );
}

export function retryButton(label: string, retry: () => void): HTMLButtonElement {
  const element = button('retry', 'retry', label);
  element.addEventListener('click', retry);
  return element;
}

import type { NotificationItem } from '../../contract/model/entry.js';
import { h } from './dom.js';
import { icon } from './icons.js';
import { safeLink } from './links.js';
import type { Presentation } from './types.js';

/** Draws a notification's picture into an element, or its icon if it has none or that cannot be loaded. Draws again only what has changed. */
export function drawPicture(element: HTMLElement, item: NotificationItem, presentation: Presentation): void {
  const { icon: name, tone } = presentation;
  const image = safeLink(item.image);
  const key = image ?? `${name} ${tone}`;
  if (element.dataset['shown'] === key) return;
  element.dataset['shown'] = key;
  element.dataset['tone'] = tone;
  if (image === null) return element.replaceChildren(icon(name));
  // The page's address is not for the server of a picture.
  const picture = h('img', {
    class: 'image',
    part: 'item-image',
    alt: '',
    loading: 'lazy',
    decoding: 'async',
    referrerpolicy: 'no-referrer',
  });
  picture.addEventListener('error', () => element.replaceChildren(icon(name)));
  picture.src = image;
  element.replaceChildren(picture);
}

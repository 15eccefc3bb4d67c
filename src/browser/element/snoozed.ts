import type { NotificationItem } from '../../contract/model/entry.js';
import { button, h, setAttribute } from './dom.js';
import { message } from './message.js';
import { drawPicture } from './picture.js';
import type { RowStyle } from './row-style.js';

/** The list of snoozed notifications, the next one to come back first, each with a button that brings it back now. */
export function snoozedList(
  items: readonly NotificationItem[],
  style: RowStyle,
  bringBack: (item: NotificationItem) => Promise<unknown>,
): HTMLElement {
  const { strings } = style;
  const root = h('div', { class: 'snoozed-page' });
  const showEmpty = (): void =>
    root.replaceChildren(message('clock', strings.noSnoozedTitle, strings.noSnoozedBody));
  const byTime = [...items].sort((a, b) => (a.snoozedUntil ?? '').localeCompare(b.snoozedUntil ?? ''));
  const list = h('ul', { class: 'snoozed-list', role: 'list' });
  for (const item of byTime) {
    const row = h('li', { class: 'row', part: 'item' });
    const glyph = h('span', { class: 'glyph', part: 'item-icon', 'aria-hidden': 'true' });
    drawPicture(glyph, item, style.present(item));
    const until = strings.snoozedUntil(style.times.moment(new Date(item.snoozedUntil ?? NaN), new Date()));
    const back = button('quiet bring-back', 'bring-back', strings.bringBack);
    setAttribute(back, 'aria-label', `${strings.bringBack}: ${item.title}`);
    const failed = h('span', { class: 'failed', role: 'alert' });
    back.addEventListener('click', () => {
      back.setAttribute('aria-disabled', 'true');
      failed.textContent = '';
      bringBack(item).then(
        () => {
          // The focus moves to the row that takes the place.
          const next = (row.nextElementSibling ?? row.previousElementSibling)?.querySelector('button');
          row.remove();
          if (next) next.focus();
          else showEmpty();
        },
        () => {
          back.removeAttribute('aria-disabled');
          failed.textContent = strings.actionFailed;
        },
      );
    });
    const text = h(
      'div',
      { class: 'content' },
      h('span', { class: 'title', part: 'item-title', dir: 'auto' }, item.title),
      item.body ? h('p', { class: 'body', part: 'item-body', dir: 'auto' }, item.body) : null,
      h('p', { class: 'meta' }, h('span', { class: 'until' }, until)),
      failed,
    );
    row.append(glyph, text, back);
    list.append(row);
  }
  if (byTime.length > 0) root.append(list);
  else showEmpty();
  return root;
}

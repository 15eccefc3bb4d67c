import type { NotificationAction, NotificationItem } from '../../contract/model/entry.js';
import type { ActionDetail, SelectDetail, ToggleDetail } from './types.js';

export function dispatchToggle(bell: Element, open: boolean): void {
  const detail: ToggleDetail = { open };
  bell.dispatchEvent(new CustomEvent('tidings-toggle', { detail, bubbles: true, composed: true }));
}

/**
 * Offers the page to route to a notification by itself, and then keeps the browser from following the link.
 *
 * @returns whether the page does.
 */
export function dispatchSelect(host: Element, item: NotificationItem, click: MouseEvent): boolean {
  const detail: SelectDetail = { item };
  return offer(host, 'tidings-select', detail, click);
}

/** The same for a button of a notification. */
export function dispatchAction(
  host: Element,
  item: NotificationItem,
  action: NotificationAction,
  click: MouseEvent,
): boolean {
  const detail: ActionDetail = { item, action };
  return offer(host, 'tidings-action', detail, click);
}

function offer(host: Element, name: string, detail: unknown, click: MouseEvent): boolean {
  // With a modifier key the link opens in another tab or window, and this page must not navigate as well.
  if (click.ctrlKey || click.metaKey || click.shiftKey || click.altKey) return false;
  const options = { detail, bubbles: true, composed: true, cancelable: true };
  const isTaken = !host.dispatchEvent(new CustomEvent(name, options));
  if (isTaken) click.preventDefault();
  return isTaken;
}

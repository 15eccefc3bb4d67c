import type { NotificationItem } from '../../contract/model/entry.js';
import type { SelectDetail, ToggleDetail } from './types.js';

export function dispatchToggle(bell: Element, open: boolean): void {
  const detail: ToggleDetail = { open };
  bell.dispatchEvent(new CustomEvent('tidings-toggle', { detail, bubbles: true, composed: true }));
}

/**
 * Offers the page to route to a notification by itself, and then keeps the browser from following the link.
 *
 * @returns whether the page does.
 */
export function dispatchSelect(bell: Element, item: NotificationItem, click: MouseEvent): boolean {
  // With a modifier key the link opens in another tab or window, and this page must not navigate as well.
  if (click.ctrlKey || click.metaKey || click.shiftKey || click.altKey) return false;
  const detail: SelectDetail = { item };
  const options = { detail, bubbles: true, composed: true, cancelable: true };
  const isRouted = !bell.dispatchEvent(new CustomEvent('tidings-select', options));
  if (isRouted) click.preventDefault();
  return isRouted;
}

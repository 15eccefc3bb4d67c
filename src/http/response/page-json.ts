import type { InboxPage } from '../../contract/ports/inbox.js';

/** A page as JSON. The items are JSON text already, the same as in their frames. */
export function pageJson({ items, next, unread, unseen, cursor }: InboxPage, more: object = {}): string {
  const rest = JSON.stringify({ next, unread, unseen, cursor, ...more });
  return `{"items":[${items.join(',')}],${rest.slice(1)}`;
}

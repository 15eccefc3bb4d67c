import type { NotificationItem } from '../../contract/model/entry.js';
import type { Presentation } from './types.js';

/** The icons of what is urgent, and of the types that ship with Tidings. Pages set others with the property `present`. */
export function present(item: NotificationItem): Presentation {
  if (item.severity === 'high') return { icon: 'alert', tone: 'bad' };
  switch (item.type) {
    case 'task-completed':
      return statusOf(item.data) === 'failed'
        ? { icon: 'cross', tone: 'bad' }
        : { icon: 'check', tone: 'good' };
    case 'new-order':
      return { icon: 'bag', tone: 'warm' };
    case 'announcement':
      return { icon: 'megaphone', tone: 'info' };
    default:
      return { icon: 'bell', tone: 'neutral' };
  }
}

function statusOf(data: unknown): unknown {
  return typeof data === 'object' && data !== null && 'status' in data ? data.status : undefined;
}

import type { NotificationItem } from '../../src/contract/model/entry.js';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
let made = 0;

/** A notification so long ago, unread if nothing else is said. */
export function item(agoMs: number, patch: Partial<NotificationItem> = {}): NotificationItem {
  const id = `item-${++made}`;
  return {
    type: 'task-completed',
    id,
    cursor: `k3v9x2ab-${1_000_000 - made}`,
    title: `Task ${made}`,
    body: null,
    link: null,
    data: { status: 'succeeded' },
    version: 1,
    createdAt: new Date(Date.now() - agoMs).toISOString(),
    readAt: null,
    count: 1,
    replaces: [],
    ...patch,
  };
}

const order = (agoMs: number, title: string, body: string, patch: Partial<NotificationItem> = {}) =>
  item(agoMs, { type: 'new-order', title, body, link: '/orders/1', data: {}, ...patch });
const read = { readAt: '2026-01-01T00:00:00.000Z' };

/** What a feed looks like in a shop on an ordinary Friday afternoon. */
export function ordinary(): NotificationItem[] {
  return [
    item(20_000, { title: 'Export of March is ready', body: 'Finished in 12.3 sec', link: '/exports/7' }),
    order(4 * MINUTE, 'New order A-1042', 'Lin Chen: 3 items, €184.50'),
    item(26 * MINUTE, {
      title: 'Import of 1,204 contacts',
      body: 'Failed after 2.1 min',
      link: '/imports/3',
      data: { status: 'failed' },
    }),
    order(2 * HOUR, 'New order A-1041', 'Amara Okafor: 1 item, €29.90', { ...read, count: 3 }),
    item(DAY + HOUR, {
      type: 'announcement',
      title: 'Scheduled maintenance on Sunday, 06:00 to 06:30 UTC',
      body: 'Exports that are running at that moment go on afterwards; nothing has to be started again.',
      link: '/status',
      data: {},
    }),
    order(DAY + 3 * HOUR, 'New order A-1040', 'Jonas Weber: 12 items, €1,204.00', read),
    item(3 * DAY, { ...read, title: 'Nightly report', body: 'Finished in 48 sec', link: '/reports/1' }),
    item(3 * DAY + HOUR, { ...read, title: 'Video thumbnail', body: 'Finished in 850 ms' }),
    item(19 * DAY, {
      ...read,
      type: 'invoice',
      title: 'Invoice 2026-10 is there',
      body: '€49.00, paid',
      data: {},
    }),
  ];
}

/** The same afternoon in a team: pictures, questions, categories, what is urgent and what is not. */
export function team(): NotificationItem[] {
  return [
    item(40_000, {
      type: 'invitation',
      id: 'invitation',
      title: 'Lin Chen invites you to Atlas',
      body: 'You would join 6 people as an editor.',
      link: '/projects/atlas',
      image: '/faces/lin.svg',
      category: 'projects',
      actions: [
        { id: 'accept', label: 'Accept', style: 'primary' },
        { id: 'decline', label: 'Decline' },
      ],
    }),
    item(3 * MINUTE, {
      type: 'alert',
      id: 'alert',
      title: 'Payments have been failing for 5 minutes',
      body: 'The bank answers 503. 14 orders are waiting.',
      link: '/status',
      category: 'operations',
      severity: 'high',
      data: {},
      actions: [
        { id: 'open', label: 'Open the status page', link: '/status' },
        { id: 'mine', label: 'I take it' },
      ],
    }),
    order(12 * MINUTE, 'New order A-1042', 'Lin Chen: 3 items, €184.50', { category: 'orders', id: 'order' }),
    item(50 * MINUTE, {
      ...read,
      type: 'comment',
      id: 'comment',
      title: 'Amara Okafor approved your budget',
      image: '/faces/amara.svg',
      category: 'projects',
      acted: { action: 'thanks', at: new Date(Date.now() - 45 * MINUTE).toISOString() },
      actions: [{ id: 'thanks', label: 'Say thanks' }],
    }),
    item(DAY + HOUR, {
      id: 'backup',
      title: 'Backup of Thursday',
      body: 'Finished in 48 sec',
      category: 'operations',
      severity: 'low',
    }),
    order(DAY + 3 * HOUR, 'New order A-1040', 'Jonas Weber: 12 items, €1,204.00', {
      ...read,
      category: 'orders',
    }),
  ];
}

/** What the team can choose to get. */
export const DECLARED = [
  {
    type: 'new-order',
    name: 'New orders',
    description: 'Somebody has bought something.',
    category: 'orders',
  },
  { type: 'refund', name: 'Refunds', description: 'A customer wants their money back.', category: 'orders' },
  {
    type: 'invitation',
    name: 'Invitations',
    description: 'Somebody wants you in their project.',
    category: 'projects',
  },
  { type: 'comment', name: 'Comments and approvals', description: null, category: 'projects' },
  {
    type: 'alert',
    name: 'Security and outages',
    description: 'What cannot wait, and needs an answer.',
    category: 'operations',
    mandatory: true,
  },
  {
    type: 'task-completed',
    name: null,
    description: 'An export, an import or a report is ready.',
    category: 'operations',
  },
  {
    type: 'announcement',
    name: 'Announcements',
    description: 'News for everybody, about once a month.',
    category: null,
  },
];

/** As many as one likes, over as many days as it takes. */
export function many(count: number): NotificationItem[] {
  const sample = ordinary();
  return Array.from({ length: count }, (_, index) => {
    const { type, body, link, data } = sample[index % sample.length]!;
    const readAt = index % 4 === 0 ? null : read.readAt;
    return item(index * 7 * MINUTE, { type, body, link, data, readAt, title: `Number ${index + 1}` });
  });
}

/** Every word of the element. Days and relative times come from `Intl`, in the language of the nearest `lang`. */
export interface BellStrings {
  title: string;
  /** The name of the bell for screen readers. */
  bell: (unseen: string | null, unread: string | null) => string;
  /** What the number beside the title means, for screen readers. */
  unreadCount: (count: string) => string;
  unread: string;
  markAllRead: string;
  markRead: string;
  markUnread: string;
  archive: string;
  close: string;
  loading: string;
  /** The button that leads back to the top when something arrived above. */
  newAbove: (count: string) => string;
  /** How many notifications one stands for. */
  collapsed: (count: string) => string;
  /** How the list is used with a keyboard. */
  hint: string;
  emptyTitle: string;
  emptyBody: string;
  offline: string;
  paused: string;
  unreachableTitle: string;
  unreachableBody: string;
  signedOutTitle: string;
  signedOutBody: string;
  refusedTitle: string;
  refusedBody: string;
  retry: string;
  loadMoreFailed: string;
  theEnd: string;
  actionFailed: string;
  /** Announcements. */
  arrived: (count: string, lastTitle: string, single: boolean) => string;
  allRead: string;
  archived: string;
  backOnline: string;
  moreLoaded: (count: string) => string;
}

export const ENGLISH: BellStrings = {
  title: 'Notifications',
  bell: (unseen, unread) =>
    ['Notifications', unseen && `${unseen} new`, unread && `${unread} unread`].filter(Boolean).join(', '),
  unreadCount: (count) => `${count} unread`,
  unread: 'Unread',
  markAllRead: 'Mark all read',
  markRead: 'Mark as read',
  markUnread: 'Mark as unread',
  archive: 'Archive',
  close: 'Close',
  loading: 'Loading notifications',
  newAbove: (count) => `${count} new`,
  collapsed: (count) => `${count} in one`,
  hint: 'Arrow keys move, Enter opens, Delete archives',
  emptyTitle: 'All caught up',
  emptyBody: 'New notifications appear here the moment they happen.',
  offline: 'Connection lost. Reconnecting by itself; nothing is missed.',
  paused: 'Not connected. What is here may be out of date.',
  unreachableTitle: 'No connection',
  unreachableBody: 'Your notifications show up as soon as it is back.',
  signedOutTitle: 'You are signed out',
  signedOutBody: 'Sign in again to see your notifications.',
  refusedTitle: 'Notifications are not available',
  refusedBody: 'The server refused to show them. Trying again may help.',
  retry: 'Try again',
  loadMoreFailed: 'Older notifications could not be loaded.',
  theEnd: 'That is everything',
  actionFailed: 'That did not work, so it was undone.',
  arrived: (count, lastTitle, single) =>
    single ? `New notification: ${lastTitle}` : `${count} new notifications`,
  allRead: 'All notifications marked as read',
  archived: 'Archived',
  backOnline: 'Connected again',
  moreLoaded: (count) => `${count} more notifications loaded`,
};

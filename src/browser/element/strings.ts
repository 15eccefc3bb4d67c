/** All texts of the element. Days and relative times are formatted by `Intl`, in the language of the nearest `lang`. */
export interface BellStrings {
  title: string;
  /** The accessible name of the bell. */
  bell: (unseen: string | null, unread: string | null) => string;
  /** The accessible name of the number beside the title. */
  unreadCount: (count: string) => string;
  unread: string;
  markAllRead: string;
  markRead: string;
  markUnread: string;
  archive: string;
  close: string;
  loading: string;
  /** The button that scrolls to new notifications at the top. */
  newAbove: (count: string) => string;
  /** The number of notifications that one with a `collapseKey` stands for. */
  collapsed: (count: string) => string;
  /** The keyboard instructions. */
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
  /** Announcements to screen readers. */
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
  collapsed: (count) => `${count} updates`,
  hint: 'Arrow keys to move, Enter to open, Delete to archive',
  emptyTitle: 'All caught up',
  emptyBody: 'New notifications will appear here.',
  offline: 'Connection lost. Reconnecting…',
  paused: 'Not connected. Notifications may be out of date.',
  unreachableTitle: 'No connection',
  unreachableBody: 'Your notifications will appear when the connection is restored.',
  signedOutTitle: 'You are signed out',
  signedOutBody: 'Sign in again to see your notifications.',
  refusedTitle: 'Notifications are unavailable',
  refusedBody: 'The server refused the request.',
  retry: 'Try again',
  loadMoreFailed: 'Older notifications could not be loaded.',
  theEnd: 'No more notifications',
  actionFailed: 'The change could not be saved and was undone.',
  arrived: (count, lastTitle, single) =>
    single ? `New notification: ${lastTitle}` : `${count} new notifications`,
  allRead: 'All notifications marked as read',
  archived: 'Archived',
  backOnline: 'Back online',
  moreLoaded: (count) => `${count} more notifications loaded`,
};

/** All texts of the element. Days and relative times are formatted by `Intl`, in the language of the nearest `lang`. */
export interface BellStrings {
  title: string;
  /** The accessible name of the bell. */
  bell: (unseen: string | null, unread: string | null, isUrgent: boolean) => string;
  /** The accessible name of the number beside the title. */
  unreadCount: (count: string) => string;
  unread: string;
  markAllRead: string;
  markRead: string;
  markUnread: string;
  archive: string;
  /** The mark of a notification of high severity. */
  urgent: string;
  /** The chosen action of a notification, by its label. */
  acted: (label: string, time: string) => string;
  /** Another device has chosen another action. */
  alreadyActed: string;
  snooze: string;
  /** The choices of the menu. */
  inAnHour: string;
  tomorrow: string;
  nextWeek: string;
  /** The announcement after a choice. */
  snoozedFor: (until: string) => string;
  /** The list of snoozed notifications, and its entry in the menu. */
  snoozedTitle: string;
  snoozedUntil: (until: string) => string;
  bringBack: string;
  noSnoozedTitle: string;
  noSnoozedBody: string;
  /** The accessible name of the menu beside the title. */
  more: string;
  back: string;
  preferences: string;
  preferencesLead: string;
  /** Web Push in this browser, what that is, and what to do once the user has forbidden it. */
  push: string;
  pushAbout: string;
  pushDenied: string;
  /** A type that cannot be turned off, and why there is no switch. */
  alwaysOn: string;
  alwaysOnAbout: string;
  /** Why the switch of a type has no effect. */
  offWithCategory: string;
  /** The types without a category. */
  otherTypes: string;
  pageFailedTitle: string;
  pageFailedBody: string;
  /** The accessible name of the tabs. */
  tabs: string;
  /** The tab with all notifications. */
  all: string;
  /** The names of categories; of one without a name: `late-orders` is `Late orders`. */
  categories: Readonly<Record<string, string>>;
  emptyCategory: string;
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
  /** The accessible name of the toasts. */
  toasts: string;
  dismiss: string;
  /** The toast for several notifications at once. */
  summary: (count: string) => string;
  /** Below it, after a break; otherwise it is the title of the latest one. */
  summaryBody: string;
}

export const ENGLISH: BellStrings = {
  title: 'Notifications',
  bell: (unseen, unread, isUrgent) =>
    ['Notifications', unseen && `${unseen} new`, unread && `${unread} unread`, isUrgent && 'urgent']
      .filter(Boolean)
      .join(', '),
  unreadCount: (count) => `${count} unread`,
  unread: 'Unread',
  markAllRead: 'Mark all read',
  markRead: 'Mark as read',
  markUnread: 'Mark as unread',
  archive: 'Archive',
  urgent: 'Urgent',
  acted: (label, time) => `${label} · ${time}`,
  alreadyActed: 'This was already answered, on another device.',
  snooze: 'Snooze',
  inAnHour: 'In an hour',
  tomorrow: 'Tomorrow morning',
  nextWeek: 'Next week',
  snoozedFor: (until) => `Snoozed until ${until}`,
  snoozedTitle: 'Snoozed',
  snoozedUntil: (until) => `Comes back ${until}`,
  bringBack: 'Bring back',
  noSnoozedTitle: 'Nothing is snoozed',
  noSnoozedBody: 'Snoozed notifications wait here, and come back as new.',
  more: 'More',
  back: 'Back to notifications',
  preferences: 'Preferences',
  preferencesLead: 'Choose what you are notified about. Changes apply on all your devices.',
  push: 'Notifications on this device',
  pushAbout: 'Also while no page is open.',
  pushDenied: "Blocked. Allow them in your browser's settings.",
  alwaysOn: 'Always on',
  alwaysOnAbout: 'This one cannot be turned off.',
  offWithCategory: 'Off, because all of its category is off',
  otherTypes: 'Other',
  pageFailedTitle: 'This could not be loaded',
  pageFailedBody: 'Check your connection, and try again.',
  tabs: 'Categories',
  all: 'All',
  categories: {},
  emptyCategory: 'Nothing here',
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
  toasts: 'New notifications',
  dismiss: 'Dismiss',
  summary: (count) => `${count} new notifications`,
  summaryBody: 'They arrived while you were away.',
};

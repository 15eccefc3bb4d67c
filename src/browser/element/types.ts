import type { FeedStatus } from '../client/types.js';
import type { Push } from '../push/types.js';
import type { NotificationAction, NotificationItem } from '../../contract/model/entry.js';
import type { IconName } from './icons.js';

/** The part of the client's `FeedSnapshot` that the element shows. */
export interface BellSnapshot {
  /** Newest first. */
  readonly items: readonly NotificationItem[];
  readonly unread: number;
  readonly unseen: number;
  readonly status: FeedStatus;
  readonly loaded: boolean;
  readonly hasMore: boolean;
  readonly loadingMore: boolean;
}

/** The part of a feed that the element uses. Every `Feed` of `tidings/client` is one, whatever types it declares. */
export interface BellFeed {
  getSnapshot(): BellSnapshot;
  subscribe(listener: () => void): () => void;
  on(type: 'message', listener: (item: NotificationItem) => void): () => void;
  markSeen(): Promise<void>;
  markRead(...ids: string[]): Promise<void>;
  markUnread(...ids: string[]): Promise<void>;
  markAllRead(): Promise<void>;
  archive(...ids: string[]): Promise<void>;
  /** Chooses an action. Buttons without a link need it. */
  act?(id: string, action: string): Promise<unknown>;
  /** With {@link unsnooze} and {@link snoozed}, for the menu that snoozes a notification and the list of snoozed ones. */
  snooze?(ids: readonly string[], until: Date): Promise<unknown>;
  unsnooze?(ids: readonly string[]): Promise<unknown>;
  snoozed?(query: { readonly limit: number }): Promise<{ readonly items: readonly NotificationItem[] }>;
  /** For the numbers of the tabs while not everything is loaded. */
  counts?(options: { readonly by: 'category' }): Promise<BellCounts>;
  /** With {@link preferences} and {@link setPreferences}, for the preferences. */
  types?(): Promise<readonly BellType[]>;
  preferences?(): Promise<BellPreferences>;
  setPreferences?(preferences: BellPreferences): Promise<unknown>;
  loadMore(): Promise<void>;
  open(): void;
  close(): void;
  /** For the page: `bell.feed?.signOut()`. The element never calls it. */
  signOut(): void;
}

/** The part of `createPush` of `tidings/push` that the element uses. */
export type BellPush = Pick<Push, 'state' | 'subscribe' | 'unsubscribe'>;

/** The unread notifications by category. */
export interface BellCounts {
  readonly categories: Readonly<Record<string, { readonly unread: number }>>;
}

/** A declared type, as the preferences show it. */
export interface BellType {
  readonly type: string;
  readonly name?: string | null;
  readonly description?: string | null;
  readonly category?: string | null;
  /** Cannot be muted. */
  readonly mandatory?: boolean;
}

/** What the recipient does not want. */
export interface BellPreferences {
  readonly muted: readonly string[];
  readonly mutedCategories?: readonly string[];
}

/** The meaning of an icon, which determines its colour. */
export type Tone = 'neutral' | 'good' | 'bad' | 'info' | 'warm';

/** The icon in front of a notification. */
export interface Presentation {
  readonly icon: IconName;
  readonly tone: Tone;
}

/** The `detail` of `tidings-select`. */
export interface SelectDetail {
  readonly item: NotificationItem;
}

/** The `detail` of `tidings-action`. */
export interface ActionDetail {
  readonly item: NotificationItem;
  readonly action: NotificationAction;
}

/** The `detail` of `tidings-toggle`. */
export interface ToggleDetail {
  readonly open: boolean;
}

import type { FeedStatus } from '../client/types.js';
import type { NotificationItem } from '../../contract/model/entry.js';
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
  loadMore(): Promise<void>;
  open(): void;
  close(): void;
  /** For the page: `bell.feed?.signOut()`. The element never calls it. */
  signOut(): void;
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

/** The `detail` of `tidings-toggle`. */
export interface ToggleDetail {
  readonly open: boolean;
}

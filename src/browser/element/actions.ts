import type { NotificationItem } from '../../contract/model/entry.js';
import type { FeedSource } from './feed-source.js';
import type { Timers } from './timers.js';
import type { BellFeed, BellSnapshot } from './types.js';

const FAILURE_SHOWN_FOR_MS = 6_000;

export interface ActionListener {
  /** A failure is to be shown, or no longer. */
  changed(): void;
  announce(result: 'archived' | 'allRead' | 'actionFailed' | 'alreadyActed'): void;
  /** A notification is gone until then. */
  snoozed(until: Date): void;
  /** An older page was added. */
  loaded(count: number): void;
}

/** The user's actions on the feed, and which of them have failed. The feed shows a change at once and undoes it on failure. */
export class Actions {
  private failed: 'failed' | 'already-acted' | null = null;
  private hasLoadFailed = false;
  private wasLive = true;

  constructor(
    private readonly source: FeedSource,
    private readonly timers: Timers,
    private readonly listener: ActionListener,
  ) {}

  /** The failure of an action within the last seconds. */
  get actionFailed(): 'failed' | 'already-acted' | null {
    return this.failed;
  }

  /** Whether the next older page could not be loaded. */
  get loadFailed(): boolean {
    return this.hasLoadFailed;
  }

  /** Another feed is shown. */
  reset(): void {
    this.hasLoadFailed = false;
  }

  /** Older pages can be loaded again once the connection is back. */
  follow({ status }: BellSnapshot): void {
    const isLive = status.state === 'live';
    if (isLive && !this.wasLive) this.hasLoadFailed = false;
    this.wasLive = isLive;
  }

  markRead({ id }: NotificationItem): void {
    this.run((feed) => feed.markRead(id));
  }

  toggleRead({ id, readAt }: NotificationItem): void {
    this.run((feed) => (readAt === null ? feed.markRead(id) : feed.markUnread(id)));
  }

  archive({ id }: NotificationItem): void {
    this.run((feed) => feed.archive(id), 'archived');
  }

  act({ id }: NotificationItem, action: string): void {
    this.run((feed) => feed.act?.(id, action));
  }

  snooze({ id }: NotificationItem, until: Date): void {
    this.run((feed) => feed.snooze?.([id], until).then(() => this.listener.snoozed(until)));
  }

  /** @param category only these, as far as they are loaded; `''` for all. */
  markAllRead(category: string): void {
    const { items } = this.source.snapshot;
    const ids = items
      .filter((item) => item.category === category && item.readAt === null)
      .map(({ id }) => id);
    if (category !== '') {
      if (ids.length > 0) this.run((feed) => feed.markRead(...ids), 'allRead');
    } else if (this.source.snapshot.unread > 0) this.run((feed) => feed.markAllRead(), 'allRead');
  }

  loadMore(): void {
    const { hasMore, loadingMore, items, loaded } = this.source.snapshot;
    if (!loaded || !hasMore || loadingMore || this.hasLoadFailed) return;
    this.source.active?.loadMore().then(
      () => {
        this.listener.loaded(this.source.snapshot.items.length - items.length);
        this.listener.changed();
      },
      () => {
        this.hasLoadFailed = true;
        this.listener.changed();
      },
    );
  }

  /** Repeats what failed: loading the older page, else connecting. */
  retry(): void {
    const { active, snapshot } = this.source;
    if (this.hasLoadFailed) {
      this.hasLoadFailed = false;
      this.loadMore();
    } else {
      // `open()` does not restart a feed that waits for its next attempt.
      if (snapshot.status.state === 'offline') active?.close();
      active?.open();
    }
    this.listener.changed();
  }

  private run(
    change: (feed: BellFeed) => Promise<unknown> | undefined,
    result?: 'archived' | 'allRead',
  ): void {
    const { active } = this.source;
    if (!active) return;
    change(active)?.then(
      () => result && this.listener.announce(result),
      (error: { code?: unknown }) => this.fail(error?.code === 'already-acted' ? 'already-acted' : 'failed'),
    );
  }

  /** Shows a failure for some seconds. */
  fail(failure: 'failed' | 'already-acted' = 'failed'): void {
    this.failed = failure;
    this.listener.announce(failure === 'failed' ? 'actionFailed' : 'alreadyActed');
    this.listener.changed();
    this.timers.set('failed', FAILURE_SHOWN_FOR_MS, () => {
      this.failed = null;
      this.listener.changed();
    });
  }
}

import { createFeed } from '../client/index.js';
import type { FeedOptions } from '../client/index.js';
import type { NotificationItem } from '../../contract/model/entry.js';
import type { BellFeed, BellSnapshot } from './types.js';

/** Attributes that are options of the element's own feed. The attribute `tabs` has another meaning, so this option is `connection`. */
export const FEED_ATTRIBUTES = ['url', 'path', 'credentials', 'transport', 'connection'] as const;

/** The elements' own feeds, by their options: elements with the same ones share a feed, such as a bell and the toasts beside it. */
const shared = new Map<string, { readonly feed: BellFeed; users: number }>();

const EMPTY: BellSnapshot = {
  items: [],
  unread: 0,
  unseen: 0,
  status: { state: 'connecting' },
  loaded: false,
  hasMore: false,
  loadingMore: false,
};

export interface FeedSourceListener {
  /** Another feed is shown, or none; or the same one for another recipient, or for nobody. */
  replaced(): void;
  changed(): void;
  arrived(item: NotificationItem): void;
}

/**
 * The feed that the element shows: the one that the page has assigned, else one of its own, which it creates from its attributes. The
 * element closes its own feed and never an assigned one.
 */
export class FeedSource {
  private assigned: BellFeed | null = null;
  private own: BellFeed | null = null;
  private ownKey = '';
  private subscribed: BellFeed | null = null;
  private unsubscribe: () => void = () => {};
  private phase: 'loading' | 'loaded' | 'stopped' = 'loading';
  private epoch = '';
  /** Counts feeds and recipients. */
  private session = 0;

  constructor(
    private readonly host: Element,
    private readonly listener: FeedSourceListener,
  ) {}

  get feed(): BellFeed | null {
    return this.assigned ?? this.own;
  }

  /** The feed whose changes are shown; `null` while the element is not connected. */
  get active(): BellFeed | null {
    return this.subscribed;
  }

  get snapshot(): BellSnapshot {
    return this.subscribed?.getSnapshot() ?? EMPTY;
  }

  /** @returns a function that tells, after a wait, whether the same recipient's feed is still shown. */
  guard(): () => boolean {
    const { session } = this;
    return () => session === this.session;
  }

  /** Sets the feed that takes precedence; {@link connect} shows it. */
  assign(feed: BellFeed | null): void {
    this.assigned = feed;
  }

  /** Subscribes to the feed, which it creates if none is assigned. */
  connect(): void {
    if (this.assigned) this.closeOwn();
    else if (this.host.hasAttribute('url') || this.host.hasAttribute('path')) this.own ??= this.createOwn();
    const { feed, listener } = this;
    if (feed === this.subscribed) return;
    this.leave();
    this.subscribed = feed;
    this.follow();
    const stops = feed
      ? [feed.subscribe(() => this.changed()), feed.on('message', (item) => listener.arrived(item))]
      : [];
    this.unsubscribe = () => stops.forEach((stop) => stop());
    listener.replaced();
  }

  /** Creates the element's own feed again, from changed attributes. */
  recreate(): void {
    this.closeOwn();
    this.connect();
  }

  disconnect(): void {
    this.closeOwn();
    this.leave();
  }

  private leave(): void {
    this.unsubscribe();
    this.unsubscribe = () => {};
    this.subscribed = null;
    this.phase = 'loading';
    this.epoch = '';
    this.session++;
  }

  private changed(): void {
    if (this.follow()) {
      this.session++;
      this.listener.replaced();
    }
    this.listener.changed();
  }

  /**
   * @returns whether the feed has left a recipient. A feed outlives a sign-out, which stops and clears it; a first page that is loaded again
   * may be another's, whose cursors have another epoch.
   */
  private follow(): boolean {
    const { status, loaded, items } = this.snapshot;
    const before = this.phase;
    const { epoch } = this;
    this.phase = status.state === 'stopped' ? 'stopped' : loaded ? 'loaded' : 'loading';
    this.epoch = this.phase === 'loaded' ? (items[0]?.cursor.split('-')[0] ?? epoch) : '';
    return before === this.phase ? epoch !== '' && epoch !== this.epoch : before !== 'loading';
  }

  /** Reports invalid attributes as an uncaught error: thrown here, they would keep the element from being set up. */
  private createOwn(): BellFeed | null {
    const [url, path, credentials, transport, tabs] = FEED_ATTRIBUTES.map(
      (name) => this.host.getAttribute(name) ?? undefined,
    );
    const options = { url, path, credentials, transport, tabs } as FeedOptions;
    this.ownKey = JSON.stringify(options);
    const known = shared.get(this.ownKey);
    if (known) {
      known.users++;
      return known.feed;
    }
    try {
      const feed = createFeed(options);
      shared.set(this.ownKey, { feed, users: 1 });
      return feed;
    } catch (error) {
      reportError(error);
      return null;
    }
  }

  private closeOwn(): void {
    const entry = this.own && shared.get(this.ownKey);
    this.own = null;
    if (!entry || --entry.users > 0) return;
    shared.delete(this.ownKey);
    entry.feed.close();
  }
}

import type { NotificationItem } from '../contract/entry.js';
import type { StateEntry } from '../contract/state-entry.js';
import { Client, type RequestOptions } from './client.js';
import { Connection, jsonOf, listen } from './connection.js';
import { placeOf, seqOf } from './cursor.js';
import { Emitter } from './emitter.js';
import { Failure, Stop } from './failure.js';
import { Store, type Change, type Counts, type Page, type Selection } from './store.js';
import { announceSignOut, canShare, Tabs, type Passed } from './tabs.js';
import { transportOf } from './transports.js';
import type {
  Declared,
  Feed,
  FeedOptions,
  FeedSnapshot,
  FeedStatus,
  RawFrame,
  ResetReason,
  StopReason,
} from './types.js';

/** Frames kept for a tab that comes late or takes over. */
const RECENT_FRAMES = 100;

/**
 * The feed of whoever is signed in, live.
 *
 * It connects at once, unless `open` is false or there is no page (on a server). Where several tabs show the same feed they share one
 * connection: the same by its address and by the word (the epoch) that the server's cursors begin with, which is another one for each
 * recipient, so that a tab never hears of a feed that was not its own when it asked the server itself.
 */
export function createFeed<Types extends Declared = Record<string, unknown>>(
  options: FeedOptions = {},
): Feed<Types> {
  const feed = new LiveFeed(options);
  if (options.open !== false && globalThis.document) feed.open();
  // What the server sends is of the declared types: it has checked them, and the host has given both sides the same ones.
  return feed as unknown as Feed<Types>;
}

/**
 *     closed ──open()──> first page ──> a group of tabs: leading or following ──close()──> closed
 *                         ^               │ another epoch                    └──refused, signOut()──> stopped
 *                         └───────────────┘
 *
 * Whether it leads or follows, it takes each entry once and in order, by its place; a hole sends it to the tab that leads, or to the first page.
 */
class LiveFeed {
  readonly #store = new Store();
  readonly #events = new Emitter();
  readonly #client: Client;
  readonly #connection: Connection;
  readonly #heartbeatMs: number;
  readonly #pageSize: number;
  #currentStatus: FeedStatus = { state: 'closed' };
  #session: AbortController | null = null;
  #group: AbortController | null = null;
  #tabs: Tabs | null = null;
  #shares: boolean;
  #recent: Passed[] = [];
  /** The last notification that listeners were told of; `null` before the first page, which is no news. */
  #toldSeq: number | null = null;
  #loading: Promise<void> | null = null;
  #older: Promise<void> | null = null;
  #snapshot: FeedSnapshot | null = null;
  #isTelling = false;

  constructor(options: FeedOptions) {
    this.#client = new Client(options);
    this.#heartbeatMs = options.heartbeatMs ?? 15_000;
    this.#pageSize = options.pageSize ?? 25;
    this.#shares = options.tabs !== 'alone' && canShare();
    const isEventSource = options.transport === 'eventsource';
    this.#connection = new Connection({
      client: this.#client,
      transport: transportOf(options),
      heartbeatMs: this.#heartbeatMs,
      cursor: () => this.#store.cursor,
      take: (frame) => this.#takeFrame(frame),
      reload: (signal) => this.#load(signal),
      isBehind: (signal) => (isEventSource ? this.#isBehind(signal) : Promise.resolve(true)),
      setStatus: (status) => this.#setStatus(status),
    });
  }

  get items(): readonly NotificationItem[] {
    return this.#store.view.items;
  }

  get unread(): number {
    return this.#store.view.unread;
  }

  get unseen(): number {
    return this.#store.view.unseen;
  }

  get status(): FeedStatus {
    return this.#currentStatus;
  }

  readonly getSnapshot = (): FeedSnapshot => {
    const { view, loaded, next } = this.#store;
    return (this.#snapshot ??= {
      items: view.items,
      unread: view.unread,
      unseen: view.unseen,
      status: this.#currentStatus,
      loaded,
      hasMore: next !== null,
      loadingMore: this.#older !== null,
    });
  };

  readonly subscribe = (listener: () => void): (() => void) => this.#events.on('', listener);

  readonly on = (name: string, listener: (event: never) => void): (() => void) =>
    this.#events.on(name, listener);

  readonly markSeen = (): Promise<void> => this.#change('seen', { upTo: this.#store.cursor });
  readonly markAllRead = (): Promise<void> => this.#change('read', { upTo: this.#store.cursor });
  readonly markRead = (...ids: string[]): Promise<void> => this.#change('read', { ids });
  readonly markUnread = (...ids: string[]): Promise<void> => this.#change('unread', { ids });
  readonly archive = (...ids: string[]): Promise<void> => this.#change('archive', { ids });
  readonly unarchive = (...ids: string[]): Promise<void> => this.#change('unarchive', { ids });
  readonly remove = (id: string): Promise<void> => this.#change('remove', { ids: [id] });

  readonly loadMore = (): Promise<void> => {
    if (!this.#older && this.#store.next !== null) {
      const older = this.#readOlder().finally(() => {
        this.#older = null;
        this.#changed();
      });
      older.catch(() => {});
      this.#older = older;
      this.#changed();
    }
    return this.#older ?? Promise.resolve();
  };

  readonly open = (): void => {
    if (this.#session) return;
    if (this.#currentStatus.state === 'stopped') this.#forget();
    this.#session = new AbortController();
    this.#setStatus({ state: 'connecting' });
    void this.#run(this.#session.signal);
  };

  readonly close = (): void => {
    if (this.#session) this.#end({ state: 'closed' });
  };

  readonly signOut = (): void => {
    if (this.#shares && this.#store.loaded) announceSignOut(this.#groupName());
    this.#stop('signed-out');
  };

  async #run(signal: AbortSignal): Promise<void> {
    const wake = (): void => {
      if (globalThis.document?.visibilityState !== 'hidden') this.#connection.wake();
    };
    const forget = [listen('online', wake), listen('visibilitychange', wake)];
    try {
      while (!signal.aborted) {
        if (!this.#store.loaded) await this.#load(signal);
        if (!signal.aborted) await this.#join(signal);
      }
    } catch (error) {
      if (signal.aborted) return;
      if (!(error instanceof Stop)) throw error;
      this.#stop(error.reason);
    } finally {
      forget.forEach((stop) => stop());
    }
  }

  /** Is live with the other tabs, or alone, as long as the feed is the same one. */
  async #join(signal: AbortSignal): Promise<void> {
    this.#group = new AbortController();
    const group = AbortSignal.any([signal, this.#group.signal]);
    try {
      if (!this.#shares) return await this.#connection.run(group);
      this.#tabs = new Tabs(this.#groupName(), this.#heartbeatMs, {
        seq: () => this.#store.seq,
        status: () => this.#currentStatus,
        recent: () => this.#recent,
        lead: (leading) => this.#connection.run(leading),
        take: (passed) => this.#takePassed(passed),
        setStatus: (status) => this.#setStatus(status),
        reload: (reset) => this.#reloadAside(reset, group),
        wake: () => this.#connection.wake(),
        signedOut: () => this.#stop('signed-out'),
      });
      await this.#tabs.run(group);
    } catch (error) {
      // A document that may not use locks or channels, an opaque origin for example.
      if (!(error instanceof DOMException)) throw error;
      this.#shares = false;
    } finally {
      this.#tabs = null;
    }
  }

  #groupName(): string {
    const base = new URL(this.#client.urlOf(''), globalThis.location?.href);
    return `tidings ${base.href} ${this.#store.epoch}`;
  }

  /** Reads the first page, however long that takes. @throws {Stop} */
  async #load(signal: AbortSignal): Promise<void> {
    const epoch = this.#store.epoch;
    const page = await this.#connection.persist(() => this.#readPage('', signal), signal);
    if (signal.aborted) return;
    this.#store.load(page);
    this.#recent = [];
    if (this.#store.epoch !== epoch) {
      this.#group?.abort();
      this.#toldSeq = null;
    }
    const told = this.#toldSeq ?? this.#store.seq;
    this.#toldSeq = told;
    this.#changed();
    const news = page.items.filter((item) => seqOf(item.cursor) > told);
    news.reverse().forEach((item) => this.#tell(item));
    if (page.items.length === 0) void this.loadMore();
  }

  /** The same beside a connection that another tab has: who leads is asked for what came meanwhile. */
  #reloadAside(reset: RawFrame | null, signal: AbortSignal): void {
    if (reset) this.#lose(reset);
    this.#loading ??= this.#load(signal)
      .then(() => this.#tabs?.hello())
      .catch((error: unknown) => {
        if (!signal.aborted && error instanceof Stop) this.#stop(error.reason);
      })
      .finally(() => (this.#loading = null));
  }

  async #readOlder(): Promise<void> {
    for (;;) {
      const { next } = this.#store;
      if (next === null) return;
      this.#store.expectOlder();
      const page = await this.#readPage(`&before=${next}`).catch((error: unknown) => this.#fail(error));
      // The feed was begun anew meanwhile.
      if (this.#store.next !== next) return;
      this.#store.append(page);
      // A page without items is not the end: the server looks at so many places and no more.
      if (page.items.length > 0) return;
    }
  }

  async #readPage(query: string, signal?: AbortSignal): Promise<Page> {
    const page = await this.#client.json<Page>(`notifications?limit=${this.#pageSize}${query}`, { signal });
    if (Array.isArray(page?.items) && placeOf(page.cursor)) return page;
    throw new Failure('The answer is no page of notifications.', 0, 'network');
  }

  async #isBehind(signal: AbortSignal): Promise<boolean> {
    const counts = await this.#client.json<Counts>('notifications/count', { signal });
    const place = placeOf(counts.cursor);
    const isBehind = place?.epoch !== this.#store.epoch || place.seq > this.#store.knownSeq;
    if (!isBehind) this.#store.setCounts(counts);
    return isBehind;
  }

  #takeFrame(frame: RawFrame): boolean {
    this.#events.emit('feed.frame', frame);
    const data = jsonOf<{ type?: string; head?: string }>(frame.data);
    if (data?.type === 'feed.reset') {
      this.#lose(frame);
      this.#tabs?.passReset(frame);
      return true;
    }
    const place = placeOf(frame.id);
    // After the `feed.ready` of another feed comes a reset that says so.
    if (place?.epoch !== this.#store.epoch) return false;
    if (data?.type === 'feed.ready') {
      const { head, unread, unseen } = data as { head: string; unread: number; unseen: number };
      this.#store.setCounts({ cursor: head, unread, unseen });
      this.#changed();
    }
    if (place.seq <= this.#store.seq) return false;
    const passed = { before: this.#store.seq, after: place.seq, frame };
    const isComplete = this.#apply(passed);
    this.#tabs?.pass(passed);
    return !isComplete;
  }

  #takePassed(passed: Passed): boolean {
    if (passed.after <= this.#store.seq) return true;
    if (passed.before > this.#store.seq) return false;
    this.#events.emit('feed.frame', passed.frame);
    if (!this.#apply(passed) && this.#group) this.#reloadAside(null, this.#group.signal);
    return true;
  }

  /** @returns `false` if the first page must be read again. */
  #apply(passed: Passed): boolean {
    const { id, data } = passed.frame;
    this.#recent = [...this.#recent.slice(1 - RECENT_FRAMES), passed];
    this.#store.moveTo(id);
    const entry = jsonOf<NotificationItem | StateEntry>(data);
    if (!entry) return true;
    let isComplete = true;
    if (isState(entry)) isComplete = this.#store.addState(entry);
    else this.#store.addItem(entry);
    this.#changed();
    if (isState(entry)) this.#events.emit(entry.type, entry);
    else this.#tell(entry);
    return isComplete;
  }

  #tell(item: NotificationItem): void {
    const seq = seqOf(item.cursor);
    if (this.#toldSeq !== null && seq <= this.#toldSeq) return;
    this.#toldSeq = seq;
    this.#events.emit(item.type, item);
    this.#events.emit('message', item);
  }

  /** The place is lost; what is shown stays until the page is there, unless it may be another's. */
  #lose(frame: RawFrame): void {
    const { reason } = jsonOf<{ reason: ResetReason }>(frame.data) ?? { reason: 'malformed' };
    if (reason === 'epoch') this.#forget();
    this.#events.emit('feed.reset', { type: 'feed.reset', reason });
  }

  #change(change: Change, selection: Selection): Promise<void> {
    const isNothing = 'ids' in selection ? selection.ids.length === 0 : selection.upTo === '';
    if (isNothing) return Promise.resolve();
    const pending = this.#store.ask(change, selection);
    this.#changed();
    const request: [string, RequestOptions] =
      change === 'remove' && 'ids' in selection
        ? [`notifications/${encodeURIComponent(selection.ids[0]!)}`, { method: 'DELETE' }]
        : [`notifications/${change}`, { method: 'POST', body: selection }];
    const done = this.#client.json<Counts>(...request).then(
      (counts) => {
        this.#store.confirm(pending, counts);
        this.#changed();
      },
      (error: unknown) => {
        this.#store.drop(pending);
        this.#changed();
        this.#fail(error);
      },
    );
    done.catch(() => {});
    return done;
  }

  /** @throws {Failure} always, after its listeners were told. */
  #fail(error: unknown): never {
    const failure =
      error instanceof Failure
        ? error
        : new Failure(String(error), error instanceof Stop ? 401 : 0, 'network');
    this.#events.emit('error', failure);
    throw failure;
  }

  #stop(reason: StopReason): void {
    if (reason === 'signed-out' || reason === 'unauthenticated') this.#forget();
    this.#end({ state: 'stopped', reason });
  }

  #end(status: FeedStatus): void {
    this.#session?.abort();
    this.#session = null;
    this.#setStatus(status);
  }

  #forget(): void {
    this.#store.clear();
    this.#recent = [];
    this.#toldSeq = null;
    this.#changed();
  }

  #setStatus(status: FeedStatus): void {
    this.#currentStatus = status;
    this.#tabs?.passStatus(status);
    this.#changed();
  }

  /** Listeners hear of many changes at once, after all of them. */
  #changed(): void {
    this.#snapshot = null;
    if (this.#isTelling) return;
    this.#isTelling = true;
    queueMicrotask(() => {
      this.#isTelling = false;
      this.#events.emit('');
    });
  }
}

function isState(entry: NotificationItem | StateEntry): entry is StateEntry {
  return entry.type.startsWith('feed.');
}

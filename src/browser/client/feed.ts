import type { NotificationItem } from '../../contract/model/entry.js';
import type { StateEntry } from '../../contract/model/state-entry.js';
import { createClient, type RequestOptions } from './client.js';
import { createConnection, isHidden, jsonOf, listen, NOTHING, type Connection } from './connection.js';
import { placeOf, seqOf } from './cursor.js';
import { createEmitter } from './emitter.js';
import { Failure, failureOf, STRANGE_ANSWER } from './failure.js';
import { NO_PAGE, createStore, type Change, type Counts, type Page, type Selection } from './store.js';
import { checkOptions } from './options.js';
import { announceSignOut, canShare, createTabs, type Passed, type Tabs } from './tabs.js';
import { viaFetch, type Transport } from './transport.js';
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

/** Loaded when it is used: most pages do not need it. */
const viaEventSource: Transport = async (attempt) => {
  const { withEventSource } = await import('./event-source.js');
  return withEventSource(attempt);
};

/** Frames kept for a tab that joins late or takes over. */
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
  checkOptions(options);
  const feed = liveFeed(options);
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
function liveFeed(options: FeedOptions) {
  let store = createStore(NO_PAGE);
  const events = createEmitter();
  let client = createClient(options);
  const heartbeatMs = options.heartbeatMs ?? 15_000;
  const pageSize = options.pageSize ?? 25;
  let shares = options.tabs !== 'alone' && canShare();
  let status: FeedStatus = { state: 'closed' };
  let session: AbortController | null = null;
  let group: AbortController | null = null;
  let tabs: Tabs | null = null;
  /** The latest frames, for a tab that joins late or takes over. */
  let recent: Passed[] = [];
  /** The last notification that listeners received; `null` before the first page, whose items they do not receive. */
  let toldSeq: number | null = null;
  /** Whether the first page must be read again. */
  let isStale = true;
  let older: Promise<void> | null = null;
  let snapshot: FeedSnapshot | null = null;
  let isTelling = false;

  function getSnapshot(): FeedSnapshot {
    return (snapshot ??= {
      ...store.view,
      status,
      loaded: store.cursor !== '',
      hasMore: store.next !== null,
      loadingMore: older !== null,
    });
  }

  function loadMore(): Promise<void> {
    if (!older && store.next !== null) {
      older = readOlder().finally(() => {
        older = null;
        changed();
      });
      older.catch(NOTHING);
      changed();
    }
    return older ?? Promise.resolve();
  }

  function open(): void {
    if (session) return;
    if (status.state === 'stopped') {
      forget();
      // With it goes the token, which may be the former user's.
      client = createClient(options);
    }
    session = new AbortController();
    setStatus({ state: 'connecting' });
    const isEventSource = options.transport === 'eventsource' && !options.getToken;
    const connection = createConnection({
      client,
      transport: isEventSource ? viaEventSource : viaFetch,
      heartbeatMs,
      cursor: () => store.cursor,
      take: takeFrame,
      setStatus,
    });
    void run(connection, session.signal);
  }

  function close(): void {
    if (session) end({ state: 'closed' });
  }

  function signOut(): void {
    if (shares && store.cursor !== '') announceSignOut(groupName());
    stop('signed-out');
  }

  async function run(connection: Connection, signal: AbortSignal): Promise<void> {
    const wake = (): void => {
      if (!isHidden()) connection.wake();
    };
    listen('online', wake, signal);
    listen('visibilitychange', wake, signal);
    try {
      while (!signal.aborted) {
        if (isStale) await load(connection, signal);
        if (!signal.aborted) await join(connection, signal);
      }
    } catch (error) {
      if (signal.aborted) return;
      const failure = failureOf(error);
      if (!failure.stopReason) throw error;
      stop(failure.stopReason);
      events.emit('error', failure);
    }
  }

  /** Stays live, with the other tabs or alone, until the first page has to be read again. */
  async function join(connection: Connection, signal: AbortSignal): Promise<void> {
    group = new AbortController();
    const both = AbortSignal.any([signal, group.signal]);
    try {
      if (!shares) return await connection.run(both);
      tabs = createTabs(groupName(), heartbeatMs, {
        seq: () => store.seq,
        status: () => status,
        recent: () => recent,
        lead: connection.run,
        take: takePassed,
        setStatus,
        restart,
        wake: connection.wake,
        signedOut: () => stop('signed-out'),
      });
      await tabs.run(both);
    } catch (error) {
      // A document that may not use locks or channels, an opaque origin for example.
      if (!(error instanceof DOMException)) throw error;
      shares = false;
    } finally {
      group.abort();
      tabs = null;
    }
  }

  function groupName(): string {
    const base = new URL(client.base, globalThis.location?.href);
    return `tidings ${base.href} ${store.epoch}`;
  }

  /** Reads the first page, however long that takes. @throws {Failure} if it is refused. */
  async function load(connection: Connection, signal: AbortSignal): Promise<void> {
    const page = await connection.persist(() => readPage('', signal), signal);
    if (signal.aborted) return;
    if (store.epoch !== placeOf(page.cursor)!.epoch) toldSeq = null;
    store = createStore(page);
    recent = [];
    isStale = false;
    toldSeq ??= store.seq;
    changed();
    [...page.items].reverse().forEach(tell);
    if (page.items.length === 0) void loadMore();
  }

  /** Leaves the group and returns with a new first page. The items stay until then, unless they may be another user's. */
  function restart(reset?: RawFrame): void {
    isStale = true;
    group?.abort();
    if (!reset) return;
    const { reason } = jsonOf<{ reason: ResetReason }>(reset.data)!;
    if (reason === 'epoch') forget();
    events.emit('feed.reset', { type: 'feed.reset', reason });
  }

  async function readOlder(): Promise<void> {
    for (;;) {
      const own = store;
      const { next } = own;
      if (next === null) return;
      const page = await readPage(`&before=${next}`).catch((error: unknown) => fail(error));
      // The first page was read again meanwhile.
      if (own !== store) return;
      // A page without items is not the end: the server limits how many places it reads for one.
      if (own.append(page) && page.items.length > 0) return;
    }
  }

  async function readPage(query: string, signal?: AbortSignal): Promise<Page> {
    const page = await client.json<Page>(`notifications?limit=${pageSize}${query}`, { signal });
    if (Array.isArray(page?.items) && placeOf(page.cursor)) return page;
    throw new Failure(STRANGE_ANSWER);
  }

  function takeFrame(frame: RawFrame): void {
    events.emit('feed.frame', frame);
    const { event, id } = frame;
    if (event === 'feed.reset') {
      tabs?.pass({ kind: 'reset', frame });
      return restart(frame);
    }
    const place = placeOf(id);
    // After the `feed.ready` of another feed comes a reset that says so.
    if (place?.epoch !== store.epoch) return;
    const ready = event === 'feed.ready' && jsonOf<Counts & { head: string }>(frame.data);
    if (ready) store.setCounts({ ...ready, cursor: ready.head });
    const passed = { before: store.seq, after: place.seq, frame };
    if (passed.after > passed.before) {
      tabs?.pass({ kind: 'frame', passed });
      apply(passed);
    }
    changed();
  }

  function takePassed(passed: Passed): boolean {
    if (passed.after <= store.seq) return true;
    if (passed.before > store.seq) return false;
    events.emit('feed.frame', passed.frame);
    apply(passed);
    return true;
  }

  function apply(passed: Passed): void {
    const { id, data } = passed.frame;
    recent = [...recent.slice(1 - RECENT_FRAMES), passed];
    store.cursor = id;
    const entry = jsonOf<NotificationItem | StateEntry>(data);
    if (!entry) return;
    changed();
    if ('id' in entry) {
      store.addItem(entry);
      return tell(entry);
    }
    if (!store.addState(entry)) restart();
    events.emit(entry.type, entry);
  }

  /** Tells listeners of a notification, once. */
  function tell(item: NotificationItem): void {
    const seq = seqOf(item.cursor);
    if (seq <= toldSeq!) return;
    toldSeq = seq;
    events.emit(item.type, item);
    events.emit('message', item);
  }

  function ask(change: Change, selection: Selection): Promise<void> {
    const { ids = [], upTo } = selection;
    if (ids.length === 0 && !upTo) return Promise.resolve();
    const own = store;
    const pending = own.ask(change, selection);
    changed();
    const request: [string, RequestOptions] =
      change === 'remove'
        ? [`notifications/${encodeURIComponent(ids[0]!)}`, { method: 'DELETE' }]
        : [`notifications/${change}`, { method: 'POST', body: selection }];
    const done = client.json<Counts>(...request).then(
      (counts) => {
        own.confirm(pending, counts);
        changed();
      },
      (error: unknown) => {
        own.drop(pending);
        changed();
        fail(error);
      },
    );
    done.catch(NOTHING);
    return done;
  }

  /** Reports an error. @throws {Failure} always. */
  function fail(error: unknown): never {
    const failure = failureOf(error);
    events.emit('error', failure);
    throw failure;
  }

  function stop(reason: StopReason): void {
    if (reason === 'signed-out' || reason === 'unauthenticated') forget();
    end({ state: 'stopped', reason });
  }

  function end(last: FeedStatus): void {
    session?.abort();
    session = null;
    setStatus(last);
  }

  function forget(): void {
    store = createStore(NO_PAGE);
    isStale = true;
    recent = [];
    toldSeq = null;
    changed();
  }

  function setStatus(now: FeedStatus): void {
    status = now;
    tabs?.pass({ kind: 'status', status: now });
    changed();
  }

  /** Calls listeners once for all changes of the same moment. */
  function changed(): void {
    snapshot = null;
    if (isTelling) return;
    isTelling = true;
    queueMicrotask(() => {
      isTelling = false;
      events.emit('');
    });
  }

  const upToHere = (change: Change) => () => ask(change, { upTo: store.cursor });
  const those =
    (change: Change) =>
    (...ids: string[]) =>
      ask(change, { ids });
  return {
    get items() {
      return store.view.items;
    },
    get unread() {
      return store.view.unread;
    },
    get unseen() {
      return store.view.unseen;
    },
    get status() {
      return status;
    },
    getSnapshot,
    subscribe: (listener: () => void) => events.on('', listener),
    on: (name: string, listener: (event: never) => void) => events.on(name, listener),
    markSeen: upToHere('seen'),
    markAllRead: upToHere('read'),
    markRead: those('read'),
    markUnread: those('unread'),
    archive: those('archive'),
    unarchive: those('unarchive'),
    remove: (id: string) => ask('remove', { ids: [id] }),
    loadMore,
    open,
    close,
    signOut,
  };
}

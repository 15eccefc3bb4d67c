import { createChanges } from './changes.js';
import { createClient } from './client.js';
import { createConnection, type Connection } from './connection.js';
import { placeOf } from './cursor.js';
import { createEmitter } from './emitter.js';
import { isHidden, listen, NOTHING } from './environment.js';
import { failureOf } from './failure.js';
import type { Message } from './messages.js';
import { createOlderPages } from './older-pages.js';
import { checkOptions } from './options.js';
import { jsonOf } from './parser.js';
import { createReceiver } from './receiver.js';
import { createQuestions, requestChange, requestPage } from './requests.js';
import { NO_PAGE } from './store.js';
import { announceSignOut, canShare, createTabs, type Tabs } from './tabs.js';
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

/**
 * The time that an application has to drop the cookie or the token after `signOut()`: other tabs must not show the items of somebody who has
 * signed out once more, however slow the request is that ends the session. A sign-out that is not true lasts as long, but a script of the page
 * could also repeat it.
 */
const CONFIRM_MS = 30_000;

/** Loaded on demand, because most pages do not use it. */
const viaEventSource: Transport = async (attempt) => {
  const { withEventSource } = await import('./event-source.js');
  return withEventSource(attempt);
};

/**
 * Creates a live feed of the signed-in user.
 *
 * It connects at once, unless `open` is `false` or there is no page (on a server). Tabs that show the same feed share one connection. Feeds
 * are the same if they have the same address and the same epoch in the server's cursors. Each recipient has an epoch of its own, so that a
 * tab receives only entries of a feed that it has loaded from the server itself.
 */
export function createFeed<Types extends Declared = Record<string, unknown>>(
  options: FeedOptions = {},
): Feed<Types> {
  checkOptions(options);
  const feed = createLiveFeed(options);
  if (options.open !== false && globalThis.document) feed.open();
  // The server has validated the entries, and server and page declare the same types.
  return feed as unknown as Feed<Types>;
}

/**
 *     closed ──open()──> first page ──> group of tabs: leading or following ──close()──> closed
 *                         ^               │ another epoch                  └──refused, signOut()──> stopped
 *                         └───────────────┘
 *
 * A gap between entries is filled by the leading tab, or by loading the first page again.
 */
function createLiveFeed(options: FeedOptions) {
  const { heartbeatMs = 15_000, pageSize = 25 } = options;
  const { on, emit } = createEmitter();
  const relay = (message: Message): void => tabs?.relay(message);
  const receiver = createReceiver(emit, changed, relay, restart);
  let client = createClient(options);
  let isSharing = options.tabs !== 'alone' && canShare();
  let status: FeedStatus = { state: 'closed' };
  let session: AbortController | null = null;
  let group: AbortController | null = null;
  let tabs: Tabs | null = null;
  /** Whether the first page has to be loaded. */
  let isStale = true;
  let snapshot: FeedSnapshot | null = null;
  let isNotifying = false;
  const older = createOlderPages(
    receiver,
    (before) => requestPage(client, `${pageSize}&before=${before}`),
    changed,
    fail,
  );
  const changes = createChanges(
    receiver,
    (change, selection) => requestChange(client, change, selection),
    changed,
    fail,
  );

  function getSnapshot(): FeedSnapshot {
    const { store } = receiver;
    return (snapshot ??= {
      ...store.view,
      status,
      loaded: store.cursor !== '',
      hasMore: store.next !== null,
      loadingMore: older.isLoading,
    });
  }

  function open(): void {
    if (session) return;
    if (status.state === 'stopped') {
      clear();
      // A new client has no token: the old one may be another user's.
      client = createClient(options);
    }
    session = new AbortController();
    setStatus({ state: 'connecting' });
    const isEventSource = options.transport === 'eventsource' && !options.getToken;
    const transport = isEventSource ? viaEventSource : viaFetch;
    const connection = createConnection(client, transport, heartbeatMs, receiver, setStatus);
    void run(connection, session.signal);
  }

  function close(): void {
    if (session) end({ state: 'closed' });
  }

  function signOut(): void {
    if (isSharing && receiver.store.cursor !== '') announceSignOut(groupName());
    stop('signed-out');
  }

  /**
   * Another tab says that the user has signed out. Nothing is shown from then on. But any script of the page can say that, so the credential is
   * tried when there was time to drop it: if the server accepts it for the same recipient, the feed goes on.
   */
  function confirmSignOut(): void {
    const { epoch } = receiver.store;
    stop('signed-out');
    const stopped = status;
    setTimeout(() => {
      if (status !== stopped) return;
      void requestPage(createClient(options), '1').then(({ cursor }) => {
        if (status === stopped && placeOf(cursor)?.epoch === epoch) open();
      }, NOTHING);
    }, CONFIRM_MS);
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
      emit('error', failure);
    }
  }

  /** Loads the first page, however long that takes. @throws {Failure} if it is refused. */
  async function load(connection: Connection, signal: AbortSignal): Promise<void> {
    const page = await connection.retry(() => requestPage(client, `${pageSize}`, signal), signal);
    if (signal.aborted) return;
    isStale = false;
    receiver.begin(page);
    if (page.items.length === 0) void older.loadMore();
  }

  /** Stays live, with the other tabs or alone, until the first page has to be loaded again. */
  async function join(connection: Connection, signal: AbortSignal): Promise<void> {
    group = new AbortController();
    const both = AbortSignal.any([signal, group.signal]);
    try {
      if (!isSharing) return await connection.run(both);
      tabs = createTabs(groupName(), heartbeatMs, receiver, {
        status: () => status,
        lead: connection.run,
        setStatus,
        restart,
        wake: connection.wake,
        signedOut: confirmSignOut,
      });
      await tabs.run(both);
    } catch (error) {
      // The document may not use locks or channels; an opaque origin, for example.
      if (!(error instanceof DOMException)) throw error;
      isSharing = false;
    } finally {
      group.abort();
      tabs = null;
    }
  }

  function groupName(): string {
    const base = new URL(client.base, globalThis.location?.href);
    return `tidings ${base.href} ${receiver.store.epoch}`;
  }

  /** Leaves the group to load the first page again. The items stay until then, unless they may be another user's. */
  function restart(reset?: RawFrame): void {
    isStale = true;
    group?.abort();
    if (!reset) return;
    const { reason } = jsonOf<{ reason: ResetReason }>(reset.data)!;
    if (reason === 'epoch') clear();
    emit('feed.reset', { type: 'feed.reset', reason });
  }

  function stop(reason: StopReason): void {
    if (reason === 'signed-out' || reason === 'unauthenticated') clear();
    end({ state: 'stopped', reason });
  }

  function end(last: FeedStatus): void {
    session?.abort();
    session = null;
    setStatus(last);
  }

  function clear(): void {
    isStale = true;
    receiver.begin(NO_PAGE);
  }

  function setStatus(now: FeedStatus): void {
    status = now;
    relay({ kind: 'status', status });
    changed();
  }

  /** Notifies subscribers, once for all changes in the same task. */
  function changed(): void {
    snapshot = null;
    if (isNotifying) return;
    isNotifying = true;
    queueMicrotask(() => {
      isNotifying = false;
      emit('');
    });
  }

  /** Reports an error to listeners. @throws {Failure} always. */
  function fail(error: unknown): never {
    const failure = failureOf(error);
    emit('error', failure);
    throw failure;
  }

  return {
    get items() {
      return getSnapshot().items;
    },
    get unread() {
      return getSnapshot().unread;
    },
    get unseen() {
      return getSnapshot().unseen;
    },
    get status() {
      return getSnapshot().status;
    },
    getSnapshot,
    subscribe: (listener: () => void) => on('', listener),
    on,
    ...changes,
    ...createQuestions(() => client, pageSize, fail),
    loadMore: older.loadMore,
    open,
    close,
    signOut,
  };
}

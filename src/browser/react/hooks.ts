import {
  createContext,
  createElement,
  useContext,
  useEffect,
  useMemo,
  useRef,
  useState,
  useSyncExternalStore,
  type ReactElement,
  type ReactNode,
} from 'react';
import { createFeed } from '../client/index.js';
import type { Declared, Feed, FeedOptions, FeedSnapshot, Item, TypeName } from '../client/types.js';

/** Either a feed that the application creates and opens itself, or the options to create one. */
export type FeedProviderProps = { children?: ReactNode } & (
  { feed: Feed<never> | Feed } | (FeedOptions & { feed?: undefined })
);

/** The result of {@link useFeed}: the snapshot and the feed's methods. */
export type FeedState<Types extends Declared = Record<string, unknown>> = FeedSnapshot<Types> &
  Pick<
    Feed<Types>,
    | 'markSeen'
    | 'markRead'
    | 'markUnread'
    | 'markAllRead'
    | 'archive'
    | 'unarchive'
    | 'remove'
    | 'act'
    | 'snooze'
    | 'unsnooze'
    | 'page'
    | 'snoozed'
    | 'counts'
    | 'preferences'
    | 'setPreferences'
    | 'types'
    | 'loadMore'
    | 'open'
    | 'close'
    | 'signOut'
    | 'on'
  >;

const FeedContext = createContext<Feed | null>(null);

/** The snapshot on a server and during hydration, which must render the same. */
const INITIAL: FeedSnapshot = {
  items: [],
  unread: 0,
  unseen: 0,
  status: { state: 'closed' },
  loaded: false,
  hasMore: false,
  loadingMore: false,
};

/**
 * Provides a feed to the components below it. With options it creates the feed, opens it when it mounts and closes it when it unmounts.
 * The options are read once; give the provider another `key` for another user. Rendering does not connect, so that it is safe on servers
 * and in strict mode.
 */
export function FeedProvider(props: FeedProviderProps): ReactElement {
  const { children, feed: provided, ...options } = props;
  const [own] = useState(() => (provided ? null : createFeed({ ...options, open: false })));
  useEffect(() => {
    own?.open();
    return () => own?.close();
  }, [own]);
  return createElement(FeedContext.Provider, { value: provided ?? own }, children);
}

/** @throws {Error} outside a {@link FeedProvider}. */
function useFeedContext(): Feed {
  const feed = useContext(FeedContext);
  if (!feed) throw new Error('No feed: wrap this component in a <FeedProvider>.');
  return feed;
}

/** Returns the items, counts, status and methods of the feed. Re-renders after each change. */
export function useFeed<Types extends Declared = Record<string, unknown>>(): FeedState<Types> {
  const feed = useFeedContext();
  const snapshot = useSyncExternalStore(feed.subscribe, feed.getSnapshot, () => INITIAL);
  return useMemo(() => {
    const { markSeen, markRead, markUnread, markAllRead, archive, unarchive, remove, loadMore } = feed;
    const actions = { markSeen, markRead, markUnread, markAllRead, archive, unarchive, remove, loadMore };
    const { act, snooze, unsnooze, page, snoozed, counts, preferences, setPreferences, types } = feed;
    const inbox = { act, snooze, unsnooze, page, snoozed, counts, preferences, setPreferences, types };
    const { open, close, signOut, on } = feed;
    // As with createFeed: server and page declare the same types.
    return { ...snapshot, ...actions, ...inbox, open, close, signOut, on } as unknown as FeedState<Types>;
  }, [feed, snapshot]);
}

/** Returns the number of unread notifications. Re-renders only when it changes. */
export function useUnread(): number {
  const feed = useFeedContext();
  return useSyncExternalStore(
    feed.subscribe,
    () => feed.unread,
    () => INITIAL.unread,
  );
}

/** Calls the latest handler with each arriving notification of one type, or of any type for `message`. */
export function useNotification<
  Types extends Declared = Record<string, unknown>,
  Name extends TypeName<Types> | 'message' = TypeName<Types> | 'message',
>(
  type: Name,
  handler: (
    item: Item<Types, Name extends 'message' ? TypeName<Types> : Extract<Name, TypeName<Types>>>,
  ) => void,
): void {
  const feed = useFeedContext();
  const latest = useRef(handler);
  useEffect(() => {
    latest.current = handler;
  });
  useEffect(
    () => feed.on(type as 'message', (item) => latest.current(item as Parameters<typeof handler>[0])),
    [feed, type],
  );
}

/** Returns the hooks for the declared types: `export const { useFeed, useNotification } = typedHooks<typeof myTypes>()`. */
export function typedHooks<Types extends Declared>() {
  return {
    FeedProvider,
    useUnread,
    useFeed: useFeed<Types>,
    useNotification: <Name extends TypeName<Types> | 'message'>(
      type: Name,
      handler: Parameters<typeof useNotification<Types, Name>>[1],
    ): void => useNotification<Types, Name>(type, handler),
  };
}

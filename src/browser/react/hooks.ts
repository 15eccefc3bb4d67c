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

/** Either a feed that the application has made and opens itself, or how to make one. */
export type FeedProviderProps = { children?: ReactNode } & (
  { feed: Feed<never> | Feed } | (FeedOptions & { feed?: undefined })
);

/** What {@link useFeed} gives: the snapshot, and what can be done with the feed. */
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
    | 'loadMore'
    | 'open'
    | 'close'
    | 'signOut'
    | 'on'
  >;

const FeedContext = createContext<Feed | null>(null);

/** What a server renders, and the first render in a browser, so that both are the same. */
const BEFORE: FeedSnapshot = {
  items: [],
  unread: 0,
  unseen: 0,
  status: { state: 'closed' },
  loaded: false,
  hasMore: false,
  loadingMore: false,
};

/**
 * Gives a feed to everything below it. With options it makes the feed, opens it when it is mounted and closes it when it is not any more;
 * they are read once (another user: another `key`). Rendering alone connects nothing, so that servers and strict mode may do it at will.
 */
export function FeedProvider(props: FeedProviderProps): ReactElement {
  const { children, feed: given, ...options } = props;
  const [own] = useState(() => (given ? null : createFeed({ ...options, open: false })));
  useEffect(() => {
    own?.open();
    return () => own?.close();
  }, [own]);
  return createElement(FeedContext.Provider, { value: given ?? own }, children);
}

/** @throws {Error} outside of a {@link FeedProvider}. */
function useFeedOfContext(): Feed {
  const feed = useContext(FeedContext);
  if (!feed) throw new Error('There is no feed here: put a <FeedProvider> around this component.');
  return feed;
}

/** The items, the counts, the status, and the methods that change them. Renders again after each change. */
export function useFeed<Types extends Declared = Record<string, unknown>>(): FeedState<Types> {
  const feed = useFeedOfContext();
  const snapshot = useSyncExternalStore(feed.subscribe, feed.getSnapshot, () => BEFORE);
  return useMemo(() => {
    const { markSeen, markRead, markUnread, markAllRead, archive, unarchive, remove, loadMore } = feed;
    const changes = { markSeen, markRead, markUnread, markAllRead, archive, unarchive, remove, loadMore };
    const { open, close, signOut, on } = feed;
    // As with createFeed: the host has given both sides the same types.
    return { ...snapshot, ...changes, open, close, signOut, on } as unknown as FeedState<Types>;
  }, [feed, snapshot]);
}

/** How many are unread. Renders again when that changes, and for nothing else. */
export function useUnread(): number {
  const feed = useFeedOfContext();
  return useSyncExternalStore(
    feed.subscribe,
    () => feed.unread,
    () => BEFORE.unread,
  );
}

/** Calls the handler of the last render with each notification of one type that arrives; `message`: with each of any type. */
export function useNotification<
  Types extends Declared = Record<string, unknown>,
  Name extends TypeName<Types> | 'message' = TypeName<Types> | 'message',
>(
  type: Name,
  handler: (
    item: Item<Types, Name extends 'message' ? TypeName<Types> : Extract<Name, TypeName<Types>>>,
  ) => void,
): void {
  const feed = useFeedOfContext();
  const latest = useRef(handler);
  useEffect(() => {
    latest.current = handler;
  });
  useEffect(
    () => feed.on(type as 'message', (item) => latest.current(item as Parameters<typeof handler>[0])),
    [feed, type],
  );
}

/** The hooks, typed by what the host declares: `export const { useFeed, useNotification } = typedHooks<typeof myTypes>()`. */
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

import type { FeedKey } from '../model/feed.js';
import type { LogEntry } from '../model/entry.js';
import type { FeedState } from './read.js';

/** "This feed now has an entry with this number", with the entry if it is small enough. */
export interface Announcement {
  readonly feed: FeedKey;
  readonly epoch: string;
  readonly seq: number;
  /** `null`: read it from the log. */
  readonly entry: LogEntry | null;
}

/** The write side of the bus. */
export interface Announcer {
  /**
   * Publishes to all instances, after the commit. Best effort: it never throws and never waits, because the
   * cursor and the check of heads recover a lost message from the log.
   */
  announce(announcements: readonly Announcement[]): void;
}

/** The bus between instances. It may lose, repeat or reorder messages without losing entries. */
export interface LiveBus extends Announcer {
  /**
   * Resolves once the bus has acknowledged the subscription to this feed.
   *
   * @param disconnected Called when the feed's streams must end.
   */
  subscribe(
    feed: FeedKey,
    listener: (announcement: Announcement) => void,
    disconnected?: () => void,
  ): Promise<Unsubscribe>;
  /** Ends the streams of these feeds on all instances. Best effort, as {@link announce} is. */
  disconnect(feeds: readonly FeedKey[]): void;
  /** Calls the listener after each reconnect: messages were lost, so heads must be checked. */
  onReconnect(listener: () => void): Unsubscribe;
  /** Whether the bus is connected. */
  readonly connected: boolean;
  close(): Promise<void>;
}

export type Unsubscribe = () => void;

/** The live side of one feed on this instance, shared by all its connections. */
export interface FeedWatch {
  /**
   * The entries that directly follow `after`, from memory. Empty if memory has a hole there or nothing newer:
   * the cursor then reads the log if {@link behind} is true.
   */
  next(epoch: string, after: number): readonly LogEntry[];
  /** Whether the feed is known to have moved past this position, to another epoch, or below it (restored). */
  behind(epoch: string, after: number): boolean;
  /**
   * Applies the state that a read of the log returned, including the one that opened the feed, before {@link
   * behind} is called again. A reader starts its next read after it has reported the previous one: so an
   * unconfirmed
   * announcement from the bus counts until the next read, and is discarded if that read contradicts it too.
   */
  observe(state: FeedState): void;
  close(): void;
}

/** The feeds with connections on this instance. */
export interface LiveFeeds {
  /**
   * Starts watching. `onChange` is called when {@link FeedWatch.behind} may have become true. Resolves when
   * the bus has acknowledged the subscription: the head must be read after that, or an entry in between would
   * be missed until the next
   * check.
   *
   * @param onDisconnect Called when the feed's streams must end, on request of any instance.
   */
  watch(feed: FeedKey, onChange: () => void, onDisconnect?: () => void): Promise<FeedWatch>;
  /** Ends the streams of these feeds on all instances. Best effort; this instance is notified over the bus as well. */
  disconnect(feeds: readonly FeedKey[]): void;
}

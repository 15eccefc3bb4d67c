import type { FeedKey } from '../model/feed.js';
import type { LogEntry } from '../model/entry.js';
import type { FeedState } from './read.js';

/** "This feed has an entry with this number now", with the entry if it is small enough to travel. */
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
   * Tells all instances, after the commit. Best effort: it never throws and never waits, for a lost message is
   * healed from the log by the cursor and by the check of heads.
   */
  announce(announcements: readonly Announcement[]): void;
}

/** The bus between instances. It may lose, repeat or reorder messages and nothing is lost. */
export interface LiveBus extends Announcer {
  /**
   * Resolves when the bus has acknowledged that messages of this feed will come from now on.
   *
   * @param disconnected Called when the feed's streams are to be ended.
   */
  subscribe(
    feed: FeedKey,
    listener: (announcement: Announcement) => void,
    disconnected?: () => void,
  ): Promise<Unsubscribe>;
  /** Ends the streams of these feeds on all instances. Best effort, as {@link announce} is. */
  disconnect(feeds: readonly FeedKey[]): void;
  /** Calls the listener each time the bus is back after a break: messages were lost, so heads must be checked. */
  onReconnect(listener: () => void): Unsubscribe;
  /** Whether the bus is connected at this moment. */
  readonly connected: boolean;
  close(): Promise<void>;
}

export type Unsubscribe = () => void;

/** The live side of one feed on this instance, shared by all its connections. */
export interface FeedWatch {
  /**
   * The entries that directly follow `after`, from memory. Empty if memory has a hole there or nothing newer:
   * the cursor then reads the log if {@link behind} says so.
   */
  next(epoch: string, after: number): readonly LogEntry[];
  /** Whether the feed is known to have moved past this place, to another epoch, or below it (restored). */
  behind(epoch: string, after: number): boolean;
  /**
   * Takes over what the log said: the state of every read, also of the one that opened the feed, before {@link behind} is
   * asked again. A reader's next read begins after it has handed in the one before: so a rumour that the bus brought
   * meanwhile is believed until the next read, and forgotten if that one contradicts it, too.
   */
  observe(state: FeedState): void;
  close(): void;
}

/** The feeds that have connections on this instance. */
export interface LiveFeeds {
  /**
   * Begins to watch. `onChange` is called when {@link FeedWatch.behind} may have become true. Resolves when the bus has
   * acknowledged: only then may the head be read, or an entry between the two would be missed until the next check.
   *
   * @param onDisconnect Called when somebody, on whatever instance, wants the feed's streams ended.
   */
  watch(feed: FeedKey, onChange: () => void, onDisconnect?: () => void): Promise<FeedWatch>;
  /** Tells all instances to end the streams of these feeds. Best effort, and this instance hears of it over the bus as well. */
  disconnect(feeds: readonly FeedKey[]): void;
}

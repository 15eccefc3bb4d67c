import type { FeedKey } from '../model/feed.js';

/** The preferences of a recipient. */
export interface RecipientPreferences {
  /** Types that are dropped when their job is processed, sorted. Mandatory types are always delivered. */
  readonly muted: readonly string[];
}

/** Stores the preferences of recipients. They are part of the feed and erased with it. */
export interface Preferences {
  /** @throws {LogUnavailableError} if the database is unavailable or too slow. */
  get(feed: FeedKey): Promise<RecipientPreferences>;
  /**
   * Replaces the preferences. Existing entries stay.
   *
   * @throws {InvalidRequestError} naming each type that is undeclared or mandatory.
   * @throws {LogUnavailableError} if the database is unavailable or too slow.
   */
  put(feed: FeedKey, preferences: RecipientPreferences): Promise<RecipientPreferences>;
}

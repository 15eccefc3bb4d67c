import type { FeedKey } from '../model/feed.js';

/** What a recipient does not want to get. */
export interface RecipientPreferences {
  /** Types that are dropped when their job is processed, sorted; mandatory types are delivered all the same. */
  readonly muted: readonly string[];
}

/** The preferences of recipients. They belong to the feed and go with it. */
export interface Preferences {
  /** @throws {LogUnavailableError} if the database is away or too slow. */
  get(feed: FeedKey): Promise<RecipientPreferences>;
  /**
   * Replaces them. What is in the feed already stays.
   *
   * @throws {InvalidRequestError} naming each type that is not declared, or is mandatory.
   * @throws {LogUnavailableError} if the database is away or too slow.
   */
  put(feed: FeedKey, preferences: RecipientPreferences): Promise<RecipientPreferences>;
}

import type { FeedKey } from '../model/feed.js';

/** The preferences of a recipient. */
export interface RecipientPreferences {
  /** Types that are dropped when their job is processed, sorted. Mandatory types are always delivered. */
  readonly muted: readonly string[];
  /** Categories whose notifications are dropped, sorted, except those of mandatory types. */
  readonly mutedCategories: readonly string[];
}

/** New preferences. Without `mutedCategories`, the muted categories stay. */
export type PreferencesUpdate = Pick<RecipientPreferences, 'muted'> & Partial<RecipientPreferences>;

/** A declared type, as recipients see it in their preferences. */
export interface TypeDescription {
  readonly type: string;
  readonly name: string;
  readonly description: string | null;
  /** The category of its notifications, unless one says otherwise. */
  readonly category: string | null;
  /** Whether it cannot be muted. */
  readonly mandatory: boolean;
}

/** Stores the preferences of recipients. They are part of the feed and erased with it. */
export interface Preferences {
  /** @throws {LogUnavailableError} if the database is unavailable or too slow. */
  get(feed: FeedKey): Promise<RecipientPreferences>;
  /**
   * Replaces the preferences. Existing entries stay.
   *
   * @throws {InvalidRequestError} naming each type that is undeclared or mandatory, and each invalid category.
   * @throws {LogUnavailableError} if the database is unavailable or too slow.
   */
  put(feed: FeedKey, preferences: PreferencesUpdate): Promise<RecipientPreferences>;
  /** The declared types, in the recipient's language, in the order of their declarations. */
  types(feed: FeedKey): Promise<readonly TypeDescription[]>;
}

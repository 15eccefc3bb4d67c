import type { FeedKey } from '../model/feed.js';
import type { CommittedNotification, NewNotification } from './append.js';

/** A recipient with the audiences that the credential names. */
export interface Member {
  readonly feed: FeedKey;
  /** Each once, with `all`; see `audiencesOf`. */
  readonly audiences: readonly string[];
}

/** Takes the new entries of audiences into the feeds of their members. */
export interface AudienceTaker {
  /**
   * Takes everything that is newer than what the feed has taken, each entry once, whoever else takes at the same
   * time. Resolves after the commit. Calls made at the same moment share a transaction.
   *
   * @returns `false` if the feed stays locked by others; take later.
   * @throws {LogUnavailableError} if the database is unavailable or too slow; safe to repeat.
   */
  take(member: Member): Promise<boolean>;
}

/** A notification that was taken into a feed, or that came back into it from being snoozed. */
export interface TakenNotification extends CommittedNotification {
  readonly type: string;
}

/** The content of a notification in one language; the category is that of the published one. */
export type RenderedText = Pick<NewNotification, 'title' | 'body' | 'link' | 'contentJson'>;

/** Renders entries of audiences for their members. */
export interface AudienceRenderer {
  /** The types that cannot be muted. */
  readonly mandatory: readonly string[];
  /** The language of each recipient, in order; `null` where it is the one in which the entry was published. */
  locales(feeds: readonly FeedKey[]): Promise<readonly (string | null)[]>;
  /** @returns `null` if the text as published must do: the type is unknown here, or its renderer fails. */
  render(
    entry: { readonly type: string; readonly version: number; readonly dataJson: string },
    locale: string,
  ): Promise<RenderedText | null>;
}

import type { FeedKey } from '../model/feed.js';

/** What a ticket stands for: the credential that it was issued to. */
export interface TicketHolder {
  readonly feed: FeedKey;
  readonly audiences: readonly string[];
  /** When the credential ends, and with it the stream; `null`: never. */
  readonly expiresAt: Date | null;
}

/** A ticket for one stream. */
export interface IssuedTicket {
  readonly ticket: string;
  /** Until when it can be used. */
  readonly expiresAt: Date;
}

/** Single-use tickets for EventSources that can send neither a header nor a cookie. Any instance takes the tickets of all. */
export interface Tickets {
  /** @throws {LogUnavailableError} */
  issue(holder: TicketHolder): Promise<IssuedTicket>;
  /**
   * Uses up a ticket.
   *
   * @returns `null` if it is used, too old or made up: that cannot be told apart.
   * @throws {LogUnavailableError} The ticket may be used up.
   */
  redeem(ticket: string): Promise<TicketHolder | null>;
  /** Makes the unused tickets of these feeds invalid. Best effort: never rejects. */
  revoke(feeds: readonly FeedKey[]): Promise<void>;
}

import { isAudience } from './audience-functions.js';

/** Whether a feed has nothing to lose: no entries, no preferences, no memory of audiences; and is none itself, which its members remember. */
export const isUnneeded = (feed: string): string =>
  `${feed}.oldest_at IS NULL AND ${feed}.muted = '{}' AND ${feed}.audiences IS NULL AND NOT ${isAudience(feed)}`;

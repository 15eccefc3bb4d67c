import { createHash } from 'node:crypto';
import { feedKeyString, type FeedKey } from '../contract/model/feed.js';

const INCARNATION = /^[A-Za-z0-9_-]{1,40}$/;

/** The length of {@link feedHash}. */
export const FEED_HASH_LENGTH = 22;

/**
 * A feed's name on the bus: 128 bits of SHA-256 in base64url. Recipients are often mail addresses, while channel names are
 * visible to every client of the server; recipients also have any length and alphabet.
 */
export function feedHash(feed: FeedKey): string {
  return createHash('sha256').update(feedKeyString(feed)).digest('base64url').slice(0, FEED_HASH_LENGTH);
}

/**
 * The prefix of all channel names of one log. It contains the identity of the database, because Redis pub/sub ignores
 * the database number: staging on `/1` would reach production on `/0`.
 *
 * @throws {TypeError} if the identity is not 1 to 40 letters, digits, `_` and `-`.
 */
export function redisPrefix(incarnation: string): string {
  return `tidings:${checked(incarnation)}:`;
}

/**
 * The one channel of all feeds on Postgres. A channel is an identifier there, at most 63 bytes.
 *
 * @throws {TypeError} as {@link redisPrefix} does.
 */
export function postgresChannel(incarnation: string): string {
  return `tidings_${checked(incarnation)}`;
}

function checked(incarnation: string): string {
  if (!INCARNATION.test(incarnation)) {
    throw new TypeError(
      `The database's identity must be 1 to 40 of A-Z a-z 0-9 _ -, not ${JSON.stringify(incarnation)}.`,
    );
  }
  return incarnation;
}

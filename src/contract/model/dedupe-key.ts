import { createHash } from 'node:crypto';
import type { FeedKey } from './feed.js';

/**
 * The stored form of a producer's `dedupeKey`; jobs/produce/job-identity.ts lists the other prefixes. The keys of a named producer are its own,
 * so that no other can recall its notifications, or take its keys in advance. A name contains no colon.
 */
export function givenDedupeKey(dedupeKey: string, sender: string | null): string {
  return sender === null ? `k:${dedupeKey}` : `n:${sender}:${dedupeKey}`;
}

/**
 * The stored hash of a dedupe key: of fixed length, and without revealing the recipient. Unambiguous, because
 * names cannot contain NUL.
 */
export function hashDedupeKey({ feed, dedupeKey }: { feed: FeedKey; dedupeKey: string }): Buffer {
  return createHash('sha256')
    .update(`${feed.tenant}\u0000${feed.recipient}\u0000${dedupeKey}`)
    .digest()
    .subarray(0, 16);
}

import { createHash } from 'node:crypto';
import type { FeedKey } from './feed.js';

/** The key of everything that a producer sent with this `dedupeKey`; what other prefixes there are, jobs/dedupe-key.ts says. */
export function givenDedupeKey(dedupeKey: string): string {
  return `k:${dedupeKey}`;
}

/** What is stored of a dedupe key: of fixed length, and without saying whose it was. NUL cannot be part of a name. */
export function hashDedupeKey({ feed, dedupeKey }: { feed: FeedKey; dedupeKey: string }): Buffer {
  return createHash('sha256')
    .update(`${feed.tenant}\u0000${feed.recipient}\u0000${dedupeKey}`)
    .digest()
    .subarray(0, 16);
}

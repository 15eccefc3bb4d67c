import { createHash } from 'node:crypto';
import type { CryptoKey, JWTHeaderParameters, JWTPayload } from 'jose';

/** A token whose signature and claims were verified, and the key that fitted. */
export interface VerifiedToken {
  readonly header: JWTHeaderParameters;
  readonly payload: JWTPayload;
  readonly key: CryptoKey;
}

/** About 1 KiB each. */
const MAX_TOKENS = 10_000;

/**
 * Remembers verified tokens, so that a client that returns is not verified again, the longest unused one being forgotten first. Only verified
 * tokens are kept, so made-up ones push nobody out; and they are found by their hash, so that memory holds no credentials.
 *
 * An entry states that this key has signed these claims, which stays true. Whether the key is still trusted, and whether the token is still
 * in its time, is for the caller to ask at each use.
 */
export class VerifiedTokens {
  private readonly byHash = new Map<string, VerifiedToken>();

  constructor(private readonly max = MAX_TOKENS) {}

  get(token: string): VerifiedToken | undefined {
    const hash = hashOf(token);
    const found = this.byHash.get(hash);
    if (!found) return undefined;
    // A Map keeps the order of insertion: the first is the longest unused.
    this.byHash.delete(hash);
    this.byHash.set(hash, found);
    return found;
  }

  add(token: string, verified: VerifiedToken): void {
    this.byHash.set(hashOf(token), verified);
    if (this.byHash.size <= this.max) return;
    const [longestUnused] = this.byHash.keys();
    this.byHash.delete(longestUnused!);
  }
}

function hashOf(token: string): string {
  return createHash('sha256').update(token).digest('base64');
}

import { createHash, timingSafeEqual } from 'node:crypto';
import { ForbiddenError, UnauthenticatedError } from '../../contract/errors.js';
import { headerOf, type HttpRequest } from '../request/http-request.js';
import { bearerToken, looksLikeJwt } from './bearer.js';
import { refuseCredentialInUrl } from './credential-in-url.js';
import { InvalidTokenError } from './invalid-token.error.js';

/** The permission of an API key: to publish, to read any feed, or to erase feeds. */
export type KeyScope = 'producer' | 'support' | 'admin';

/** The owner of an API key. */
export interface KeyHolder {
  /** The same on all instances and after restarts, without revealing the key. For logs, and as the scope of Idempotency-Keys. */
  readonly id: string;
}

interface KnownKey extends KeyHolder {
  readonly scope: KeyScope;
  readonly digest: Buffer;
}

/** The API keys of all scopes. A key has every scope that lists it. */
export class ApiKeys {
  readonly #keys: readonly KnownKey[];

  constructor(keys: Readonly<Record<KeyScope, readonly string[]>>) {
    const scopes = Object.entries(keys) as [KeyScope, readonly string[]][];
    this.#keys = scopes.flatMap(([scope, list]) =>
      list.map((key) => ({
        scope,
        digest: sha256(key),
        // Another hash than the digest that is compared: ids are stored with jobs and may be seen by more people.
        id: sha256(`tidings:${scope}:${key}`).toString('hex').slice(0, 16),
      })),
    );
  }

  /**
   * Identifies the sender by `X-API-Key` or `Authorization: Bearer`. The first wins, because a gateway may add an `Authorization` of its own.
   *
   * @throws {UnauthenticatedError} if the key is missing or unknown.
   * @throws {ForbiddenError} if the key does not have the scope.
   * @throws {InvalidRequestError} if a credential is in the URL.
   */
  authenticate(request: HttpRequest, scope: KeyScope): KeyHolder {
    refuseCredentialInUrl(request);
    const key = headerOf(request, 'x-api-key') || bearerToken(request);
    if (!key) {
      throw new UnauthenticatedError(
        'The API key is missing: send it as Authorization: Bearer or as X-API-Key.',
      );
    }
    const digest = sha256(key);
    // Digests have one length, and all keys are compared even after a match: the time taken reveals nothing about the keys.
    const fitting = this.#keys.filter((known) => timingSafeEqual(known.digest, digest));
    if (fitting.length === 0) {
      const hint = looksLikeJwt(key) ? ' This looks like a JWT, which recipients have.' : '';
      throw new InvalidTokenError(`The API key is unknown.${hint}`);
    }
    const holder = fitting.find((known) => known.scope === scope);
    if (!holder) {
      throw new ForbiddenError(`The API key does not have the scope "${scope}".`);
    }
    return { id: holder.id };
  }
}

function sha256(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}

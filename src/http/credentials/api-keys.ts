import { createHash, timingSafeEqual } from 'node:crypto';
import { ForbiddenError, UnauthenticatedError } from '../../contract/errors.js';
import { headerOf, type HttpRequest } from '../request/http-request.js';
import { bearerToken, looksLikeJwt } from './bearer.js';
import { refuseCredentialInUrl } from './credential-in-url.js';
import { InvalidTokenError } from './invalid-token.error.js';

/** What an API key is for: publishing, looking at any feed, erasing. */
export type KeyScope = 'producer' | 'support' | 'admin';

/** Who sent a request, by the API key. */
export interface KeyHolder {
  /** Stable over instances and restarts, and says nothing about the key: for logs, and the scope of Idempotency-Keys. */
  readonly id: string;
}

interface KnownKey extends KeyHolder {
  readonly scope: KeyScope;
  readonly digest: Buffer;
}

/** The API keys of all scopes. A key is good for a scope if it is listed there; one may be listed in several. */
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
   * Knows who asks by `X-API-Key`, or by `Authorization: Bearer`. The first wins: a gateway may add an `Authorization` of its own.
   *
   * @throws {UnauthenticatedError} if there is no key, or not one of ours.
   * @throws {ForbiddenError} if it is one of ours for something else.
   * @throws {InvalidRequestError} if a credential is in the URL.
   */
  authenticate(request: HttpRequest, scope: KeyScope): KeyHolder {
    refuseCredentialInUrl(request);
    const key = headerOf(request, 'x-api-key') || bearerToken(request);
    if (!key) {
      throw new UnauthenticatedError(
        'There is no API key: send it as Authorization: Bearer or as X-API-Key.',
      );
    }
    const digest = sha256(key);
    // Digests have one length, and every key is compared whichever fits: the time taken tells nothing about the keys.
    const fitting = this.#keys.filter((known) => timingSafeEqual(known.digest, digest));
    if (fitting.length === 0) {
      const hint = looksLikeJwt(key) ? ' This looks like a JWT, which recipients have.' : '';
      throw new InvalidTokenError(`The API key is not known here.${hint}`);
    }
    const holder = fitting.find((known) => known.scope === scope);
    if (!holder) {
      throw new ForbiddenError(`The API key is not for this: it takes one of the scope "${scope}".`);
    }
    return { id: holder.id };
  }
}

function sha256(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}

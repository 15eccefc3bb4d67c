import { createHash, timingSafeEqual } from 'node:crypto';
import { UnauthenticatedError } from '../../contract/errors.js';
import { headerOf, type HttpRequest } from '../http-request.js';
import { bearerToken } from './bearer.js';
import { refuseCredentialInUrl } from './credential-in-url.js';
import { InvalidTokenError } from './invalid-token.error.js';

/** A producer, by the API key it sent. */
export interface ProducerIdentity {
  /** Stable over instances and restarts, and says nothing about the key: the scope of its Idempotency-Keys. */
  readonly id: string;
}

/** The API keys of producers. */
export class ProducerKeys {
  readonly #keys: readonly { readonly digest: Buffer; readonly id: string }[];

  constructor(keys: readonly string[]) {
    this.#keys = keys.map((key) => ({
      digest: sha256(key),
      // Another hash than the digest that is compared: ids are stored with jobs and may be seen by more people.
      id: sha256(`tidings:producer:${key}`).toString('hex').slice(0, 16),
    }));
  }

  /**
   * Knows a producer by `X-API-Key`, or by `Authorization: Bearer`. The first wins: a gateway may add an `Authorization` of its own.
   *
   * @throws {UnauthenticatedError} if there is no key, or not one of ours.
   * @throws {InvalidRequestError} if a credential is in the URL.
   */
  authenticate(request: HttpRequest): ProducerIdentity {
    refuseCredentialInUrl(request);
    const key = headerOf(request, 'x-api-key') || bearerToken(request);
    if (!key) {
      throw new UnauthenticatedError(
        'There is no API key: send it as Authorization: Bearer or as X-API-Key.',
      );
    }
    const digest = sha256(key);
    let found: ProducerIdentity | null = null;
    // Digests have one length, and every key is compared whichever fits: the time taken tells nothing about the keys.
    for (const known of this.#keys) if (timingSafeEqual(known.digest, digest)) found = { id: known.id };
    if (!found) throw new InvalidTokenError('The API key is not known here.');
    return found;
  }
}

function sha256(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}

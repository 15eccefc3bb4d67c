import { timingSafeEqual } from 'node:crypto';
import { ForbiddenError, UnauthenticatedError } from '../../contract/errors.js';
import {
  keyId,
  parseProducerKey,
  sha256,
  type ProducerApiKey,
  type ProducerIdentity,
  type ProducerKey,
} from '../../contract/model/producer-key.js';
import { headerOf, type HttpRequest } from '../request/http-request.js';
import { bearerToken, looksLikeJwt } from './bearer.js';
import { refuseCredentialInUrl } from './credential-in-url.js';
import { InvalidTokenError } from './invalid-token.error.js';

/** The permission of an API key: to publish, to read any feed, or to erase feeds. */
export type KeyScope = 'producer' | 'support' | 'admin';

/** The owner of an API key. Those of the support team and of administrators have neither name nor tenant. */
export type KeyHolder = ProducerIdentity;

interface KnownKey {
  readonly scope: KeyScope;
  readonly hash: Buffer;
  readonly holder: KeyHolder;
}

/** The keys of each scope, as in the options. */
export interface KeysOfScopes extends Readonly<Record<Exclude<KeyScope, 'producer'>, readonly string[]>> {
  readonly producer: readonly (string | ProducerApiKey)[];
}

/** The API keys of all scopes. A key has every scope that lists it. */
export class ApiKeys {
  readonly #keys: readonly KnownKey[];
  /** Items with a name, a tenant or scopes, as they are in the options. */
  readonly #items: readonly Buffer[];

  constructor({ producer, support, admin }: KeysOfScopes) {
    this.#items = producer.filter((given) => typeof given === 'string').map(sha256);
    this.#keys = [
      // The options were checked.
      ...producer.map((given) => known('producer', parseProducerKey(given) as ProducerKey)),
      ...support.map((key) => known('support', unnamed('support', key))),
      ...admin.map((key) => known('admin', unnamed('admin', key))),
    ];
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
    const hash = sha256(key);
    // Hashes have one length, and all keys are compared even after a match: the time taken reveals nothing about the keys.
    const fitting = this.#keys.filter((known) => timingSafeEqual(known.hash, hash));
    if (fitting.length === 0) {
      throw new InvalidTokenError(`The API key is unknown.${this.hintAbout(key, hash)}`);
    }
    const found = fitting.find((known) => known.scope === scope);
    if (!found) {
      throw new ForbiddenError(`The API key does not have the scope "${scope}".`);
    }
    return found.holder;
  }

  private hintAbout(key: string, hash: Buffer): string {
    if (looksLikeJwt(key)) return ' This looks like a JWT, which recipients have.';
    if (!this.#items.some((item) => timingSafeEqual(item, hash))) return '';
    // Whoever has the item has the key in it.
    return ' Send the key without its name, tenant and scopes; if they are part of the key, put a colon before it in the setting.';
  }
}

function known(scope: KeyScope, { hash, ...holder }: ProducerKey): KnownKey {
  return { scope, hash, holder };
}

function unnamed(scope: KeyScope, key: string): ProducerKey {
  return { id: keyId(scope, key), hash: sha256(key), name: null, tenant: null, scopes: new Set() };
}

import { UnauthenticatedError } from '../../contract/errors.js';
import { headerOf, type HttpRequest } from '../request/http-request.js';
import { ApiKeys } from './api-keys.js';

/** No or no valid key; the challenge makes a browser ask for one. */
export class PromptedError extends UnauthenticatedError {
  readonly challenge = 'Basic realm="Tidings", charset="UTF-8"';
}

/**
 * Admits administrators to a page: by Basic authentication, with a key as the password and any user name, for which browsers have a dialog; other
 * clients may send the key as to the API.
 */
export class AdminPrompt {
  readonly #keys: ApiKeys;

  constructor(admin: readonly string[]) {
    this.#keys = new ApiKeys({ producer: [], support: [], admin });
  }

  /**
   * @throws {PromptedError}
   * @throws {InvalidRequestError} if a credential is in the URL.
   */
  check(request: HttpRequest): void {
    const key = passwordOf(request);
    try {
      const { method, url } = request;
      this.#keys.authenticate(
        key === null ? request : { method, url, headers: { 'x-api-key': key } },
        'admin',
      );
    } catch (error) {
      if (!(error instanceof UnauthenticatedError)) throw error;
      throw new PromptedError(
        'The admin key is missing or unknown: enter it as the password, with any user name, or send it as X-API-Key.',
      );
    }
  }
}

/** The password of `Authorization: Basic` (RFC 7617), or `null`. */
function passwordOf(request: HttpRequest): string | null {
  const [, encoded] = /^basic +([\w+/=-]+)$/i.exec(headerOf(request, 'authorization')?.trim() ?? '') ?? [];
  if (encoded === undefined) return null;
  const text = Buffer.from(encoded, 'base64').toString('utf8');
  const colon = text.indexOf(':');
  return colon < 0 ? null : text.slice(colon + 1);
}

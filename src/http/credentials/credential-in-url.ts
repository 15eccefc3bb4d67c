import { InvalidRequestError } from '../../contract/errors.js';
import { queryOf, type HttpRequest } from '../request/http-request.js';

/** Names under which credentials are commonly put into a query; compared without case, `-` and `_`. */
const CREDENTIAL_NAMES = new Set([
  'accesstoken',
  'idtoken',
  'token',
  'jwt',
  'bearer',
  'auth',
  'authtoken',
  'authorization',
  'apikey',
  'xapikey',
]);

/**
 * Refuses a request with a credential in its URL, also if another one is valid: URLs end up in access logs, in the
 * browser's history and in `Referer` headers, so that a developer must notice before production.
 *
 * @throws {InvalidRequestError} naming the parameter, not its value.
 */
export function refuseCredentialInUrl(request: HttpRequest): void {
  const names = [...new Set(queryOf(request).keys())].filter((name) =>
    CREDENTIAL_NAMES.has(name.toLowerCase().replace(/[-_]/g, '')),
  );
  if (names.length === 0) return;
  throw new InvalidRequestError(
    names.map((field) => ({
      field,
      problem:
        'must not be in the URL, where logs keep it: send credentials in the Authorization header or a cookie',
    })),
  );
}

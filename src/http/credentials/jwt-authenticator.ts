import { UnauthenticatedError } from '../../contract/errors.js';
import type { JwtOptions } from '../../contract/options/options.js';
import { headerOf, type HttpRequest } from '../request/http-request.js';
import { bearerToken } from './bearer.js';
import { checkCookieOrigin } from './cookie-origin.js';
import { cookieValue } from './cookies.js';
import { refuseCredentialInUrl } from './credential-in-url.js';
import { JwtVerifier } from './jwt-verifier.js';
import { RecipientAuthenticator, type RecipientIdentity } from './recipient-authenticator.js';

/** Identifies recipients by a JWT from `Authorization: Bearer` or from the configured cookie. The header wins. */
export class JwtAuthenticator extends RecipientAuthenticator {
  readonly #verifier: JwtVerifier;

  constructor(
    private readonly options: JwtOptions,
    private readonly allowedOrigins: readonly string[],
  ) {
    super();
    this.#verifier = new JwtVerifier(options);
  }

  async authenticate(request: HttpRequest): Promise<RecipientIdentity> {
    refuseCredentialInUrl(request);
    const bearer = bearerToken(request);
    if (bearer !== null) return this.#verifier.verify(bearer);

    const { cookie } = this.options;
    const token = cookie ? cookieValue(headerOf(request, 'cookie'), cookie) : null;
    if (token === null) {
      throw new UnauthenticatedError(
        `The credential is missing: send a token as Authorization: Bearer${cookie ? ` or in the cookie ${cookie}` : ''}.`,
      );
    }
    // Before the token is verified: another site learns nothing about it, not even by the time taken.
    checkCookieOrigin(request, this.allowedOrigins);
    return this.#verifier.verify(token);
  }
}

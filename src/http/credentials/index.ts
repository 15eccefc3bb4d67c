import type { ResolvedOptions } from '../../contract/options/options.js';
import { HostAuthenticator } from './host-authenticator.js';
import { JwtAuthenticator } from './jwt-authenticator.js';
import { type RecipientAuthenticator } from './recipient-authenticator.js';

/** The authenticator that the options choose: the host's `identify`, or JWTs. */
export function createRecipientAuthenticator(http: ResolvedOptions['http']): RecipientAuthenticator {
  if (http.identify) return new HostAuthenticator((request) => http.identify!(request), http.revalidateMs);
  if (http.jwt) return new JwtAuthenticator(http.jwt, http.allowedOrigins);
  throw new TypeError('The role "api" needs http.jwt or http.identify.');
}

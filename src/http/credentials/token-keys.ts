import { Logger } from '@nestjs/common';
import { createRemoteJWKSet, errors, type CryptoKey, type JWSHeaderParameters } from 'jose';
import { KeyServerUnavailableError } from '../../contract/errors.js';
import type { JwtOptions } from '../../contract/options/options.js';

/** The keys that verify tokens, and their algorithms. */
export interface TokenKeys {
  readonly algorithms: readonly string[];
  readonly keyFor: (header: JWSHeaderParameters) => Promise<CryptoKey>;
}

// A key set holds public keys. With HS256 among the algorithms, anyone could sign with a public key as the secret.
const ASYMMETRIC = [
  ...['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512'],
  ...['ES256', 'ES384', 'ES512', 'EdDSA', 'Ed25519'],
];

/** The keys that the options choose: one secret, or those of a key server. */
export function tokenKeys({ secret, jwksUrl }: JwtOptions): TokenKeys {
  return jwksUrl ? remoteKeys(new URL(jwksUrl)) : sharedSecret(secret ?? '');
}

function sharedSecret(secret: string): TokenKeys {
  // Imported once: jose would import the bytes for each token, which takes as long as the verification.
  let key: Promise<CryptoKey> | undefined;
  const imported = (): Promise<CryptoKey> =>
    crypto.subtle.importKey(
      'raw',
      new TextEncoder().encode(secret),
      { name: 'HMAC', hash: 'SHA-256' },
      false,
      ['verify'],
    );
  return { algorithms: ['HS256'], keyFor: () => (key ??= imported()) };
}

/**
 * Keys from a JWKS endpoint: fetched for the first token, cached for ten minutes, and fetched again for an unknown key id (a
 * rotation). The cooldown limits made-up key ids to one fetch a second; a longer one could answer a token of a fresh key with 401,
 * which is final for an EventSource.
 */
function remoteKeys(url: URL): TokenKeys {
  const logger = new Logger('TidingsKeyServer');
  const keySet = createRemoteJWKSet(url, {
    timeoutDuration: 3_000,
    cooldownDuration: 1_000,
    cacheMaxAge: 600_000,
  });
  let down = false;
  return {
    algorithms: ASYMMETRIC,
    keyFor: async (header) => {
      try {
        const key = await keySet(header);
        if (down) logger.log(`The key server ${url.origin} is available again.`);
        down = false;
        return key;
      } catch (error) {
        if (isAboutTheToken(error)) throw error;
        // Logged once for each outage, not for each token.
        if (!down) logger.error(`Cannot fetch keys from ${url.href}: ${String(error)}`);
        down = true;
        throw new KeyServerUnavailableError(
          'The key server did not answer, so the token cannot be checked.',
          {
            cause: error,
          },
        );
      }
    },
  };
}

function isAboutTheToken(error: unknown): boolean {
  return (
    error instanceof errors.JWKSNoMatchingKey ||
    error instanceof errors.JWKSMultipleMatchingKeys ||
    error instanceof errors.JOSENotSupported
  );
}

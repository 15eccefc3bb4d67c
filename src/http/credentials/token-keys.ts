import { Logger } from '@nestjs/common';
import { createRemoteJWKSet, errors, type CryptoKey, type JWTVerifyGetKey } from 'jose';
import { KeyServerUnavailableError } from '../../contract/errors.js';
import type { JwtOptions } from '../../contract/options/options.js';

/** The keys that tokens may be signed with, and the algorithms that fit them. */
export interface TokenKeys {
  readonly algorithms: readonly string[];
  readonly keyFor: JWTVerifyGetKey;
}

// A key set holds public keys. Were HS256 among the algorithms, whoever knows them could sign with one as the secret.
const ASYMMETRIC = [
  ...['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512'],
  ...['ES256', 'ES384', 'ES512', 'EdDSA', 'Ed25519'],
];

/** The keys that the options name: one secret, or a key server's. */
export function tokenKeys({ secret, jwksUrl }: JwtOptions): TokenKeys {
  return jwksUrl ? remoteKeys(new URL(jwksUrl)) : sharedSecret(secret ?? '');
}

function sharedSecret(secret: string): TokenKeys {
  // Imported once: jose imports bytes anew for each token, which takes as long as the verification.
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
 * Keys from a JWKS endpoint: fetched when the first token comes, kept for ten minutes, fetched again for a key id that is not
 * known (a rotation). The cooldown bounds what made-up key ids can cost the key server to a fetch a second; longer, and a token of
 * a fresh key could meet a 401, which an EventSource takes as final.
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
    keyFor: async (header, token) => {
      try {
        const key = await keySet(header, token);
        if (down) logger.log(`The key server ${url.origin} answers again.`);
        down = false;
        return key;
      } catch (error) {
        if (isAboutTheToken(error)) throw error;
        // Said once an outage, not once a token.
        if (!down) logger.error(`No keys from ${url.href}: ${String(error)}`);
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

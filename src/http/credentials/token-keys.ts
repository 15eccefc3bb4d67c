import type { CryptoKey, JWSHeaderParameters } from 'jose';
import type { JwtOptions } from '../../contract/options/options.js';
import { KEY_TIMES, RemoteKeys } from './remote-keys.js';

const STALE_IF_ERROR_MS = 6 * 3_600_000;

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
export function tokenKeys({
  secret,
  jwksUrl,
  jwksStaleIfErrorMs = STALE_IF_ERROR_MS,
}: JwtOptions): TokenKeys {
  if (!jwksUrl) return sharedSecret(secret ?? '');
  const times = { ...KEY_TIMES, staleIfErrorMs: jwksStaleIfErrorMs };
  return { algorithms: ASYMMETRIC, keyFor: new RemoteKeys(new URL(jwksUrl), times).get };
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

import { errors, jwtVerify, type JWTPayload, type JWTVerifyResult } from 'jose';
import { audiencesOf, audiencesProblem } from '../../contract/model/audience.js';
import { nameProblem, tenantProblem } from '../../contract/model/feed.js';
import type { JwtOptions } from '../../contract/options/options.js';
import { InvalidTokenError } from './invalid-token.error.js';
import type { RecipientIdentity } from './recipient-authenticator.js';
import { tokenKeys, type TokenKeys } from './token-keys.js';
import { VerifiedTokens } from './verified-tokens.js';

/** The clock skew, in seconds, that `nbf` may have. `exp` may have none. */
const CLOCK_TOLERANCE_S = 5;
/** No credential is meant to be valid for longer: such an `exp` is a mistake, or in milliseconds. */
const MAX_LIFETIME_S = 10 * 366 * 86_400;
/** Of access tokens (RFC 9068), and of plain JWTs. Logout tokens, security events or DPoP proofs are signed with the same keys. */
const DEFAULT_TYPES = ['jwt', 'at+jwt'];
/** Claims that only ID tokens have (OpenID Connect Core 1.0, sections 2 and 3.3.2.11). */
const ID_TOKEN_CLAIMS = ['nonce', 'at_hash', 'c_hash', 's_hash'];

/** Verifies a JWT and reads the recipient from its `sub`, the claims of tenant and audiences, and `exp`. */
export class JwtVerifier {
  readonly #keys: TokenKeys;
  readonly #tokens = new VerifiedTokens();

  constructor(private readonly options: JwtOptions) {
    this.#keys = tokenKeys(options);
  }

  /**
   * @throws {InvalidTokenError} with the reason.
   * @throws {KeyServerUnavailableError} if the key server is unavailable.
   */
  async verify(token: string): Promise<RecipientIdentity> {
    const payload = await this.#verified(token);
    const { sub } = payload;
    const exp = this.#expiryOf(payload);
    const isIdToken = idTokenClaim(payload);
    if (isIdToken) {
      throw new InvalidTokenError(`The token is an ID token (${isIdToken}); send an access token instead.`);
    }
    const problem = nameProblem(sub);
    if (problem) throw new InvalidTokenError(`The sub of the token ${problem}.`);
    return {
      feed: { tenant: this.#tenantOf(payload), recipient: sub as string },
      audiences: this.#audiencesOf(payload),
      expiresAt: new Date(exp * 1000),
    };
  }

  /** The end of the token's validity, in seconds. */
  #expiryOf({ exp = NaN, iat }: JWTPayload): number {
    const now = Date.now() / 1000;
    if (exp <= now) throw new InvalidTokenError(expiredMessage(exp));
    if (!(exp <= now + MAX_LIFETIME_S)) {
      throw new InvalidTokenError('The exp of the token is more than ten years away; it is in seconds.');
    }
    const { maxAgeSeconds } = this.options;
    if (maxAgeSeconds === undefined) return exp;
    if (typeof iat !== 'number') throw new InvalidTokenError('The token has no iat, so its age is unknown.');
    if (iat > now + CLOCK_TOLERANCE_S) throw new InvalidTokenError('The iat of the token is in the future.');
    const end = Math.min(exp, iat + maxAgeSeconds);
    if (end <= now) throw new InvalidTokenError(`The token is older than ${maxAgeSeconds} s.`);
    return end;
  }

  /** A configured claim must be present: `''` would give users of that name in all tenants one feed. */
  #tenantOf(payload: JWTPayload): string {
    const claim = this.options.tenantClaim;
    if (!claim) return '';
    const tenant = Object.hasOwn(payload, claim) ? payload[claim] : undefined;
    const problem = tenant === '' ? 'must not be empty' : tenantProblem(tenant);
    if (problem) throw new InvalidTokenError(`The tenant of the token (claim ${claim}) ${problem}.`);
    return tenant as string;
  }

  /** A configured claim may be missing: such a recipient is in no audience but that of everybody. */
  #audiencesOf(payload: JWTPayload): readonly string[] {
    const claim = this.options.audiencesClaim;
    if (!claim || !Object.hasOwn(payload, claim)) return audiencesOf([]);
    const value = payload[claim];
    const names = typeof value === 'string' ? [value] : value;
    const problem = audiencesProblem(names);
    if (problem) throw new InvalidTokenError(`The claim ${claim} of the token, its audiences, ${problem}.`);
    return audiencesOf(names as string[]);
  }

  async #verified(token: string): Promise<JWTPayload> {
    try {
      return await this.#signed(token);
    } catch (error) {
      const message = problemOf(error, token);
      // An error that is not about the token (the key server is unavailable) passes unchanged.
      throw message ? new InvalidTokenError(message, { cause: error }) : error;
    }
  }

  /** The claims of a token that a trusted key has signed. Checks of the time are not repeated for a token that is remembered. */
  async #signed(token: string): Promise<JWTPayload> {
    const options = {
      algorithms: [...this.#keys.algorithms],
      issuer: this.options.issuer,
      audience: this.options.audience,
      requiredClaims: ['exp'],
      clockTolerance: CLOCK_TOLERANCE_S,
      typ: this.options.typ,
    };
    try {
      const remembered = this.#tokens.get(token);
      // The key that is trusted for this token now: a key that was withdrawn or replaced is not found, or is another one.
      if (remembered && (await this.#keys.keyFor(remembered.header)) === remembered.key)
        return remembered.payload;
      const verified = await jwtVerify(token, this.#keys.keyFor, options);
      const payload = this.#ofKnownType(verified);
      this.#tokens.add(token, { header: verified.protectedHeader, payload, key: verified.key });
      return payload;
    } catch (error) {
      // A token without `kid` while the key server has several keys (it rotates them): one of them has to fit.
      if (!(error instanceof errors.JWKSMultipleMatchingKeys)) throw error;
      for await (const key of error) {
        try {
          return this.#ofKnownType(await jwtVerify(token, key, options));
        } catch (failure) {
          if (!(failure instanceof errors.JWSSignatureVerificationFailed)) throw failure;
        }
      }
      throw new errors.JWSSignatureVerificationFailed();
    }
  }

  #ofKnownType({ payload, protectedHeader: { typ } }: JWTVerifyResult): JWTPayload {
    if (this.options.typ !== undefined || typ === undefined || DEFAULT_TYPES.includes(mediaType(typ)))
      return payload;
    throw new InvalidTokenError('The typ of the token is not JWT or at+jwt (AUTH_JWT_TYP, http.jwt.typ).');
  }
}

/** The claim that shows an ID token, if any. */
function idTokenClaim(payload: JWTPayload): string | undefined {
  // Of Amazon Cognito and of Keycloak.
  if (payload['token_use'] === 'id') return 'token_use';
  if (payload['typ'] === 'ID') return 'typ';
  // Keycloak before 24 copies the nonce into access tokens, which say what they are.
  if (payload['typ'] === 'Bearer' || payload['token_use'] === 'access') return undefined;
  return ID_TOKEN_CLAIMS.find((claim) => Object.hasOwn(payload, claim));
}

/** The header's `typ` without what RFC 7515, section 4.1.9, lets be left out. */
function mediaType(typ: string): string {
  return typ.toLowerCase().replace(/^application\//, '');
}

function problemOf(error: unknown, token: string): string | null {
  if (error instanceof errors.JWTExpired) return expiredMessage(error.payload.exp);
  if (error instanceof errors.JWTClaimValidationFailed) return claimProblem(error);
  if (error instanceof errors.JWSSignatureVerificationFailed)
    return 'The signature of the token does not match.';
  if (error instanceof errors.JWKSNoMatchingKey) return 'The token is signed with an unknown key.';
  if (error instanceof errors.JOSEAlgNotAllowed)
    return 'The token is signed with an algorithm that is not allowed.';
  if (error instanceof errors.JWSInvalid || error instanceof errors.JWTInvalid) {
    const hint = token === '' || token.includes('.') ? '' : ' This looks like an API key.';
    return `The token is malformed: ${error.message}.${hint}`;
  }
  if (error instanceof errors.JOSEError) return `The token cannot be verified: ${error.message}.`;
  return null;
}

function claimProblem({ claim, reason }: errors.JWTClaimValidationFailed): string {
  if (reason === 'missing') {
    return claim === 'exp'
      ? 'The token has no exp; only tokens that expire are accepted.'
      : `The token has no ${claim}.`;
  }
  if (claim === 'nbf' && reason === 'check_failed') return 'The token is not valid yet (nbf).';
  if (claim === 'typ') return 'The typ of the token is not the expected one.';
  if (claim === 'iss') return 'The iss of the token is not the trusted issuer.';
  if (claim === 'aud') return 'The aud of the token does not name this service.';
  return `The ${claim} of the token is not valid.`;
}

function expiredMessage(exp: number | undefined): string {
  const date = new Date((exp ?? NaN) * 1000);
  return Number.isNaN(date.getTime())
    ? 'The token has expired.'
    : `The token expired at ${date.toISOString()}.`;
}

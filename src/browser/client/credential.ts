import { Failure } from './failure.js';
import type { FeedOptions, TokenReason } from './types.js';

/** A token is renewed this long before it expires, or when a tenth of its lifetime is left. */
const RENEW_BEFORE_MS = 30_000;
/** Below the limit of setTimeout, 2^31 - 1. */
const LONGEST_TIMER_MS = 2_000_000_000;

/** The bearer token in use. Concurrent requests share one call of `getToken`. */
export interface Credential {
  /** Whether a refused token can be replaced. */
  readonly isRenewable: boolean;
  /** The time until the token should be renewed, at most the limit of a timer; not positive if it is due. */
  renewInMs(): number;
  /**
   * Returns the token, renewed if it is due; `null` if cookies are used.
   *
   * @throws {Failure} (401) if nobody is signed in.
   * @throws the error of `getToken`, unless the present token may still be valid.
   */
  current(): Promise<string | null>;
  /** Drops a token that the server has refused; by default the one in use. */
  refuse(refused?: string): void;
}

export function createCredential(getToken: FeedOptions['getToken']): Credential {
  let token: string | null = null;
  let reason: TokenReason = 'initial';
  let renewAt = Infinity;
  let request: Promise<string> | null = null;

  async function current(): Promise<string | null> {
    if (!getToken) return null;
    if (token !== null) {
      if (Date.now() < renewAt) return token;
      reason = 'expiring';
    }
    try {
      return await (request ??= renew(getToken));
    } catch (error) {
      // The present token is used until the server refuses it.
      if (token === null || error instanceof Failure) throw error;
      renewAt = Infinity;
      return token;
    } finally {
      request = null;
    }
  }

  async function renew(getToken: NonNullable<FeedOptions['getToken']>): Promise<string> {
    const renewed = await getToken(reason);
    if (renewed === null) throw new Failure('Not signed in.', 401, 'unauthenticated');
    token = renewed;
    reason = 'initial';
    const leftMs = expiryOf(renewed) - Date.now();
    // A wrong clock may make every token look expired. Then the server decides.
    const renewInMs = Math.max(1_000, leftMs - Math.min(RENEW_BEFORE_MS, leftMs / 10));
    renewAt = leftMs > 0 ? Date.now() + renewInMs : Infinity;
    return renewed;
  }

  return {
    isRenewable: !!getToken,
    renewInMs: () => Math.min(renewAt - Date.now(), LONGEST_TIMER_MS),
    current,
    refuse(refused = token!) {
      if (refused !== token) return;
      token = null;
      reason = 'refused';
    },
  };
}

/** Returns the `exp` of a JWT in ms, or `Infinity` for any other token. */
function expiryOf(token: string): number {
  try {
    const claims = token.split('.')[1]!.replace(/-/g, '+').replace(/_/g, '/');
    const { exp } = JSON.parse(atob(claims)) as { exp?: unknown };
    return typeof exp === 'number' ? exp * 1_000 : Infinity;
  } catch {
    return Infinity;
  }
}

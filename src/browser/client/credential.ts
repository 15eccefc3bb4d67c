import { Failure } from './failure.js';
import type { FeedOptions, TokenReason } from './types.js';

/** A token is renewed so long before it expires, or when a tenth of its time is left. */
const RENEW_BEFORE_MS = 30_000;
/** The limit of setTimeout is 2^31 - 1. */
const LONGEST_TIMER_MS = 2_000_000_000;

/** The bearer token in use. Everyone who needs one at the same time shares one call of `getToken`. */
export interface Credential {
  /** Whether a refused token can be replaced. */
  readonly isRenewable: boolean;
  /** The time until the token should be renewed, at most the limit of a timer. */
  renewInMs(): number;
  /**
   * The token, renewed if it is time; `null` where cookies are used.
   *
   * @throws {Failure} (401) if nobody is signed in. @throws what `getToken` throws, if there is no token that may still be valid.
   */
  current(): Promise<string | null>;
  /** Drops a token that the server refused; `undefined`: the one in use. */
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
      // The old token is used until the server refuses it.
      if (token === null || error instanceof Failure) throw error;
      renewAt = Infinity;
      return token;
    } finally {
      request = null;
    }
  }

  async function renew(getToken: NonNullable<FeedOptions['getToken']>): Promise<string> {
    const renewed = await getToken(reason);
    if (renewed === null) throw new Failure('Nobody is signed in.', 401, 'unauthenticated');
    token = renewed;
    reason = 'initial';
    const leftMs = expiryOf(renewed) - Date.now();
    // With a wrong clock every token may look expired. Then the server decides.
    const renewInMs = Math.max(1_000, leftMs - Math.min(RENEW_BEFORE_MS, leftMs / 10));
    renewAt = leftMs > 0 ? Date.now() + renewInMs : Infinity;
    return renewed;
  }

  return {
    isRenewable: !!getToken,
    renewInMs: () => Math.min(Math.max(0, renewAt - Date.now()), LONGEST_TIMER_MS),
    current,
    refuse(refused = token!) {
      if (refused !== token) return;
      token = null;
      reason = 'refused';
    },
  };
}

/** The `exp` of a JWT in ms; `Infinity` for any other token. */
function expiryOf(token: string): number {
  try {
    const claims = token.split('.')[1]!.replace(/-/g, '+').replace(/_/g, '/');
    const { exp } = JSON.parse(atob(claims)) as { exp?: unknown };
    return typeof exp === 'number' ? exp * 1_000 : Infinity;
  } catch {
    return Infinity;
  }
}

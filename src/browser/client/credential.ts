import { Failure } from './failure.js';
import type { FeedOptions, TokenReason } from './types.js';

/** A token is renewed so long before it ends, or when a tenth of its time is left. */
const RENEW_BEFORE_MS = 30_000;
/** setTimeout takes no more than 2^31 - 1. */
const LONGEST_TIMER_MS = 2_000_000_000;

/** The bearer token in use. One is asked for at a time, whoever needs it. */
export class Credential {
  #token: string | null = null;
  #reason: TokenReason = 'initial';
  #renewAt = Infinity;
  #asking: Promise<string> | null = null;

  readonly #getToken: FeedOptions['getToken'];

  constructor(getToken: FeedOptions['getToken']) {
    this.#getToken = getToken;
  }

  /** Whether there is another one to be had after a refusal. */
  get isRenewable(): boolean {
    return this.#getToken !== undefined;
  }

  /** How long until the token should be renewed, at most what a timer takes. */
  get renewInMs(): number {
    return Math.min(Math.max(0, this.#renewAt - Date.now()), LONGEST_TIMER_MS);
  }

  /**
   * The token, a new one if it is time; `null` where cookies do.
   *
   * @throws {Failure} (401) if nobody is signed in. @throws what `getToken` throws, if there is no token that may still serve.
   */
  async current(): Promise<string | null> {
    if (!this.#getToken) return null;
    if (this.#token !== null && Date.now() < this.#renewAt) return this.#token;
    if (this.#token !== null) this.#reason = 'expiring';
    try {
      return await (this.#asking ??= this.#ask(this.#getToken));
    } catch (error) {
      // It still has its last seconds; the server says when they are over.
      if (this.#token === null || error instanceof Failure) throw error;
      this.#renewAt = Infinity;
      return this.#token;
    } finally {
      this.#asking = null;
    }
  }

  /** The server does not take it any more. `null`: whichever is in use. */
  refuse(token: string | null = this.#token): void {
    if (token !== this.#token) return;
    this.#token = null;
    this.#reason = 'refused';
  }

  async #ask(getToken: NonNullable<FeedOptions['getToken']>): Promise<string> {
    const token = await getToken(this.#reason);
    if (token === null) throw new Failure('Nobody is signed in.', 401, 'unauthenticated');
    this.#token = token;
    this.#reason = 'initial';
    const leftMs = expiryOf(token) - Date.now();
    // A clock that is wrong must not make every token look old: the server's word decides then.
    const renewInMs = Math.max(1_000, leftMs - Math.min(RENEW_BEFORE_MS, leftMs / 10));
    this.#renewAt = leftMs > 0 ? Date.now() + renewInMs : Infinity;
    return token;
  }
}

/** The `exp` of a JWT in ms; `Infinity` for anything else. */
function expiryOf(token: string): number {
  try {
    const claims = JSON.parse(atob(token.split('.')[1]!.replace(/-/g, '+').replace(/_/g, '/'))) as unknown;
    const { exp } = claims as { exp?: unknown };
    return typeof exp === 'number' ? exp * 1_000 : Infinity;
  } catch {
    return Infinity;
  }
}

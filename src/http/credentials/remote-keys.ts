import { Logger } from '@nestjs/common';
import {
  createLocalJWKSet,
  errors,
  type CryptoKey,
  type JSONWebKeySet,
  type JWSHeaderParameters,
} from 'jose';
import { KeyServerUnavailableError } from '../../contract/errors.js';
import { Outage } from '../../platform/logging/outage.js';
import { backoffMs } from '../../platform/time/backoff.js';

/** A key set is some KiB. Whatever answers in its place must not fill the memory. */
export const MAX_KEY_SET_BYTES = 1024 * 1024;

/** The times of {@link RemoteKeys}, ms. */
export interface KeyTimes {
  /** How long keys are used without asking again. */
  readonly freshMs: number;
  /** How long the last keys are used while the key server fails. */
  readonly staleIfErrorMs: number;
  /** The shortest time between two fetches: made-up key ids must not reach the key server more often. */
  readonly cooldownMs: number;
  /** The longest time for a whole response. */
  readonly deadlineMs: number;
  readonly backoff: { readonly firstMs: number; readonly longestMs: number };
}

export const KEY_TIMES: Omit<KeyTimes, 'staleIfErrorMs'> = {
  freshMs: 600_000,
  // A longer one could answer a token of a fresh key with 401, which is final for an EventSource.
  cooldownMs: 1_000,
  deadlineMs: 3_000,
  backoff: { firstMs: 1_000, longestMs: 60_000 },
};

type KeyFor = (header: JWSHeaderParameters) => Promise<CryptoKey>;

/**
 * The keys of a JWKS endpoint.
 *
 *     none --first token--> fetching --ok--> fresh --10 min (in the background), or an unknown key id--> fetching
 *                                   --failed--> backing off (none or the last keys) --1 s to 60 s--> fetching
 *
 * Requests that nobody has authenticated cause the fetches. So there is one at a time, at most one a second, and after a failure none before the
 * back-off has passed, whatever key ids tokens name. Meanwhile the last keys are used, for as long as `staleIfErrorMs`.
 */
export class RemoteKeys {
  private readonly outage: Outage;
  private keyFor: KeyFor | null = null;
  private fetchedAt = -Infinity;
  private notBefore = -Infinity;
  private failures = 0;
  private problem: unknown = null;
  private fetching: Promise<void> | null = null;

  constructor(
    private readonly url: URL,
    private readonly times: KeyTimes,
  ) {
    this.outage = new Outage(new Logger('TidingsKeyServer'), `The key server ${url.origin}${url.pathname}`);
  }

  /**
   * The key of a token.
   *
   * @throws {errors.JWKSNoMatchingKey} if the key server does not have it.
   * @throws {KeyServerUnavailableError} if that cannot be known.
   */
  readonly get: KeyFor = async (header) => {
    if (this.ageMs > this.times.freshMs) {
      const refreshed = this.refresh();
      if (!this.usableMeanwhile) await refreshed;
    }
    try {
      return await this.find(header);
    } catch (error) {
      if (!(error instanceof errors.JWKSNoMatchingKey)) throw error;
      await this.refresh();
      try {
        return await this.find(header);
      } catch (second) {
        // It may be a fresh key, which the key server has not told us yet.
        throw second instanceof errors.JWKSNoMatchingKey && this.failures > 0 ? this.unavailable() : second;
      }
    }
  };

  private get ageMs(): number {
    return performance.now() - this.fetchedAt;
  }

  /**
   * Whether nobody has to wait for a refresh: with keys that were fresh a moment ago, or while the key server fails. After a long time without
   * requests the keys may be long withdrawn.
   */
  private get usableMeanwhile(): boolean {
    const { ageMs } = this;
    return ageMs <= this.usableMs && (this.failures > 0 || ageMs <= 2 * this.times.freshMs);
  }

  /** Keys that are fresh are not stale, whatever the limit. */
  private get usableMs(): number {
    return Math.max(this.times.freshMs, this.times.staleIfErrorMs);
  }

  private find(header: JWSHeaderParameters): Promise<CryptoKey> {
    const { keyFor } = this;
    if (keyFor === null || this.ageMs > this.usableMs) return Promise.reject(this.unavailable());
    // A key that cannot be imported says nothing about the token.
    return keyFor(header).catch((error: unknown) => {
      throw isAboutTheToken(error) ? error : this.unavailable(error);
    });
  }

  /** Fetches the keys, unless it is too early for that. Never rejects. */
  private refresh(): Promise<void> {
    if (this.fetching === null && performance.now() < this.notBefore) return Promise.resolve();
    this.fetching ??= this.fetch().finally(() => (this.fetching = null));
    return this.fetching;
  }

  private async fetch(): Promise<void> {
    const { cooldownMs, backoff } = this.times;
    try {
      this.keyFor = createLocalJWKSet(await this.download());
      this.fetchedAt = performance.now();
      this.failures = 0;
      this.problem = null;
      this.notBefore = performance.now() + cooldownMs;
      this.outage.end();
    } catch (error) {
      this.failures += 1;
      this.problem = error;
      this.notBefore = performance.now() + backoffMs(this.failures, backoff);
      // `fetch` hides the reason: "fetch failed".
      this.outage.begin(error instanceof TypeError && error.cause ? error.cause : error);
    }
  }

  /** The deadline covers the body as well: a server may send it byte by byte. */
  private async download(): Promise<JSONWebKeySet> {
    const signal = AbortSignal.timeout(this.times.deadlineMs);
    const response = await fetch(this.url, {
      signal,
      // Another address than the configured one may be anybody's.
      redirect: 'error',
      headers: { accept: 'application/jwk-set+json, application/json' },
    });
    try {
      if (response.status !== 200) throw new Error(`it answered ${response.status}`);
      return JSON.parse(await limitedText(response)) as JSONWebKeySet;
    } catch (error) {
      // The socket must not wait for the rest.
      await response.body?.cancel().catch(() => {});
      throw error;
    }
  }

  private unavailable(cause = this.problem): KeyServerUnavailableError {
    return new KeyServerUnavailableError('The key server did not answer, so the token cannot be checked.', {
      cause,
    });
  }
}

function isAboutTheToken(error: unknown): boolean {
  return (
    error instanceof errors.JWKSNoMatchingKey ||
    error instanceof errors.JWKSMultipleMatchingKeys ||
    error instanceof errors.JOSENotSupported
  );
}

async function limitedText({ body }: Response): Promise<string> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  if (body === null) return '';
  const reader = body.getReader() as ReadableStreamDefaultReader<Uint8Array>;
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return Buffer.concat(chunks).toString('utf8');
      size += value.length;
      if (size > MAX_KEY_SET_BYTES) throw new Error(`its key set has more than ${MAX_KEY_SET_BYTES} bytes`);
      chunks.push(value);
    }
  } finally {
    reader.releaseLock();
  }
}

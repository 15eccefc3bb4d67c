import { RateLimitedError } from '../../contract/errors.js';
import { BucketStore } from './bucket-store.js';
import type { SharedBuckets } from './shared-buckets.js';
import { fillMs, takeToken, type Bucket, type Rate } from './token-bucket.js';

interface LocalBucket extends Bucket {
  /** Tokens that were taken here and that other instances do not know of. */
  unshared: number;
}

/**
 * Limits the rate of whoever has a key.
 *
 * Each request takes a token from a bucket in memory. With Redis, the tokens taken here are also taken from a bucket that all instances
 * share, a tenth of the burst at a time: few requests cost a round trip, and instances together let at most a tenth of the burst each pass
 * beyond it.
 */
export class RateLimiter {
  readonly #buckets = new BucketStore<LocalBucket>((now) => ({ fullAt: now, unshared: 0 }));
  readonly #lot: number;

  constructor(
    /** The part of the keys in Redis that keeps this limiter's apart. */
    private readonly name: string,
    private readonly rate: Rate,
    private readonly shared: SharedBuckets | null,
  ) {
    this.#lot = Math.max(1, Math.floor(rate.burst / 10));
  }

  /**
   * @param now Of a clock that is never set: after a wall clock went an hour back, everybody would wait for an hour.
   * @throws {RateLimitedError}
   */
  async take(key: string, now = performance.now()): Promise<void> {
    const bucket = this.#buckets.get(key, now);
    const waitMs = takeToken(bucket, this.rate, now);
    if (waitMs > 0) throw new RateLimitedError(waitMs);
    if (!this.shared || ++bucket.unshared < this.#lot) return;
    const tokens = bucket.unshared;
    bucket.unshared = 0;
    const sharedWaitMs = await this.shared.take(`${this.name}\0${key}`, this.rate, tokens);
    if (sharedWaitMs === 0) return;
    // Until then it is empty here, too.
    bucket.fullAt = Math.max(bucket.fullAt, now + sharedWaitMs + fillMs(this.rate));
    throw new RateLimitedError(sharedWaitMs);
  }
}

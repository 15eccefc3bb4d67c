/** A rate, as a token bucket: each request takes a token, and full it allows a burst. */
export interface Rate {
  readonly perSecond: number;
  readonly burst: number;
}

/** How long an empty bucket takes to be full, ms. */
export function fillMs({ perSecond, burst }: Rate): number {
  return (1_000 / perSecond) * burst;
}

/** The state of a bucket: when it will be full again, ms. A bucket that is full needs none. */
export interface Bucket {
  fullAt: number;
}

/**
 * Takes a token if there is one (the generic cell rate algorithm: one number for each bucket, and no timer).
 *
 * @returns 0, or the time until the next token in ms; nothing is taken then.
 */
export function takeToken(bucket: Bucket, rate: Rate, now: number): number {
  const fullAt = Math.max(bucket.fullAt, now) + 1_000 / rate.perSecond;
  const waitMs = fullAt - now - fillMs(rate);
  if (waitMs > 0) return waitMs;
  bucket.fullAt = fullAt;
  return 0;
}

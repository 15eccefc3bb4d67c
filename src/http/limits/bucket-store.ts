import type { Bucket } from './token-bucket.js';

/** More than the recipients that one process serves within seconds; a bucket that is forgotten early begins full. */
const MAX_BUCKETS = 100_000;

/** A full bucket is kept for a while: it may hold tokens that other instances have not been told of. */
const KEEP_MS = 60_000;

/** The buckets in use, by key; the ones used last are at the end. */
export class BucketStore<B extends Bucket> {
  readonly #buckets = new Map<string, B>();

  constructor(
    private readonly create: (now: number) => B,
    private readonly most = MAX_BUCKETS,
  ) {}

  get(key: string, now: number): B {
    const bucket = this.#buckets.get(key) ?? this.create(now);
    // Moved to the end.
    this.#buckets.delete(key);
    this.#buckets.set(key, bucket);
    this.#forget(now);
    return bucket;
  }

  get size(): number {
    return this.#buckets.size;
  }

  /** Two at each use are enough for the map to shrink. */
  #forget(now: number): void {
    let looks = 2;
    for (const [key, { fullAt }] of this.#buckets) {
      if (looks-- === 0 || (fullAt + KEEP_MS >= now && this.#buckets.size <= this.most)) return;
      this.#buckets.delete(key);
    }
  }
}

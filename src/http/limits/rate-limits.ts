import { Inject, Injectable, type OnApplicationShutdown } from '@nestjs/common';
import { feedKeyString, type FeedKey } from '../../contract/model/feed.js';
import type { ResolvedOptions } from '../../contract/options/options.js';
import { RESOLVED_OPTIONS } from '../../contract/tokens.js';
import { redisAddress } from '../../platform/addresses.js';
import { RateLimiter } from './rate-limiter.js';
import { SharedBuckets } from './shared-buckets.js';

/** The burst is what the rate allows in this time. */
const BURST_SECONDS = 10;

/** The limits of producers and of recipients, each by the credential and never by an address: behind a proxy all have one. */
@Injectable()
export class RateLimits implements OnApplicationShutdown {
  readonly #shared: SharedBuckets | null;
  readonly #producers: RateLimiter | null;
  readonly #recipients: RateLimiter | null;

  constructor(@Inject(RESOLVED_OPTIONS) { http, redis, queue }: ResolvedOptions) {
    this.#shared = redis && new SharedBuckets(redisAddress(redis), queue.prefix);
    const limiter = (name: string, perSecond: number | null): RateLimiter | null =>
      perSecond === null
        ? null
        : new RateLimiter(name, { perSecond, burst: Math.max(1, perSecond * BURST_SECONDS) }, this.#shared);
    this.#producers = limiter('producer', http.producerRequestsPerSecond);
    this.#recipients = limiter('recipient', http.recipientRequestsPerSecond);
  }

  /** @throws {RateLimitedError} */
  async takeProducer(keyId: string): Promise<void> {
    await this.#producers?.take(keyId);
  }

  /** @throws {RateLimitedError} */
  async takeRecipient(feed: FeedKey): Promise<void> {
    await this.#recipients?.take(feedKeyString(feed));
  }

  async onApplicationShutdown(): Promise<void> {
    await this.#shared?.close();
  }
}

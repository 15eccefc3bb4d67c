import { createHash } from 'node:crypto';
import { Logger } from '@nestjs/common';
import type { RedisAddress } from '../../contract/options/connections.js';
import { outsideOfCalls } from '../../platform/call-context.js';
import { Outage } from '../../platform/logging/outage.js';
import { connectRedis, type RedisConnection } from '../../platform/redis/redis-connection.js';
import { withTimeout } from '../../platform/time/with-timeout.js';
import type { Rate } from './token-bucket.js';

/** A limit must not slow requests down: without an answer in this time they pass. */
const ANSWER_MS = 100;

/**
 * Takes tokens that were used already, by the clock of Redis. KEYS: the bucket; ARGV: ms for a token, burst, tokens.
 * Returns the ms until the last of them will have been there. At most another burst is owed.
 */
const TAKE = `
local time = redis.call('TIME')
local now = time[1] * 1000 + time[2] / 1000
local token = tonumber(ARGV[1])
local burst = token * ARGV[2]
local full = math.max(tonumber(redis.call('GET', KEYS[1]) or 0), now) + token * ARGV[3]
full = math.min(full, now + 2 * burst)
redis.call('SET', KEYS[1], string.format('%.3f', full), 'PX', math.ceil(full - now) + 1)
return math.max(0, math.ceil(full - now - burst))`;

/** Token buckets in Redis, which all instances share. Connects with the first use. */
export class SharedBuckets {
  readonly #outage = new Outage(
    new Logger('TidingsHttp'),
    'The rate limit over Redis (instances count by themselves)',
  );
  #connection: RedisConnection | null = null;

  constructor(
    private readonly address: RedisAddress,
    /** Of the queue, so that a Redis user with rights to its keys has rights to these. */
    private readonly prefix: string,
  ) {}

  /** Takes the tokens. @returns 0, or the ms for which further requests must wait; 0 also while Redis does not answer. */
  async take(key: string, { perSecond, burst }: Rate, tokens: number): Promise<number> {
    this.#connection ??= outsideOfCalls(() =>
      connectRedis(
        this.address,
        { use: 'bus' },
        {
          up: () => this.#outage.end(),
          down: (problem) => this.#outage.begin(problem),
          error: (error) => this.#outage.begin(error),
        },
      ),
    );
    // Also before it has connected.
    if (!this.#connection.usable) return 0;
    // The names of recipients stay out of Redis.
    const name = createHash('sha256').update(key).digest('base64url').slice(0, 22);
    try {
      const asked = this.#connection.client.eval(
        TAKE,
        1,
        `${this.prefix}:tidings-rate:${name}`,
        1_000 / perSecond,
        burst,
        tokens,
      );
      const waitMs = await withTimeout(ANSWER_MS, asked, () => new Error(`no answer within ${ANSWER_MS} ms`));
      this.#outage.end();
      return Number(waitMs);
    } catch (error) {
      this.#outage.begin(error);
      return 0;
    }
  }

  async close(): Promise<void> {
    await this.#connection?.close();
  }
}

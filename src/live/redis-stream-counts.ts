import { randomBytes } from 'node:crypto';
import { Logger } from '@nestjs/common';
import type { RedisAddress } from '../contract/options/connections.js';
import type { FeedKey } from '../contract/model/feed.js';
import type { StreamCounts } from '../contract/ports/stream-counts.js';
import { Outage } from '../platform/logging/outage.js';
import { connectRedis, type RedisConnection } from '../platform/redis/redis-connection.js';
import { withTimeout } from '../platform/time/with-timeout.js';
import { feedHash } from './channel.js';

/** A limit must not slow streams down: without an answer in this time they stay. */
const ANSWER_MS = 500;
/** What an instance has said counts until it is silent for this long. */
export const SILENT_MS = 15_000;
const SIGN_OF_LIFE_MS = 5_000;
/** Counts of recipients that are gone. */
const KEEP_MS = 86_400_000;

/** KEYS: the counts of a recipient; ARGV: instance, count, ms. Returns all counts, as a list of instances and numbers. */
const SHARE = `
if ARGV[2] == '0' then redis.call('HDEL', KEYS[1], ARGV[1])
else redis.call('HSET', KEYS[1], ARGV[1], ARGV[2]); redis.call('PEXPIRE', KEYS[1], ARGV[3]) end
return redis.call('HGETALL', KEYS[1])`;

/** KEYS: the instances; ARGV: instance, ms of silence, the former name of the instance. Returns those that live. */
const LIVE = `
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
redis.call('ZADD', KEYS[1], now, ARGV[1])
redis.call('ZREM', KEYS[1], ARGV[3])
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now - ARGV[2])
redis.call('PEXPIRE', KEYS[1], ARGV[2])
return redis.call('ZRANGE', KEYS[1], 0, -1)`;

/**
 * Counts streams over all instances, in Redis. Each instance writes its own number, and never a difference, so nothing adds up wrongly; and
 * numbers count while their instance gives signs of life, so a killed one takes its numbers with it.
 *
 *     new --first stream--> connecting --up--> known, under a new name --down--> unknown: every stream passes --up--> known ...
 *
 * The name changes with each connection: what could not be corrected while Redis was unavailable is then nobody's.
 */
export class RedisStreamCounts implements StreamCounts {
  private readonly outage = new Outage(
    new Logger('RedisStreamCounts'),
    'Counting streams over Redis (instances count by themselves)',
  );
  private connection: RedisConnection | null = null;
  private name = '';
  private formerName = '';
  private others: ReadonlySet<string> = new Set();
  private timer: NodeJS.Timeout | undefined;
  private readonly keys: string;

  constructor(
    private readonly address: RedisAddress,
    /** Of the queue, so that a Redis user with rights to its keys has rights to these. */
    prefix: string,
    /** The identity of the log: another one may use the same Redis. */
    incarnation: string,
    private readonly signOfLifeMs = SIGN_OF_LIFE_MS,
  ) {
    this.keys = `${prefix}:tidings-streams:${incarnation}`;
  }

  async share(feed: FeedKey, own: number): Promise<number> {
    if (!this.connect().usable || this.name === '') return 0;
    const { name } = this;
    const counts = (await this.eval(SHARE, `${this.keys}:${feedHash(feed)}`, name, own, KEEP_MS)) ?? [];
    let sum = 0;
    for (let index = 0; index < counts.length; index += 2) {
      if (this.others.has(counts[index]!)) sum += Number(counts[index + 1]);
    }
    return sum;
  }

  async close(): Promise<void> {
    clearInterval(this.timer);
    await this.connection?.close();
  }

  private connect(): RedisConnection {
    this.connection ??= connectRedis(
      this.address,
      { use: 'bus' },
      {
        up: () => {
          this.formerName = this.name;
          this.name = randomBytes(9).toString('base64url');
          this.outage.end();
          void this.giveSignOfLife();
        },
        down: (problem) => this.outage.begin(problem),
        error: (error) => this.outage.begin(error),
      },
    );
    this.timer ??= setInterval(() => void this.giveSignOfLife(), this.signOfLifeMs).unref();
    return this.connection;
  }

  private async giveSignOfLife(): Promise<void> {
    const { name } = this;
    if (!this.connection?.usable || name === '') return;
    const live = await this.eval(LIVE, this.keys, name, SILENT_MS, this.formerName);
    if (live && name === this.name) this.others = new Set(live.filter((one) => one !== name));
  }

  private async eval(script: string, key: string, ...values: (string | number)[]): Promise<string[] | null> {
    try {
      const asked = this.connection!.client.eval(script, 1, key, ...values);
      const answer = await withTimeout(ANSWER_MS, asked, () => new Error(`no answer within ${ANSWER_MS} ms`));
      this.outage.end();
      return answer as string[];
    } catch (error) {
      this.outage.begin(error);
      return null;
    }
  }
}

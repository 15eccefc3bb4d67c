import { randomBytes } from 'node:crypto';
import { Logger } from '@nestjs/common';
import type { RedisAddress } from '../contract/options/connections.js';
import type { FeedKey } from '../contract/model/feed.js';
import type { StreamCounts } from '../contract/ports/stream-counts.js';
import { outsideOfCalls } from '../platform/call-context.js';
import { Outage } from '../platform/logging/outage.js';
import { connectRedis, type RedisConnection } from '../platform/redis/redis-connection.js';
import { withTimeout } from '../platform/time/with-timeout.js';
import { feedHash } from './channel.js';

/** A limit must not slow streams down: without an answer in this time they stay. */
const ANSWER_MS = 500;
/** What an instance has said counts until it is silent for this long. */
export const SILENT_MS = 15_000;
const SIGN_OF_LIFE_MS = 5_000;
/** Counts of recipients that are gone. Those of streams that are open for longer are shared again before. */
const KEEP_MS = 86_400_000;
/** The commands that Redis gets at once when counts are shared again: it serves the queue, too. */
const BATCH = 500;
/** The recipients whose counts of dead instances are remembered until the next sign of life; further ones are seen again. */
const MAX_SUSPECTS = 10_000;

/** KEYS: the counts of a recipient; ARGV: instance, count, ms. Returns all counts, as a list of instances and numbers. */
const SHARE = `
if ARGV[2] == '0' then redis.call('HDEL', KEYS[1], ARGV[1])
else redis.call('HSET', KEYS[1], ARGV[1], ARGV[2]); redis.call('PEXPIRE', KEYS[1], ARGV[3]) end
return redis.call('HGETALL', KEYS[1])`;

/** KEYS: the counts of a recipient; ARGV: instances. */
const FORGET = `
redis.call('HDEL', KEYS[1], unpack(ARGV))
return {}`;

/** KEYS: the instances; ARGV: instance, ms of silence, the former name of the instance. Returns whether it was unknown, and those that live. */
const LIVE = `
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local unknown = redis.call('ZADD', KEYS[1], now, ARGV[1])
redis.call('ZREM', KEYS[1], ARGV[3])
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now - ARGV[2])
redis.call('PEXPIRE', KEYS[1], ARGV[2])
local live = redis.call('ZRANGE', KEYS[1], 0, -1)
table.insert(live, 1, tostring(unknown))
return live`;

/**
 * Counts streams over all instances, in Redis. Each instance writes its own number, and never a difference, so nothing adds up wrongly; and
 * numbers count while their instance gives signs of life, so a killed one takes its numbers with it.
 *
 *     new --first stream--> connecting --up--> known, under a new name --down--> unknown: every stream passes --up--> known ...
 *
 * The name changes with each connection: what could not be corrected while Redis was unavailable is then nobody's. An instance that the others
 * do not know, since its name is new, or it was silent, or Redis has lost its data, shares all its counts again. Counts of instances that do not
 * live are deleted by whoever sees them, with its next sign of life: a new instance may have shared a count before it was seen to live.
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
  /** The numbers of this instance, by the hashes of their feeds. */
  private readonly own = new Map<string, number>();
  /** The hashes whose number the others may not have. */
  private unshared = new Set<string>();
  private sharing = false;
  private allSharedAt = -Infinity;
  /** Instances that seemed to be dead, by the hashes of the feeds that they have counts of. */
  private suspects = new Map<string, Set<string>>();

  constructor(
    private readonly address: RedisAddress,
    /** Of the queue, so that a Redis user with rights to its keys has rights to these. */
    prefix: string,
    /** The identity of the log: another one may use the same Redis. */
    incarnation: string,
    private readonly signOfLifeMs = SIGN_OF_LIFE_MS,
    private readonly keepMs = KEEP_MS,
  ) {
    this.keys = `${prefix}:tidings-streams:${incarnation}`;
  }

  async share(feed: FeedKey, own: number): Promise<number> {
    const hash = feedHash(feed);
    if (own === 0) this.own.delete(hash);
    else this.own.set(hash, own);
    const { usable } = this.connect();
    // All are shared with the first sign of life under the next name.
    if (this.name === '') return 0;
    this.unshared.add(hash);
    if (!usable) return 0;
    return (await this.shareOne(hash)) ?? 0;
  }

  async close(): Promise<void> {
    clearInterval(this.timer);
    await this.connection?.close();
  }

  private connect(): RedisConnection {
    // Both outlive the request that happens to come first.
    this.connection ??= outsideOfCalls(() => {
      this.timer = setInterval(() => void this.giveSignOfLife(), this.signOfLifeMs).unref();
      return connectRedis(
        this.address,
        { use: 'bus' },
        {
          up: () => {
            this.name = randomBytes(9).toString('base64url');
            this.allSharedAt = -Infinity;
            this.outage.end();
            void this.giveSignOfLife();
          },
          down: (problem) => {
            if (this.name !== '') this.formerName = this.name;
            this.name = '';
            this.unshared.clear();
            this.outage.begin(problem);
          },
          error: (error) => this.outage.begin(error),
        },
      );
    });
    return this.connection;
  }

  private async giveSignOfLife(): Promise<void> {
    const { name } = this;
    if (!this.connection?.usable || name === '') return;
    const answer = await this.eval(LIVE, this.keys, name, SILENT_MS, this.formerName);
    if (name !== this.name) return;
    if (!answer) {
      // Whether it made this instance known is not known.
      this.allSharedAt = -Infinity;
      return;
    }
    const [unknown, ...live] = answer;
    this.others = new Set(live.filter((one) => one !== name));
    const now = performance.now();
    if (unknown === '1' || now - this.allSharedAt > this.keepMs / 2) {
      for (const hash of this.own.keys()) this.unshared.add(hash);
      this.allSharedAt = now;
    }
    await Promise.all([this.forgetDead(), this.shareUnshared()]);
  }

  /** @returns the number of streams on the others; `null` if they may not have this number. */
  private async shareOne(hash: string): Promise<number | null> {
    const { name } = this;
    const own = this.own.get(hash) ?? 0;
    const counts = await this.eval(SHARE, this.keyOf(hash), name, own, this.keepMs);
    if (!counts) return null;
    if (name === this.name && own === (this.own.get(hash) ?? 0)) this.unshared.delete(hash);
    let sum = 0;
    for (let index = 0; index < counts.length; index += 2) {
      const instance = counts[index]!;
      if (this.others.has(instance)) sum += Number(counts[index + 1]);
      else if (instance !== this.name) this.suspect(hash, instance);
    }
    return sum;
  }

  private async shareUnshared(): Promise<void> {
    if (this.sharing) return;
    this.sharing = true;
    try {
      while (this.unshared.size > 0 && this.name !== '' && this.connection!.usable) {
        const shared = await Promise.all(firstOf(this.unshared, BATCH).map((hash) => this.shareOne(hash)));
        // The next sign of life tries again.
        if (shared.includes(null)) return;
      }
    } finally {
      this.sharing = false;
    }
  }

  private suspect(hash: string, instance: string): void {
    const known = this.suspects.get(hash);
    if (known) known.add(instance);
    else if (this.suspects.size < MAX_SUSPECTS) this.suspects.set(hash, new Set([instance]));
  }

  /** Deletes the counts of suspects that are dead as of the sign of life that was just given: those that return share theirs again. */
  private async forgetDead(): Promise<void> {
    const { suspects, others, name } = this;
    this.suspects = new Map();
    while (suspects.size > 0) {
      const hashes = firstOf(suspects.keys(), BATCH);
      await Promise.all(
        hashes.map(async (hash) => {
          const dead = [...suspects.get(hash)!].filter((each) => !others.has(each) && each !== name);
          suspects.delete(hash);
          if (dead.length > 0) await this.eval(FORGET, this.keyOf(hash), ...dead);
        }),
      );
    }
  }

  private keyOf(hash: string): string {
    return `${this.keys}:${hash}`;
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

function firstOf<Item>(items: Iterable<Item>, count: number): Item[] {
  const first: Item[] = [];
  for (const item of items) {
    if (first.push(item) === count) break;
  }
  return first;
}

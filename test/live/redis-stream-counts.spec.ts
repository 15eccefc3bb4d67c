import { afterAll, afterEach, beforeAll, beforeEach, expect, it, jest } from '@jest/globals';
import { randomUUID } from 'node:crypto';
import { Redis } from 'ioredis';
import { feedHash } from '../../src/live/channel.js';
import { RedisStreamCounts } from '../../src/live/redis-stream-counts.js';
import { currentCall, inCall } from '../../src/platform/call-context.js';
import { eventually } from '../support/eventually.js';
import { startRedis, type RedisServer } from '../support/redis.js';
import { describeWith } from '../support/tools.js';

const FEED = { tenant: '', recipient: 'ada' };
const SIGN_OF_LIFE_MS = 50;

describeWith('redis-server', 'the counts of streams in Redis', () => {
  let server: RedisServer;
  let redis: Redis;
  let log: string;
  const made: RedisStreamCounts[] = [];

  beforeAll(async () => {
    server = await startRedis();
    redis = new Redis(server.url);
  });
  beforeEach(() => void (log = randomUUID()));
  afterEach(async () => {
    await Promise.all(made.splice(0).map((counts) => counts.close()));
  });
  afterAll(async () => {
    redis.disconnect();
    await server.stop();
  });

  const keys = (): string => `bull:tidings-streams:${log}`;
  const keyOf = (recipient = 'ada'): string => `${keys()}:${feedHash({ tenant: '', recipient })}`;
  const counts = (keepMs?: number): RedisStreamCounts => {
    const one = new RedisStreamCounts(server.url, 'bull', log, SIGN_OF_LIFE_MS, keepMs);
    made.push(one);
    return one;
  };
  /** Cuts the connections of all but this test. */
  const cut = async (): Promise<void> => void (await redis.client('KILL', 'TYPE', 'normal', 'SKIPME', 'yes'));

  it('are shared again after each reconnect, under the new name', async () => {
    const [one, other] = [counts(), counts()];
    const recipients = Array.from({ length: 1_200 }, (_, index) => `recipient ${index}`);
    await Promise.all(recipients.map((recipient) => one.share({ tenant: '', recipient }, 2)));
    await eventually(async () => expect(await other.share(FEED, 1)).toBe(0));
    for (const recipient of recipients) void one.share({ tenant: '', recipient }, 2);
    await eventually(async () => expect(await redis.hvals(keyOf('recipient 1199'))).toEqual(['2']));
    const before = await redis.hkeys(keyOf('recipient 0'));
    await cut();
    await eventually(async () => {
      for (const recipient of recipients.filter((_, index) => index % 100 === 0)) {
        const fields = await redis.hgetall(keyOf(recipient));
        expect(Object.keys(fields)).not.toEqual(before);
        expect(await other.share({ tenant: '', recipient }, 1)).toBe(2);
      }
    });
  });

  it('are shared again when Redis has lost them, or has taken the instance for dead', async () => {
    const [one, other] = [counts(), counts()];
    await one.share(FEED, 2);
    await eventually(async () => expect(await other.share(FEED, 1)).toBe(2));
    await redis.del(keyOf(), keys());
    await eventually(async () => expect((await redis.hvals(keyOf())).sort()).toEqual(['1', '2']));
  });

  it('are shared again before they expire', async () => {
    const one = counts(1_000);
    await one.share(FEED, 2);
    await eventually(async () => expect(await redis.pttl(keyOf())).toBeGreaterThan(0));
    await eventually(async () => expect(await redis.pttl(keyOf())).toBeLessThan(700));
    await eventually(async () => expect(await redis.pttl(keyOf())).toBeGreaterThan(900));
  });

  it('are deleted once their instance is dead, by whoever sees them, and not before', async () => {
    const [one, other] = [counts(), counts()];
    await one.share(FEED, 2);
    await eventually(async () => expect(await other.share(FEED, 1)).toBe(2));
    await redis.hset(keyOf(), { dead: 3, 'also dead': 4 });
    expect(await other.share(FEED, 1)).toBe(2);
    await eventually(async () => expect((await redis.hvals(keyOf())).sort()).toEqual(['1', '2']));
    // One that lives, but has not been seen to.
    const [, time] = [await redis.hset(keyOf(), { new: 5 }), await redis.time()];
    await redis.zadd(keys(), Number(time[0]) * 1_000, 'new');
    expect(await other.share(FEED, 1)).toBeGreaterThanOrEqual(2);
    await eventually(async () => expect(await other.share(FEED, 1)).toBe(7));
  });

  it('are shared over a connection and by a timer that are a part of no call', async () => {
    const asked = jest.spyOn(Redis.prototype, 'eval');
    const seen: unknown[] = [];
    asked.mockImplementation(function (this: Redis, ...args: Parameters<Redis['eval']>) {
      seen.push(currentCall());
      return this.call('EVAL', ...(args as string[]));
    });
    try {
      await inCall({ requestId: 'r-1' }, () => counts().share(FEED, 1));
      // One with the connection, the others by the timer.
      await eventually(() => expect(seen.length).toBeGreaterThan(3));
      expect(new Set(seen)).toEqual(new Set([undefined]));
    } finally {
      asked.mockRestore();
    }
  });
});

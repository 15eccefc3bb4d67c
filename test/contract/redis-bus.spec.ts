import { expect, it } from '@jest/globals';
import { Cluster, Redis } from 'ioredis';
import { redisAddress } from '../../src/platform/addresses.js';
import type { Announcement } from '../../src/contract/ports/live.js';
import { feedHash, redisPrefix } from '../../src/live/channel.js';
import { RedisBus } from '../../src/live/redis-bus.js';
import { eventually } from '../support/eventually.js';
import { startRedis } from '../support/redis.js';
import { describeWith } from '../support/tools.js';
import { liveBusContract, type BusServer } from './live-bus.contract.js';
import { startRedisCluster } from './redis-cluster.js';

async function startServer(): Promise<BusServer> {
  const redis = await startRedis();
  const administrator = async (act: (client: Redis) => Promise<unknown>): Promise<void> => {
    const client = new Redis(redis.url);
    try {
      await act(client);
    } finally {
      client.disconnect();
    }
  };
  return {
    port: redis.port,
    create: (settings, port) => new RedisBus({ connection: `redis://127.0.0.1:${port}`, ...settings }),
    inject: (incarnation, feed, text) =>
      administrator((client) => client.publish(redisPrefix(incarnation) + feedHash(feed), text)),
    cutConnections: () =>
      administrator(async (client) => {
        await client.client('KILL', 'TYPE', 'pubsub');
        await client.client('KILL', 'TYPE', 'normal', 'SKIPME', 'yes');
      }),
    pause: () => redis.pause(),
    resume: () => redis.resume(),
    kill: () => redis.kill(),
    start: () => redis.start(),
    close: () => redis.stop(),
  };
}

const ADA = { tenant: '', recipient: 'ada' };
const announcement: Announcement = {
  feed: ADA,
  epoch: 'k3v9x2ab',
  seq: 1,
  entry: { seq: 1, type: 'task-completed', json: '{}' },
};

/** Announces until it arrives, on a bus whose server is known to be there. */
async function delivers(bus: RedisBus): Promise<void> {
  let received = 0;
  const unsubscribe = await bus.subscribe(ADA, () => received++);
  bus.announce([announcement]);
  await eventually(() => received === 1);
  unsubscribe();
}

describeWith('redis-server', 'On Redis,', () => liveBusContract('Redis', startServer));

describeWith('redis-server', 'The live bus on Redis, with connections that were handed in', () => {
  it('uses them, leaves nothing behind on them and does not close them', async () => {
    const redis = await startRedis();
    const [publisher, subscriber] = [new Redis(redis.url), new Redis(redis.url, { lazyConnect: true })];
    try {
      const bus = new RedisBus({ incarnation: 'test', connection: { publisher, subscriber } });
      await eventually(() => bus.connected);
      await delivers(bus);
      await bus.subscribe(ADA, () => {});
      await bus.close();
      expect(await publisher.pubsub('CHANNELS')).toEqual([]);
      expect([publisher.status, subscriber.status]).toEqual(['ready', 'ready']);
      expect([publisher, subscriber].flatMap((client) => client.listeners('error'))).toEqual([]);
    } finally {
      publisher.disconnect();
      subscriber.disconnect();
      await redis.stop();
    }
  });

  it.each([true, false])('works on a cluster, with sharded pub/sub: %s', async (shardedSubscribers) => {
    const redis = await startRedisCluster();
    const cluster = new Cluster([{ host: '127.0.0.1', port: redis.port }], { shardedSubscribers });
    try {
      const bus = new RedisBus({
        incarnation: 'test',
        connection: { publisher: cluster, subscriber: cluster },
      });
      await eventually(() => bus.connected, { timeoutMs: 10_000 });
      await delivers(bus);
      await bus.subscribe(ADA, () => {});
      const sharded = await cluster.nodes('master')[0]?.call('PUBSUB', 'SHARDCHANNELS');
      expect(sharded).toHaveLength(shardedSubscribers ? 1 : 0);
      await bus.close();
      expect(cluster.status).toBe('ready');
    } finally {
      cluster.disconnect();
      await redis.stop();
    }
  });

  it('makes its own ones on a cluster, uses sharded pub/sub, and is whole again after the cluster was away', async () => {
    const redis = await startRedisCluster(3);
    const bus = new RedisBus({
      incarnation: 'test',
      connection: redisAddress({ url: null, nodes: redis.urls.slice(0, 1) }),
      timings: { pingEveryMs: 200 },
    });
    const feeds = Array.from({ length: 20 }, (_, index) => ({ tenant: '', recipient: `user-${index}` }));
    const heard = new Set<string>();
    const allHear = async (): Promise<void> => {
      heard.clear();
      await eventually(
        () => {
          bus.announce(feeds.map((feed) => ({ ...announcement, feed })));
          return heard.size === feeds.length;
        },
        { timeoutMs: 20_000, everyMs: 100 },
      );
    };
    try {
      await eventually(() => bus.connected, { timeoutMs: 10_000 });
      await Promise.all(feeds.map((feed) => bus.subscribe(feed, () => void heard.add(feed.recipient))));
      await allHear();

      redis.pause();
      try {
        await eventually(() => !bus.connected, { timeoutMs: 10_000 });
      } finally {
        redis.resume();
      }
      await eventually(() => bus.connected, { timeoutMs: 20_000 });
      await allHear();

      await redis.stop();
      await eventually(() => !bus.connected, { timeoutMs: 10_000 });
      const back = new Promise<void>((resolve) => void bus.onReconnect(resolve));
      await redis.start();
      await back;
      await allHear();
    } finally {
      await bus.close();
      await redis.stop();
    }
  }, 60_000);
});

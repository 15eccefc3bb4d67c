import { expect, it } from '@jest/globals';
import { Redis, type Cluster } from 'ioredis';
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
    create: (settings, port) =>
      new RedisBus({
        address: `redis://127.0.0.1:${port}`,
        ...settings,
        timings: { probeEveryMs: settings.timings.pingEveryMs, answerMs: settings.timings.answerMs },
      }),
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

describeWith('redis-server', 'Redis', () => liveBusContract('Redis', startServer));

describeWith('redis-server', 'The live bus on a Redis Cluster', () => {
  it('uses sharded pub/sub, and delivers again after the cluster was unavailable', async () => {
    const redis = await startRedisCluster(3);
    const bus = new RedisBus({
      incarnation: 'test',
      address: redisAddress({ url: null, nodes: redis.urls.slice(0, 1) }),
      timings: { probeEveryMs: 200, answerMs: 3_000 },
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
      const nodes = redis.urls.map((url) => new Redis(url));
      const channels = await Promise.all(nodes.map((node) => node.call('PUBSUB', 'SHARDCHANNELS')));
      for (const node of nodes) node.disconnect();
      expect(channels.flat()).toHaveLength(feeds.length);

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

  it('subscribes again where a node of the cluster was not there yet, and reports it', async () => {
    const redis = await startRedisCluster();
    const bus = new RedisBus({
      incarnation: 'test',
      address: redisAddress({ url: null, nodes: redis.urls }),
    });
    const feed = { tenant: '', recipient: 'ada' };
    try {
      await eventually(() => bus.connected);
      const { client } = bus['subscribing'] as unknown as { client: Pick<Cluster, 'ssubscribe'> };
      const subscribe = client.ssubscribe.bind(client) as (...channels: string[]) => Promise<unknown>;
      // What ioredis answers, right after a restart of the cluster, for a node whose connection it has not made.
      const failures = [
        new Error('No sharded subscriber for slot: 7'),
        Object.assign(new Error('CLUSTERDOWN The cluster is down'), { name: 'ReplyError' }),
      ];
      client.ssubscribe = async (...channels: unknown[]) => {
        const failure = failures.shift();
        if (failure) throw failure;
        return subscribe(...(channels as string[]));
      };
      let late = 0;
      bus.onReconnect(() => (late += 1));
      let heard = 0;
      await bus.subscribe(feed, () => (heard += 1));
      expect(failures).toEqual([]);
      bus.announce([{ ...announcement, feed }]);
      await eventually(() => heard === 1 && late === 1);
    } finally {
      await bus.close();
      await redis.stop();
    }
  }, 60_000);
});

import { afterEach, beforeEach, expect, it } from '@jest/globals';
import { getQueueToken } from '@nestjs/bullmq';
import type { INestApplicationContext } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import type { Queue } from 'bullmq';
import { Cluster } from 'ioredis';
import { doctorCommand } from '../../src/cli/doctor.js';
import type { TidingsOptions } from '../../src/contract/options/options.js';
import { announcement } from '../../src/types/shipped/index.js';
import { collectFeed } from '../../src/testing/collect-feed.js';
import { TidingsModule } from '../../src/module/tidings.module.js';
import { TidingsService } from '../../src/module/tidings.service.js';
import { startRedisCluster, type RedisClusterServer } from '../contract/redis-cluster.js';
import { eventually } from '../support/eventually.js';
import { createMigratedDatabase, type TestDatabase } from '../support/postgres.js';
import { describeWith } from '../support/tools.js';

describeWith('redis-server', 'The module on a Redis Cluster', () => {
  let database: TestDatabase;
  let redis: RedisClusterServer;
  const apps: INestApplicationContext[] = [];

  beforeEach(async () => {
    database = await createMigratedDatabase();
    redis = await startRedisCluster(3);
  }, 60_000);
  afterEach(async () => {
    await Promise.all(apps.splice(0).map((app) => app.close()));
    await redis.stop();
    await database.drop();
  });

  const start = async (options: Partial<TidingsOptions>): Promise<INestApplicationContext> => {
    const app = await NestFactory.createApplicationContext(
      TidingsModule.forRoot({
        database: { url: database.url },
        types: [announcement],
        roles: ['worker'],
        controllers: false,
        // So that only the bus can bring something in time.
        stream: { headCheckMs: 600_000 },
        ...options,
      }),
      { logger: ['fatal'], abortOnError: false },
    );
    apps.push(app);
    return app;
  };
  const commandsOf = async (host: Cluster, name: string): Promise<number> => {
    const stats = await Promise.all(host.nodes('master').map((node) => node.info('commandstats')));
    return stats.filter((text) => text.includes(`cmdstat_${name}:`)).length;
  };

  it('delivers across processes by sharded pub/sub, escalates, and leaves the connection of the host open', async () => {
    const host = new Cluster([{ host: '127.0.0.1', port: redis.port }]);
    try {
      const escalated: string[] = [];
      const escalations = [
        {
          name: 'mail',
          afterMs: 1,
          handler: ({ notification }: { notification: { title: string } }) =>
            void escalated.push(notification.title),
        },
      ];
      const receiver = await start({ redis: { connection: host }, escalations });
      const sender = await start({ redis: { nodes: redis.urls }, roles: [], escalations });
      const recipients = Array.from({ length: 12 }, (_, index) => `user-${index}`);
      const feeds = recipients.map((recipient) =>
        collectFeed(receiver, recipient, { count: 2, timeoutMs: 20_000 }),
      );
      for (const title of ['one', 'two']) {
        await sender.get(TidingsService).notify(announcement, { to: recipients, data: { title } });
      }

      for (const feed of await Promise.all(feeds)) {
        expect(feed.map(({ title }) => title).sort()).toEqual(['one', 'two']);
      }
      await eventually(() => escalated.length === 24, { timeoutMs: 20_000 });
      expect(await commandsOf(host, 'spublish')).toBeGreaterThan(1);
      expect(await commandsOf(host, 'publish')).toBe(0);
      expect(receiver.get<Queue>(getQueueToken('tidings')).opts.prefix).toBe('{bull}');

      const said: string[] = [];
      const flags = { 'database-url': database.url, 'redis-url': redis.urls.join(',') };
      await doctorCommand(flags, [], (line) => said.push(line));
      expect(said.join('\n')).toMatch(/ok +Redis: a cluster of 3: 7.*, appendonly[^]*ok +canary/);

      await Promise.all(apps.splice(0).map((app) => app.close()));
      expect(host.status).toBe('ready');
      expect(await host.set('{host}:key', 'kept')).toBe('OK');
    } finally {
      host.disconnect();
    }
  }, 60_000);
});

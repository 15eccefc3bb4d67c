import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { createRedisBackend, Queue } from 'bullmq';
import { Cluster, Redis } from 'ioredis';
import { readdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { doctorCommand } from '../../src/cli/doctor.js';
import { CLUSTER_RULES, REDIS_COMMANDS, REDIS_RULES } from '../../src/cli/redis-rights.js';
import { redisUser } from '../../src/cli/redis-checks.js';
import type { RedisOptions } from '../../src/contract/options/tidings-options.js';
import { JobQueue } from '../../src/jobs/index.js';
import { TidingsService } from '../../src/module/tidings.service.js';
import { createProducer } from '../../src/producer.js';
import { announcement, taskCompleted } from '../../src/types/shipped/index.js';
import { startRedisCluster } from '../contract/redis-cluster.js';
import { House, task, untilTasks } from '../guarantees/house.js';
import { eventually } from '../support/eventually.js';
import { startRedis } from '../support/redis.js';
import { describeWith } from '../support/tools.js';

interface Kind {
  readonly start: () => Promise<{ port: number; stop: () => Promise<void> }>;
  readonly prefix: string;
  readonly rules: readonly string[];
  readonly isCluster: boolean;
}

const KINDS: [string, Kind][] = [
  ['Redis', { start: () => startRedis(), prefix: 'bull', rules: REDIS_RULES, isCluster: false }],
  [
    'a Redis Cluster',
    {
      start: () => startRedisCluster(),
      prefix: '{bull}',
      rules: [...REDIS_RULES, ...CLUSTER_RULES],
      isCluster: true,
    },
  ],
];

describeWith('redis-server', 'The rights of a Redis user', () => {
  describe.each(KINDS)('on %s', (_, { start, prefix, rules, isCluster }) => {
    let house: House;
    let server: { port: number; stop: () => Promise<void> };
    let admin: Redis;
    let url: string;
    let redis: Extract<RedisOptions, { url: string }> | { nodes: string[] };

    beforeAll(async () => {
      house = await House.open('Postgres');
      server = await start();
      admin = new Redis({ port: server.port });
      await grant(rules);
      url = `redis://tidings:secret@127.0.0.1:${server.port}`;
      redis = isCluster ? { nodes: [url, url] } : { url };
    }, 60_000);
    afterAll(async () => {
      admin?.disconnect();
      await server?.stop();
      await house?.close();
    }, 30_000);

    async function grant(
      some: readonly string[],
      keys = `~${prefix}:*`,
      channels = '&tidings:*',
    ): Promise<void> {
      await admin.call('ACL', 'SETUSER', 'tidings', 'reset', 'on', '>secret', keys, channels, ...some);
    }

    async function doctor(): Promise<string> {
      const lines: string[] = [];
      const flags = {
        'database-url': house.databaseUrl,
        'redis-url': isCluster ? `${url},${url}` : url,
      };
      await doctorCommand(flags, [], (line) => lines.push(line)).catch(() => {});
      return lines.join('\n');
    }

    /** Plain BullMQ, as a producer elsewhere has it. */
    async function plain(use: (queue: Queue) => Promise<unknown>): Promise<void> {
      const credential = { username: 'tidings', password: 'secret' };
      const connection = isCluster
        ? new Cluster([{ host: '127.0.0.1', port: server.port }], { redisOptions: credential })
        : new Redis({ port: server.port, ...credential, maxRetriesPerRequest: null });
      const queue = new Queue('tidings', { connection, prefix }, createRedisBackend);
      await use(queue);
      await queue.close();
      connection.disconnect();
    }

    it('are enough to produce, work, stream, cancel, recall, escalate, erase and measure', async () => {
      await admin.call('CONFIG', 'RESETSTAT');
      await admin.call('ACL', 'LOG', 'RESET');
      const escalated: string[] = [];
      const instance = await house.start({
        redis,
        // So that stalled jobs are looked for meanwhile.
        worker: { stalledIntervalMs: 1_000, lockDurationMs: 2_000 },
        escalations: [
          {
            name: 'mail',
            afterMs: 500,
            handler: ({ notification }) => void escalated.push(notification.type),
          },
        ],
      });
      const tidings = instance.app.get(TidingsService, { strict: false });
      const stream = await instance.stream('ada');

      const producer = await createProducer({ redis });
      await producer.notify(taskCompleted, { to: 'ada', data: { ...task('1'), status: 'succeeded' } });
      await producer.close();
      await instance.publish({ type: 'task-completed', to: 'ada', data: task('2') });
      await plain(async (queue) => {
        await queue.add('task-completed', { to: 'ada', data: task('3') });
        await queue.addBulk([
          { name: 'task-completed', data: { to: 'ada', data: task('4') } },
          { name: 'task-completed', data: { to: 'ada', data: task('5') }, opts: { delay: 300, priority: 2 } },
        ]);
        // One that is put back, one that fails.
        await queue.add('nobody-knows', { to: 'ada', data: {} });
        await queue.add('task-completed', { to: 'ada', data: { nonsense: true } });
      });
      await untilTasks(stream, 5);
      const jobs = instance.app.get(JobQueue, { strict: false });
      await eventually(async () => expect(await jobs.depth()).toMatchObject({ failed: 1, delayed: 1 }));

      const deliverAt = new Date(Date.now() + 3_600_000);
      const later = { to: 'ada', data: { title: 'Later' }, deliverAt };
      const { jobId } = await tidings.notify(announcement, later);
      expect(await tidings.cancel(jobId)).toBe('cancelled');
      await tidings.notify(announcement, { ...later, to: ['ada', 'bob'] });
      await tidings.recall({ to: 'ada', dedupeKey: 'never' });
      await eventually(() => expect(escalated).toContain('task-completed'), { timeoutMs: 15_000 });
      await tidings.markRead('ada', { upTo: (await tidings.page('ada')).cursor });
      await tidings.erase('ada');
      expect(await doctor()).not.toContain('FAULT');
      await instance.close();

      expect(await admin.call('ACL', 'LOG')).toEqual([]);
      // What was used is known to doctor. (Those that need no right, and what this test has asked for, are not.)
      const stats = (await admin.info('commandstats')).matchAll(/^cmdstat_([^:]+):/gm);
      const others = ['acl|log', 'auth', 'config|resetstat', 'eval', 'hello', 'quit', 'unsubscribe'];
      const cluster = ['cluster|slots', 'cluster|info', 'spublish', 'ssubscribe', 'sunsubscribe'];
      const known = [...REDIS_COMMANDS.map((name) => name.replace(' ', '|')), ...others];
      const used = [...stats].map(([, name]) => name);
      expect(used.filter((name) => ![...known, ...(isCluster ? cluster : [])].includes(name!))).toEqual([]);
    }, 90_000);

    it('are named by doctor, each that is missing', async () => {
      const place = redis as { url?: string };
      const address = place.url ?? {
        nodes: [{ host: '127.0.0.1', port: server.port }],
        options: {},
        redisOptions: { username: 'tidings', password: 'secret' },
      };
      const missed: string[] = [];
      const bound = [...rules].filter((rule) => rule.startsWith('+'));
      // It ends what another one begins, and is refused together with it.
      const companions = ['+unsubscribe', '+sunsubscribe'];
      for (const rule of bound.filter((one) => !companions.includes(one))) {
        await grant([...rules, `-${rule.slice(1)}`]);
        const verdict = await redisUser(address as never, { prefix, queue: 'tidings' }).catch(String);
        if (!/may not|NOPERM|no permissions/.test(verdict)) missed.push(`${rule}: ${verdict}`);
      }
      expect(missed).toEqual([]);

      await grant(rules, '~other:*');
      expect(await doctor()).toMatch(/FAULT {2}Redis rights: the user may not get/);
      await grant(rules, `~${prefix}:*`, 'resetchannels');
      expect(await doctor()).toMatch(/FAULT {2}Redis rights: the user may not publish/);
      await grant([...rules, '-info']);
      expect(await doctor()).toMatch(/FAULT {2}Redis rights: the user may not info: ACL SETUSER/);
      await grant(rules);
      expect(await redisUser(address as never, { prefix, queue: 'tidings' })).toBe('complete');
    }, 90_000);

    it('include neither other keys nor dangerous commands', async () => {
      await grant(rules);
      const user = new Redis({
        port: server.port,
        username: 'tidings',
        password: 'secret',
        enableReadyCheck: false,
      });
      for (const command of [
        'GET other:key',
        'KEYS *',
        'FLUSHALL',
        'SCAN 0',
        'CONFIG GET *',
        'FUNCTION LIST',
        'PUBLISH else x',
      ]) {
        const [name, ...args] = command.split(' ');
        await expect(user.call(name!, ...args)).rejects.toThrow('NOPERM');
      }
      user.disconnect();
    }, 30_000);
  });

  it('are documented', () => {
    const operations = readFileSync('docs/operations.md', 'utf8');
    expect(operations).toContain(
      `ACL SETUSER tidings on >secret ~bull:* &tidings:* ${REDIS_RULES.join(' ')}\n`,
    );
    expect(operations).toContain(`\`${CLUSTER_RULES.join(' ')}\``);
  });

  it("include every command that BullMQ's scripts send, except those for features that Tidings does not use", () => {
    const scripts = join(dirname(createRequire(import.meta.url).resolve('bullmq')), 'scripts');
    const unused =
      /^(relay|addJobScheduler|updateJobScheduler|getJobScheduler|removeJobScheduler|pause|paginate|promote|removeOrphaned|getDependency|obliterate|drain)/;
    const sent = new Set<string>();
    for (const file of readdirSync(scripts).filter((name) => name.endsWith('.js') && !unused.test(name))) {
      const calls = readFileSync(join(scripts, file), 'utf8').matchAll(
        /(?:rcall|redis\.p?call)\(\s*["'](\w+)["']/g,
      );
      for (const [, name] of calls) sent.add(name!.toLowerCase());
    }
    expect(sent.size).toBeGreaterThan(30);
    expect([...sent].filter((name) => !REDIS_COMMANDS.includes(name))).toEqual([]);
  });
});

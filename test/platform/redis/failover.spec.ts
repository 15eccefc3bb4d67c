import { afterEach, expect, it } from '@jest/globals';
import { Redis } from 'ioredis';
import type { ReadinessCheck } from '../../../src/contract/ports/ops.js';
import { READINESS_CHECKS } from '../../../src/contract/tokens.js';
import { TidingsService } from '../../../src/module/tidings.service.js';
import { taskCompleted } from '../../../src/types/shipped/index.js';
import { House } from '../../guarantees/house.js';
import { eventually } from '../../support/eventually.js';
import { startRedis } from '../../support/redis.js';
import { TcpProxy } from '../../support/tcp-proxy.js';
import { describeWith } from '../../support/tools.js';

const cleanUps: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp();
});

describeWith('redis-server', 'A failover behind one address that leaves old connections open', () => {
  it('is noticed by readiness, and the queue, the workers and the bus follow to the new primary', async () => {
    const house = await House.open('Redis');
    cleanUps.push(() => house.close());
    const former = house.redis!;
    const next = await startRedis();
    cleanUps.push(() => next.stop());
    const order = async (port: number, ...args: [string, string]): Promise<void> => {
      const admin = new Redis(port, '127.0.0.1');
      await admin.call('REPLICAOF', ...args);
      admin.disconnect();
    };
    await order(next.port, '127.0.0.1', String(former.port));
    const proxy = await TcpProxy.start(former.port);
    cleanUps.push(() => proxy.close());
    const escalated: string[] = [];
    const start = () =>
      house.start({
        redis: { url: `redis://127.0.0.1:${proxy.port}` },
        escalations: [
          {
            name: 'mail',
            afterMs: 100,
            handler: ({ notification }) => void escalated.push(notification.title),
          },
        ],
        // Only the bus brings an entry to another process in time.
        stream: { headCheckMs: 120_000 },
      });
    // Streams of one process hear of what the other one appends over the bus.
    const instances = [await start(), await start()];
    const tidings = instances[0]!.app.get(TidingsService, { strict: false });
    const clients = await Promise.all(instances.map((instance) => instance.stream('ada')));
    const send = (taskId: string) =>
      tidings.notify(taskCompleted, {
        to: 'ada',
        data: { taskId, title: taskId, status: 'succeeded' },
        dedupeKey: taskId,
      });
    const ready = async (): Promise<void> => {
      const checks = instances[0]!.app.get<ReadinessCheck[]>(READINESS_CHECKS, { strict: false });
      await Promise.all(checks.map((one) => one.check()));
    };
    await eventually(ready, { timeoutMs: 10_000 });
    await send('before');
    for (const client of clients) await client.waitFor(({ data }) => data?.includes('before') ?? false);
    await eventually(() => expect(escalated).toEqual(['before']), { timeoutMs: 10_000 });

    await order(next.port, 'NO', 'ONE');
    await order(former.port, '127.0.0.1', String(next.port));
    await eventually(() => expect(ready()).rejects.toThrow(/replica/), { timeoutMs: 15_000 });

    proxy.target = next.port;
    await eventually(ready, { timeoutMs: 20_000 });
    await eventually(() => send('after'), { timeoutMs: 20_000 });
    for (const client of clients) {
      await client.waitFor(({ data }) => data?.includes('after') ?? false, { timeoutMs: 20_000 });
    }
    await eventually(() => expect(escalated).toEqual(['before', 'after']), { timeoutMs: 20_000 });
  }, 120_000);
});

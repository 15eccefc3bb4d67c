import { expect, it } from '@jest/globals';
import { AsyncLocalStorage } from 'node:async_hooks';
import { Logger } from '@nestjs/common';
import { NO_METRICS } from '../../src/contract/ports/metrics.js';
import { RedisPublisher } from '../../src/live/redis-publisher.js';
import { currentCall, inCall } from '../../src/platform/call-context.js';
import { Outage } from '../../src/platform/logging/outage.js';
import { connectRedis } from '../../src/platform/redis/redis-connection.js';
import { startRedis } from '../support/redis.js';
import { describeWith } from '../support/tools.js';

describeWith('redis-server', 'the sending side of the bus on Redis', () => {
  it('sends outside of the calls whose messages share a pipeline', async () => {
    const redis = await startRedis();
    let up = (): void => {};
    const connected = new Promise<void>((resolve) => (up = resolve));
    const connection = connectRedis(redis.url, { use: 'bus' }, { up, error: () => {} });
    await connected;

    const span = new AsyncLocalStorage<string>();
    const contexts: unknown[] = [];
    let sent = (): void => {};
    const both = new Promise<void>((resolve) => (sent = resolve));
    const publisher = new RedisPublisher(connection, 'test:', new Outage(new Logger(), 'The test'), {
      ...NO_METRICS,
      busMessage: () => {
        contexts.push([currentCall(), span.getStore()]);
        if (contexts.length === 2) sent();
      },
    });
    publisher.started();
    for (const requestId of ['r1', 'r2']) {
      inCall({ requestId }, () =>
        span.run(`of ${requestId}`, () => publisher.disconnect([{ tenant: '', recipient: requestId }])),
      );
    }
    await both;
    expect(contexts).toEqual([
      [undefined, undefined],
      [undefined, undefined],
    ]);
    await connection.close();
    await redis.stop();
  });
});

import { afterEach, expect, it, jest } from '@jest/globals';
import { Logger } from '@nestjs/common';
import { Redis } from 'ioredis';
import type { ReadinessCheck } from '../../../src/contract/ports/ops.js';
import { READINESS_CHECKS } from '../../../src/contract/tokens.js';
import { Escalations } from '../../../src/jobs/after/escalations.js';
import { ResilientWorker } from '../../../src/jobs/queue/resilient-worker.js';
import { JobQueue } from '../../../src/jobs/queue/queue.js';
import { House, onBothBackends } from '../../guarantees/house.js';
import { openJobs } from '../../contract/queue-jobs.js';
import { eventually } from '../../support/eventually.js';
import { createMigratedDatabase } from '../../support/postgres.js';
import { startRedis } from '../../support/redis.js';
import { describeWith } from '../../support/tools.js';

const cleanUps: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  jest.restoreAllMocks();
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp();
});

onBothBackends('The start of a worker', (backend) => {
  it('does not run escalations that are stopped during the start, and logs nothing', async () => {
    const run = jest.spyOn(ResilientWorker.prototype, 'run');
    const warn = jest.spyOn(Logger.prototype, 'warn');
    const error = jest.spyOn(Logger.prototype, 'error');
    const redis = backend === 'Redis' ? await startRedis() : null;
    if (redis) cleanUps.push(() => redis.stop());
    const database = await createMigratedDatabase();
    cleanUps.push(() => database.drop());
    const server = { database, redis: redis && { url: redis.url } };
    const opened = await openJobs(server, { worker: false });
    cleanUps.push(() => opened.close());
    const queue = await Escalations.openQueue(opened.jobs, 5_000);
    cleanUps.push(() => queue.close());
    const escalations = new Escalations(
      queue,
      [],
      { open: never, find: never, page: never, heads: never },
      { schema: '', query: never },
    );

    escalations.start();
    await escalations.stop();
    // Long enough for a connection: a second worker is ready after it.
    const second = queue.openWorker(() => Promise.resolve(), {});
    await second.instance.waitUntilReady();
    await second.instance.close();
    await second.destroy();
    expect(run).not.toHaveBeenCalled();
    expect(warn.mock.calls.flat()).toEqual([]);
    expect(error.mock.calls.flat()).toEqual([]);
  }, 30_000);
});

describeWith('redis-server', 'A worker whose Redis user lacks the right to INFO', () => {
  it('is not ready, tries again and logs once, and takes jobs when the right is granted', async () => {
    const house = await House.open('Redis');
    cleanUps.push(() => house.close());
    const admin = new Redis(house.redis!.url);
    cleanUps.push(() => admin.quit());
    await admin.call('ACL', 'SETUSER', 'worker', 'on', '>secret', '~*', '&*', '+@all', '-info');
    const warn = jest.spyOn(Logger.prototype, 'warn');
    const log = jest.spyOn(Logger.prototype, 'log');
    const attempts = jest.spyOn(JobQueue.prototype, 'openWorker');
    const url = house.redis!.url.replace('redis://', 'redis://worker:secret@');
    const instance = await house.start({
      redis: { url },
      escalations: [{ name: 'mail', afterMs: 60_000, handler: () => {} }],
    });
    const ready = async (): Promise<void> => {
      const checks = instance.app.get<ReadinessCheck[]>(READINESS_CHECKS, { strict: false });
      await Promise.all(checks.map((one) => one.check()));
    };

    // Both workers are refused, that of jobs and that of escalations.
    const refusals = (): unknown[] => warn.mock.calls.flat().filter((line) => /NOPERM/.test(String(line)));
    await eventually(() => expect(refusals()).toHaveLength(2));
    // Between two attempts; during one it is still connecting.
    await eventually(() => expect(ready()).rejects.toThrow(/takes no jobs.*NOPERM/));
    // Further attempts are refused as well, in silence.
    await eventually(() => expect(attempts.mock.calls.length).toBeGreaterThanOrEqual(5), {
      timeoutMs: 20_000,
    });
    expect(refusals()).toHaveLength(2);

    await admin.call('ACL', 'SETUSER', 'worker', '+info');
    await eventually(ready, { timeoutMs: 20_000 });
    expect(log.mock.calls.flat().join('\n')).toMatch(/Taking jobs from the queue "tidings" on Redis/);
    const client = await instance.stream('ann');
    await house.add('ann', 'first');
    await client.waitFor(({ event }) => event === 'task-completed');
  }, 60_000);
});

function never(): Promise<never> {
  return Promise.reject(new Error('nothing is read here'));
}

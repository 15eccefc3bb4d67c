import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { Registry } from 'prom-client';
import { DatabaseClock } from '../../src/log/database/database-clock.js';
import { LogDatabase } from '../../src/log/database/database.js';
import { PrometheusMetrics } from '../../src/prometheus.js';
import { House, numbered, task, untilTasks, type Instance } from '../guarantees/house.js';
import { eventually } from '../support/eventually.js';

describe('the latencies and states of streams', () => {
  let house: House;
  let publisher: Instance;
  let streamer: Instance;
  const register = new Registry();

  beforeAll(async () => {
    house = await House.open('Postgres');
    publisher = await house.start({ roles: ['api', 'worker'] });
    streamer = await house.start({ roles: ['api'], metrics: new PrometheusMetrics({ register }) });
  });
  afterAll(() => house.close());

  /** The values of one metric, by its name or by its state. */
  const valuesOf = async (name: string): Promise<Record<string, number>> => {
    const metric = (await register.getMetricsAsJSON()).find((one) => one.name === name)!;
    return Object.fromEntries(
      (metric.values as { metricName?: string; labels: { le?: string; state?: string }; value: number }[])
        .filter(({ labels }) => labels.le === undefined)
        .map(({ metricName = name, labels: { state }, value }) => [
          state ?? metricName.slice(name.length + 1),
          value,
        ]),
    );
  };
  const publish = (to: string, id: string, more: object = {}): Promise<Response> =>
    publisher.publish({ type: 'task-completed', to, data: task(id), ...more });

  it('are measured from the publishing and from the append to the frame, over instances and the queue', async () => {
    const client = await streamer.stream('ada');
    for (const id of numbered(5)) await publish('ada', id);
    // What is due later is not late before that.
    await publish('ada', 'later', { deliverAt: new Date(Date.now() + 1_500).toISOString() });
    await untilTasks(client, 6);
    const published = await valuesOf('tidings_publish_to_frame_seconds');
    const appended = await valuesOf('tidings_commit_to_frame_seconds');
    expect([published['count'], appended['count']]).toEqual([6, 6]);
    expect(appended['sum']).toBeGreaterThan(0);
    // A notification is published before it is appended.
    expect(published['sum']).toBeGreaterThan(appended['sum']!);
    expect(published['sum']).toBeLessThan(6 * 1.4);
    await client.close();
  });

  it('leave out what a client missed, which says how long it was away', async () => {
    const before = await valuesOf('tidings_commit_to_frame_seconds');
    const client = await streamer.stream('ada', { after: '0' });
    await untilTasks(client, 6);
    expect(await valuesOf('tidings_commit_to_frame_seconds')).toEqual(before);
    await publish('ada', 'live');
    await untilTasks(client, 7);
    expect((await valuesOf('tidings_commit_to_frame_seconds'))['count']).toBe(before['count']! + 1);
    await client.close();
  });

  it('are counted by state: live, and blocked where a reader takes nothing', async () => {
    await eventually(async () => expect((await valuesOf('tidings_streams'))['live']).toBe(0));
    const clients = await Promise.all(['ann', 'bob', 'cay'].map((name) => streamer.stream(name)));
    const none = { opening: 0, replaying: 0, blocked: 0, retrying: 0 };
    await eventually(async () => expect(await valuesOf('tidings_streams')).toEqual({ ...none, live: 3 }));
    clients[0]!.pause();
    const large = { taskId: '1', title: 'x'.repeat(60_000), status: 'succeeded' };
    // Until the buffers of the connection are full.
    await eventually(
      async () => {
        await Promise.all(
          numbered(20).map(() => publisher.publish({ type: 'task-completed', to: 'ann', data: large })),
        );
        expect(await valuesOf('tidings_streams')).toEqual({ ...none, live: 2, blocked: 1 });
      },
      { timeoutMs: 20_000 },
    );
    await Promise.all(clients.map((client) => client.close()));
    await eventually(async () => expect(await valuesOf('tidings_streams')).toEqual({ ...none, live: 0 }));
  });

  it('follow the clock of the database, whatever that of the machine says', async () => {
    const database = await LogDatabase.connect({
      url: house.databaseUrl,
      poolSize: 2,
      queryTimeoutMs: 10_000,
    });
    const { now } = Date;
    const wrong = jest.spyOn(Date, 'now').mockImplementation(() => now() + 3_600_000);
    const clock = new DatabaseClock(database);
    try {
      await clock.start();
      expect(Math.abs(clock.now() - now())).toBeLessThan(1_000);
    } finally {
      wrong.mockRestore();
      await clock.stop();
      await database.close();
    }
  });
});

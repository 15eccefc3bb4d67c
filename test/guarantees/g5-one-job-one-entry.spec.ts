import { afterEach, beforeEach, expect, it } from '@jest/globals';
import { eventually } from '../support/eventually.js';
import { describeWith } from '../support/tools.js';
import { House, numbered, onBothBackends, task, taskIds, untilTasks } from './house.js';

onBothBackends('G5: one job, one entry', (backend) => {
  let house: House;

  beforeEach(async () => {
    house = await House.open(backend);
  });

  afterEach(() => house.close());

  it('makes one entry of jobs with the same key that two workers run at once', async () => {
    const instances = [await house.start(), await house.start()];
    const client = await instances[0]!.stream('ada');
    for (let round = 0; round < 10; round += 1) {
      const job = {
        name: 'task-completed',
        data: { to: 'ada', data: task(`${round}`), dedupeKey: `round ${round}` },
      };
      await house.queue().addBulk([job, job, job, job]);
    }
    await eventually(async () => (await house.queue().getCompletedCount()) === 40, { timeoutMs: 15_000 });
    await house.add('ada', 'end');
    await client.waitFor(() => taskIds(client.frames).includes('end'));
    expect(taskIds(client.frames).sort()).toEqual([...numbered(10), 'end'].sort());
  });

  it('keeps a given key after the entry was trimmed', async () => {
    const instance = await house.start();
    const client = await instance.stream('ada');
    await house.add('ada', 'first', { dedupeKey: 'order-7' });
    await untilTasks(client, 1);
    await house.sql(`DELETE FROM tidings.entry`);
    await house.sql(`UPDATE tidings.feed SET floor = head, kept = 0, unread = 0, unseen = 0`);
    await house.add('ada', 'again', { dedupeKey: 'order-7' });
    await house.add('ada', 'other', { dedupeKey: 'order-8' });
    expect((await untilTasks(client, 2)).sort()).toEqual(['first', 'other']);
  });

  it('scopes a key to its recipient and tenant', async () => {
    await house.start();
    await house.add(['ada', 'grace'], 'x', { dedupeKey: 'same' });
    await house.add('ada', 'x', { dedupeKey: 'same', tenant: 'acme' });
    await eventually(async () => {
      const rows = await house.sql<{ n: number }>('SELECT count(*)::integer AS n FROM tidings.entry');
      expect(rows[0]!.n).toBe(3);
    });
  });

  it('appends a new job although the queue was emptied and its ids begin again', async () => {
    const instance = await house.start();
    const client = await instance.stream('ada');
    const ids: (string | undefined)[] = [];
    for (const round of ['before', 'after']) {
      const job = await house.queue().add('task-completed', { to: 'ada', data: task(round) });
      ids.push(job.id);
      await client.waitFor(() => taskIds(client.frames).includes(round));
      await eventually(async () => expect(await job.getState()).toBe('completed'));
      await house.queue().obliterate({ force: true });
    }
    expect(ids[1]).toBe(ids[0]);
    expect(taskIds(client.frames)).toEqual(['before', 'after']);
  });
});

describeWith('redis-server', 'G5: a changed backend', () => {
  it('appends a new job after the queue moved from Postgres to Redis, where ids begin again', async () => {
    const house = await House.open('Redis');
    try {
      const onPostgres = await house.start({ redis: null });
      const client = await onPostgres.stream('ada');
      expect(
        (await onPostgres.publish({ type: 'task-completed', to: 'ada', data: task('one') })).status,
      ).toBe(202);
      await untilTasks(client, 1);
      const { lastEventId } = client.frames.at(-1)!;
      await onPostgres.close();

      const onRedis = await house.start();
      await house.add('ada', 'two');
      const again = await onRedis.stream('ada', { after: lastEventId });
      expect(await untilTasks(again, 1)).toEqual(['two']);
    } finally {
      await house.close();
    }
  });
});

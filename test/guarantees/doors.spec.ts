import { afterEach, beforeEach, expect, it } from '@jest/globals';
import pg from 'pg';
import { eventually } from '../support/eventually.js';
import { API_KEY, House, onBothBackends, taskIds, untilTasks } from './house.js';
import { publish } from './publish.js';

onBothBackends('The doors of delivery', (backend) => {
  let house: House;
  beforeEach(async () => {
    house = await House.open(backend);
  });
  afterEach(() => house.close(), 30_000);

  const jobs = async (): Promise<number> => (await house.queue().getJobs()).length;

  it('delivers before it answers, and leaves nothing on the queue', async () => {
    const instance = await house.start();
    const client = await instance.stream('ada');
    expect(await publish(instance, 'direct')).toMatchObject({ status: 202, outcome: 'delivered' });
    const entries = await house.sql(
      "SELECT seq::integer AS seq FROM tidings.entry WHERE type = 'task-completed'",
    );
    expect(entries).toEqual([{ seq: 1 }]);
    expect(await untilTasks(client, 1)).toEqual(['direct']);
    expect(await jobs()).toBe(0);
  });

  it('queues what is due later, and everything where delivery is "queue"', async () => {
    const [direct, queued] = [
      await house.start({ roles: ['api'] }),
      await house.start({ roles: ['api'], delivery: 'queue' }),
    ];
    const deliverAt = new Date(Date.now() + 60_000).toISOString();
    expect(await publish(direct, 'later', { deliverAt })).toMatchObject({ status: 202, outcome: 'queued' });
    expect(await publish(queued, 'by the queue')).toMatchObject({ status: 202, outcome: 'queued' });
    expect(await jobs()).toBe(2);
  });

  it('queues what waits for a held feed, delivers it once, and delivers to others meanwhile', async () => {
    const instance = await house.start();
    const client = await instance.stream('ada');
    await publish(instance, 'first');
    const holder = new pg.Client(house.databaseUrl);
    await holder.connect();
    await holder.query('BEGIN');
    await holder.query("SELECT FROM tidings.feed WHERE recipient = 'ada' FOR UPDATE");
    const [held, other] = await Promise.all([
      publish(instance, 'held'),
      publish(instance, 'other', { to: 'bob' }),
    ]);
    expect(held).toMatchObject({ status: 202, outcome: 'queued' });
    expect(other).toMatchObject({ status: 202, outcome: 'delivered' });
    await holder.query('COMMIT');
    await holder.end();
    await client.waitFor(() => taskIds(client.frames).includes('held'), { timeoutMs: 20_000 });
    // The append that was given up and the job on the queue have both ended.
    await eventually(
      async () => expect(await house.queue().getJobCountByTypes('waiting', 'active', 'delayed')).toBe(0),
      {
        timeoutMs: 20_000,
      },
    );
    await publish(instance, 'last');
    await client.waitFor(() => taskIds(client.frames).includes('last'), { timeoutMs: 20_000 });
    expect(taskIds(client.frames)).toEqual(['first', 'held', 'last']);
  }, 60_000);

  it('makes one entry of the same request at two doors at once', async () => {
    const [direct, queued] = [await house.start(), await house.start({ delivery: 'queue' })];
    const client = await direct.stream('ada');
    const answers = await Promise.all(
      Array.from({ length: 10 }, (_, index) =>
        publish(index % 2 === 0 ? direct : queued, 'once', { key: 'k' }),
      ),
    );
    expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 202));
    expect(new Set(answers.map(({ id }) => id)).size).toBe(1);
    await eventually(
      async () => expect(await house.queue().getJobCountByTypes('waiting', 'active', 'delayed')).toBe(0),
      {
        timeoutMs: 20_000,
      },
    );
    await publish(direct, 'end');
    await client.waitFor(() => taskIds(client.frames).includes('end'));
    expect(taskIds(client.frames)).toEqual(['once', 'end']);
  }, 60_000);

  it('refuses another body under an Idempotency-Key with 422 at every door, also for another recipient', async () => {
    const [direct, queued] = [await house.start(), await house.start({ delivery: 'queue' })];
    expect(await publish(direct, 'first', { key: 'k' })).toMatchObject({ status: 202 });
    expect(await publish(direct, 'first', { key: 'k' })).toMatchObject({ status: 202, outcome: 'delivered' });
    for (const instance of [direct, queued]) {
      expect(await publish(instance, 'other', { key: 'k' })).toMatchObject({
        status: 422,
        code: 'idempotency-key-reused',
      });
      expect(await publish(instance, 'first', { key: 'k', to: 'bob' })).toMatchObject({ status: 422 });
      expect(await publish(instance, 'first', { key: 'k', dedupeKey: 'd' })).toMatchObject({ status: 422 });
    }
    expect(await publish(queued, 'queued', { key: 'q' })).toMatchObject({ status: 202, outcome: 'queued' });
    await eventually(async () => expect(await house.queue().getJobCountByTypes('waiting', 'active')).toBe(0));
    await house.queue().obliterate({ force: true });
    for (const instance of [direct, queued]) {
      expect(await publish(instance, 'other', { key: 'q' })).toMatchObject({ status: 422 });
    }
  }, 60_000);

  it('refuses another body while the queue holds one that was accepted without a claim', async () => {
    const instance = await house.start();
    const deliverAt = new Date(Date.now() + 60_000).toISOString();
    const first = await publish(instance, 'first', { key: 'k', deliverAt });
    expect(first).toMatchObject({ status: 202, outcome: 'queued' });
    // As if the log had been unavailable then.
    await house.sql('DELETE FROM tidings.dedupe_key');
    expect(await publish(instance, 'other', { key: 'k' })).toMatchObject({ status: 422 });
    expect(await publish(instance, 'first', { key: 'k', deliverAt })).toMatchObject({
      status: 202,
      id: first.id,
    });
  });

  it('queues a job again under the same Idempotency-Key after it was cancelled', async () => {
    const instance = await house.start();
    const deliverAt = new Date(Date.now() + 60_000).toISOString();
    const { id } = await publish(instance, 'first', { key: 'k', deliverAt });
    const headers = { 'x-api-key': API_KEY };
    const cancel = () => fetch(`${instance.origin}/v1/jobs/${id}`, { method: 'DELETE', headers });
    expect((await cancel()).status).toBe(200);
    expect((await cancel()).status).toBe(404);
    expect(await publish(instance, 'first', { key: 'k', deliverAt })).toMatchObject({
      status: 202,
      outcome: 'queued',
      id,
    });
    expect(await jobs()).toBe(1);
    expect((await cancel()).status).toBe(200);
    expect(await publish(instance, 'corrected', { key: 'k' })).toMatchObject({
      status: 202,
      outcome: 'delivered',
    });
  });

  it('answers 409 when a job is cancelled that was delivered at once, and recalls it', async () => {
    const instance = await house.start();
    const client = await instance.stream('ada');
    const { id } = await publish(instance, 'gone', { dedupeKey: 'd' });
    const headers = { 'x-api-key': API_KEY, 'content-type': 'application/json' };
    const cancelled = await fetch(`${instance.origin}/v1/jobs/${id}`, { method: 'DELETE', headers });
    expect(cancelled.status).toBe(409);
    expect(((await cancelled.json()) as { detail: string }).detail).toMatch('delivered');
    const body = JSON.stringify({ to: 'ada', dedupeKey: 'd' });
    const recalled = await fetch(`${instance.origin}/v1/notifications/recall`, {
      method: 'POST',
      headers,
      body,
    });
    expect(recalled.status).toBe(200);
    await client.waitFor(({ event }) => event === 'feed.removed');
  });

  it('records a duplicate of another job for support, and not one of the same job', async () => {
    const instance = await house.start();
    await publish(instance, 'first', { dedupeKey: 'd', key: 'k' });
    await publish(instance, 'first', { dedupeKey: 'd', key: 'k' });
    expect(await house.sql('SELECT reason FROM tidings.dropped')).toEqual([]);
    await publish(instance, 'again', { dedupeKey: 'd' });
    expect(await house.sql('SELECT reason FROM tidings.dropped')).toEqual([{ reason: 'duplicate' }]);
  });
});

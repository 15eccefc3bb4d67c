import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { dirname } from 'node:path';
import { createInterface } from 'node:readline';
import { afterEach, beforeAll, beforeEach, expect, it } from '@jest/globals';
import pg from 'pg';
import { eventually } from '../support/eventually.js';
import { buildService } from '../support/service.js';
import {
  API_KEY,
  House,
  JWT_SECRET,
  onBothBackends,
  task,
  taskIds,
  untilTasks,
  type Instance,
} from './house.js';

const CHILD = new URL('../jobs/deliver/dying-server.mjs', import.meta.url).pathname;

interface Answer {
  readonly status: number;
  readonly outcome: string | undefined;
  readonly id: string;
  readonly code: string | undefined;
}

async function publish(
  instance: Instance,
  taskId: string,
  { to = 'ada', key, ...more }: { to?: string; key?: string; dedupeKey?: string; deliverAt?: string } = {},
): Promise<Answer> {
  const headers: Record<string, string> = key === undefined ? {} : { 'idempotency-key': key };
  const response = await instance.publish(
    { type: 'task-completed', to, data: task(taskId), ...more },
    headers,
  );
  const body = (await response.json()) as { jobs?: { id: string; outcome: string }[]; code?: string };
  const [job] = body.jobs ?? [];
  return { status: response.status, outcome: job?.outcome, id: job?.id ?? '', code: body.code };
}

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

onBothBackends('A process that is killed before it answers', (backend) => {
  let built: string;
  let house: House;

  beforeAll(async () => {
    built = dirname(await buildService());
  }, 180_000);
  beforeEach(async () => {
    house = await House.open(backend, { ownPostgres: backend === 'Redis' });
  });
  afterEach(() => house.close(), 30_000);

  /** Publishes to a process that dies before it answers. */
  async function publishToTheDying(
    body: object,
    whileItLives: () => Promise<void> = () => Promise.resolve(),
  ): Promise<void> {
    const args = [CHILD, built, house.databaseUrl, house.redis?.url ?? '', JWT_SECRET, API_KEY];
    const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
    const exited = once(child, 'exit') as Promise<[number | null, string | null]>;
    const [port] = (await once(createInterface(child.stdout), 'line')) as [string];
    await whileItLives();
    const answer = fetch(`http://127.0.0.1:${port}/v1/notifications`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'x-api-key': API_KEY, 'idempotency-key': 'k' },
      body: JSON.stringify(body),
    });
    await expect(answer).rejects.toThrow();
    expect((await exited)[1]).toBe('SIGKILL');
  }

  it('makes one entry when the request is repeated after a kill between append and answer', async () => {
    const instance = await house.start();
    const client = await instance.stream('ada');
    await publishToTheDying({ type: 'task-completed', to: 'ada', data: task('once') });
    expect(await untilTasks(client, 1)).toEqual(['once']);
    expect(await publish(instance, 'once', { key: 'k' })).toMatchObject({
      status: 202,
      outcome: 'delivered',
    });
    await publish(instance, 'end');
    expect(await untilTasks(client, 2)).toEqual(['once', 'end']);
  }, 60_000);

  if (backend !== 'Redis') return;

  it('makes one entry when the request is repeated after a kill between the fallback to the queue and the answer', async () => {
    const instance = await house.start();
    const client = await instance.stream('ada');
    await publishToTheDying({ type: 'task-completed', to: 'ada', data: task('once') }, () =>
      house.postgres!.stop('immediate'),
    );
    await house.postgres!.start();
    const answer = await eventually(
      async () => {
        const repeated = await publish(instance, 'once', { key: 'k' });
        expect(repeated.status).toBe(202);
        return repeated;
      },
      { timeoutMs: 20_000 },
    );
    expect(answer.id).toMatch(/^idem-/);
    await client.waitFor(() => taskIds(client.frames).includes('once'), { timeoutMs: 30_000 });
    await eventually(
      async () => expect(await house.queue().getJobCountByTypes('waiting', 'active', 'delayed')).toBe(0),
      {
        timeoutMs: 30_000,
      },
    );
    await publish(instance, 'end');
    await client.waitFor(() => taskIds(client.frames).includes('end'), { timeoutMs: 20_000 });
    expect(taskIds(client.frames)).toEqual(['once', 'end']);
  }, 90_000);

  it('queues while the log is unavailable, delivers when it is back, and goes on directly', async () => {
    const instance = await house.start();
    const client = await instance.stream('ada');
    await house.postgres!.stop('immediate');
    for (const id of ['one', 'two', 'three']) {
      const startedAt = Date.now();
      expect(await publish(instance, id)).toMatchObject({ status: 202, outcome: 'queued' });
      expect(Date.now() - startedAt).toBeLessThan(2_500);
    }
    await house.postgres!.start();
    await client.waitFor(() => taskIds(client.frames).length >= 3, { timeoutMs: 40_000 });
    expect(taskIds(client.frames).sort()).toEqual(['one', 'three', 'two']);
    await eventually(async () => expect((await publish(instance, 'more')).outcome).toBe('delivered'), {
      timeoutMs: 20_000,
      everyMs: 200,
    });
  }, 90_000);

  it('appends nothing whose escalation cannot be scheduled because the queue is unavailable', async () => {
    const handled: string[] = [];
    const instance = await house.start({
      escalations: [
        { name: 'mail', afterMs: 1, handler: ({ notification }) => void handled.push(notification.title) },
      ],
    });
    await house.redis!.stop();
    await eventually(async () => expect(await publish(instance, 'refused')).toMatchObject({ status: 503 }), {
      timeoutMs: 20_000,
    });
    const before = await house.sql("SELECT FROM tidings.entry WHERE data ->> 'taskId' = 'refused'");
    expect(await publish(instance, 'again', { key: 'k' })).toMatchObject({
      status: 503,
      code: 'queue-unavailable',
    });
    expect(await house.sql("SELECT FROM tidings.entry WHERE data ->> 'taskId' = 'again'")).toEqual([]);
    expect(before.length).toBeLessThanOrEqual(1);
    await house.redis!.start();
    await eventually(async () => expect((await publish(instance, 'again', { key: 'k' })).status).toBe(202), {
      timeoutMs: 20_000,
    });
    await eventually(() => expect(handled.some((title) => title.includes('again'))).toBe(true), {
      timeoutMs: 20_000,
    });
  }, 90_000);
});

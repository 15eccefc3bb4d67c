import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { dirname } from 'node:path';
import { createInterface } from 'node:readline';
import { afterEach, beforeAll, beforeEach, expect, it } from '@jest/globals';
import {
  API_KEY,
  House,
  JWT_SECRET,
  onBothBackends,
  task,
  taskIds,
  untilTasks,
} from '../../guarantees/house.js';
import { publish } from '../../guarantees/publish.js';
import { eventually } from '../../support/eventually.js';
import { buildService } from '../../support/service.js';

const CHILD = new URL('../../jobs/deliver/dying-server.mjs', import.meta.url).pathname;

onBothBackends('The doors of delivery, with kills and outages', (backend) => {
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

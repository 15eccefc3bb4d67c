import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { dirname } from 'node:path';
import { createInterface } from 'node:readline';
import { afterEach, beforeAll, beforeEach, expect, it } from '@jest/globals';
import { TidingsService } from '../../../src/module/tidings.service.js';
import { taskCompleted } from '../../../src/types/shipped/index.js';
import {
  API_KEY,
  House,
  type Instance,
  JWT_SECRET,
  numbered,
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

  /** Makes each transaction take so long that appends one of these tasks. */
  async function slowDown(taskIds: string, ms: number): Promise<void> {
    await house.sql(`
      CREATE OR REPLACE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS $$
      BEGIN PERFORM pg_sleep(${ms / 1_000}); RETURN NEW; END $$`);
    await house.sql(`
      CREATE OR REPLACE TRIGGER slow BEFORE INSERT ON tidings.entry FOR EACH ROW
      WHEN (NEW.data ->> 'taskId' LIKE '${taskIds}') EXECUTE FUNCTION slow()`);
  }

  const nothingWaits = (): Promise<unknown> =>
    eventually(
      async () => expect(await house.queue().getJobCountByTypes('waiting', 'active', 'delayed')).toBe(0),
      { timeoutMs: 30_000 },
    );
  const cancel = (instance: Instance, id: string): Promise<Response> =>
    fetch(`${instance.origin}/v1/jobs/${id}`, { method: 'DELETE', headers: { 'x-api-key': API_KEY } });

  it('makes one entry when the request is repeated after a kill between the fallback and the answer, with the append under way', async () => {
    const instance = await house.start();
    const client = await instance.stream('ada');
    await publish(instance, 'first');
    await slowDown('once', 2_000);
    await publishToTheDying({ type: 'task-completed', to: 'ada', data: task('once') });
    expect(await publish(instance, 'once', { key: 'k' })).toMatchObject({ status: 202 });
    await client.waitFor(() => taskIds(client.frames).includes('once'), { timeoutMs: 30_000 });
    await nothingWaits();
    await publish(instance, 'end');
    await client.waitFor(() => taskIds(client.frames).includes('end'), { timeoutMs: 20_000 });
    expect(taskIds(client.frames)).toEqual(['first', 'once', 'end']);
  }, 90_000);

  it('queues while the log is slow, makes one entry each, also of the same request at two doors, and goes on directly', async () => {
    const [direct, queued] = [await house.start(), await house.start({ delivery: 'queue' })];
    const client = await direct.stream('ada');
    await publish(direct, 'first');
    await slowDown('slow-%', 1_500);
    const sent = ['slow-1', 'slow-2', 'slow-3'].flatMap((id) => [
      publish(direct, id, { key: id }),
      publish(queued, id, { key: id }),
    ]);
    const answers = await Promise.all(sent);
    expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 202));
    expect(answers.map(({ outcome }) => outcome)).toContain('queued');
    await house.sql('DROP TRIGGER slow ON tidings.entry');
    await client.waitFor(() => taskIds(client.frames).length >= 4, { timeoutMs: 40_000 });
    await nothingWaits();
    await eventually(async () => expect((await publish(direct, 'end')).outcome).toBe('delivered'), {
      timeoutMs: 20_000,
      everyMs: 200,
    });
    await client.waitFor(() => taskIds(client.frames).includes('end'), { timeoutMs: 20_000 });
    const got = taskIds(client.frames).filter((id) => id !== 'end');
    expect(got.sort()).toEqual(['first', 'slow-1', 'slow-2', 'slow-3']);
  }, 90_000);

  it('answers truthfully when a job is cancelled whose append is late', async () => {
    const instance = await house.start({ roles: ['api'] });
    const client = await instance.stream('ada');
    await publish(instance, 'first');
    await slowDown('slow', 4_000);
    const slowly = publish(instance, 'slow');
    await eventually(async () =>
      expect(await house.sql("SELECT FROM pg_stat_activity WHERE wait_event = 'PgSleep'")).toHaveLength(1),
    );
    // It has to wait for the transaction of the other one, and is withdrawn.
    const [slow, waiting] = await Promise.all([slowly, publish(instance, 'waiting')]);
    expect([slow.outcome, waiting.outcome]).toEqual(['queued', 'queued']);
    const [late, withdrawn] = await Promise.all([cancel(instance, slow.id), cancel(instance, waiting.id)]);
    expect([late.status, withdrawn.status]).toEqual([409, 200]);
    expect((await cancel(instance, waiting.id)).status).toBe(404);
    const worker = await house.start({ roles: ['worker'] });
    await nothingWaits();
    await worker.close();
    await publish(instance, 'end');
    await client.waitFor(() => taskIds(client.frames).includes('end'), { timeoutMs: 20_000 });
    expect(taskIds(client.frames)).toEqual(['first', 'slow', 'end']);
  }, 60_000);

  it('delivers directly while a broadcast is appended', async () => {
    const instance = await house.start();
    await publish(instance, 'first');
    const recipients = numbered(20_000, 'many-');
    const broadcast = instance.app
      .get(TidingsService)
      .notifyMany(taskCompleted, recipients, { key: 'b', data: { ...task('all'), status: 'succeeded' } });
    const outcomes: (string | undefined)[] = [];
    const appended = async (): Promise<number> => {
      const [row] = await house.sql<{ n: number }>('SELECT count(*)::int AS n FROM tidings.dedupe_key');
      return row!.n;
    };
    while ((await appended()) < 20_000) outcomes.push((await publish(instance, 'meanwhile')).outcome);
    await broadcast;
    expect(outcomes.length).toBeGreaterThan(3);
    // On a busy machine one or another takes longer than a second. If all waited behind the broadcast, none would be in time.
    const direct = outcomes.filter((outcome) => outcome === 'delivered');
    expect(direct.length).toBeGreaterThan(outcomes.length / 2);
  }, 90_000);

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

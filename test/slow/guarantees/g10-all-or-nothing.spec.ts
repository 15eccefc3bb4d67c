import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { dirname } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from '@jest/globals';
import pg from 'pg';
import { taskCompleted } from '../../../src/types/shipped/index.js';
import { TidingsService } from '../../../src/module/tidings.service.js';
import { eventually } from '../../support/eventually.js';
import { buildService } from '../../support/service.js';
import { House, onBothBackends, taskIds, type Instance } from '../../guarantees/house.js';

const CHILD = new URL('../../jobs/outbox/outbox-child.mjs', import.meta.url).pathname;

type Step = 'before-commit' | 'after-commit' | 'before-append' | 'after-append';

onBothBackends('G10: all or nothing', (backend) => {
  let built: string;
  let house: House;
  let api: Instance;
  let worker: Instance | null = null;

  beforeAll(async () => {
    built = dirname(await buildService());
    house = await House.open(backend);
    // Without a worker nothing leaves the outbox but by the process that is killed.
    api = await house.start({ roles: ['api'] });
    await house.sql('CREATE TABLE orders (id text PRIMARY KEY)');
  }, 180_000);

  beforeEach(() => house.sql('TRUNCATE orders'));

  afterEach(async () => {
    await worker?.close();
    worker = null;
  });

  afterAll(() => house?.close(), 30_000);

  async function dieAt(step: Step, taskId = ''): Promise<void> {
    const args = [step, built, house.databaseUrl, house.redis?.url ?? '', taskId];
    const child = spawn(process.execPath, [CHILD, ...args], { stdio: ['ignore', 'inherit', 'inherit'] });
    const impatient = setTimeout(() => child.kill('SIGABRT'), 45_000);
    const [, signal] = (await once(child, 'exit')) as [number | null, string | null];
    clearTimeout(impatient);
    expect(signal).toBe('SIGKILL');
  }

  async function commit(taskId: string): Promise<void> {
    const client = new pg.Client(house.databaseUrl);
    await client.connect();
    await client.query('BEGIN');
    await api.app.get(TidingsService, { strict: false }).notify(taskCompleted, {
      to: 'ada',
      data: { taskId, title: `Task ${taskId}`, status: 'succeeded' },
      tx: client,
    });
    await client.query('COMMIT');
    await client.end();
  }

  async function rows(): Promise<number> {
    const [row] = await house.sql<{ count: number }>('SELECT count(*)::integer AS count FROM tidings.outbox');
    return row!.count;
  }

  /** How often the task has arrived when everything that was there has been delivered. */
  async function deliveries(taskId: string): Promise<number> {
    const client = await api.stream('ada', { after: '0' });
    worker = await house.start({ roles: ['worker'] });
    await eventually(async () => expect(await rows()).toBe(0), { timeoutMs: 20_000 });
    const queue = house.queue();
    await eventually(
      async () => expect(await queue.getJobCountByTypes('waiting', 'active', 'delayed')).toBe(0),
      { timeoutMs: 40_000, everyMs: 100 },
    );
    await house.add('ada', `after ${taskId}`);
    await client.waitFor(() => taskIds(client.frames).includes(`after ${taskId}`), { timeoutMs: 20_000 });
    return taskIds(client.frames).filter((id) => id === taskId).length;
  }

  it('sends nothing for a transaction whose process is killed before the commit', async () => {
    await dieAt('before-commit', 'lost');
    await eventually(async () => {
      // Once the server has noticed that the client is gone.
      const open = await house.sql("SELECT FROM pg_stat_activity WHERE state = 'idle in transaction'");
      expect(open).toHaveLength(0);
    });
    expect(await house.sql('SELECT id FROM orders')).toEqual([]);
    expect(await rows()).toBe(0);
    expect(await deliveries('lost')).toBe(0);
  }, 90_000);

  it('delivers once what was committed by a process that is killed the next moment', async () => {
    await dieAt('after-commit', 'kept');
    expect(await house.sql('SELECT id FROM orders')).toEqual([{ id: 'kept' }]);
    expect(await rows()).toBe(1);
    expect(await deliveries('kept')).toBe(1);
  }, 90_000);

  it('delivers once when the relay is killed with the row in its hands, before the log has it', async () => {
    await commit('held');
    await dieAt('before-append');
    expect(await rows()).toBe(1);
    expect(await deliveries('held')).toBe(1);
  }, 90_000);

  it('delivers once when the relay is killed after the log has the entry and before the row is gone', async () => {
    await commit('twice');
    await dieAt('after-append');
    expect(await rows()).toBe(1);
    expect(await house.sql("SELECT FROM tidings.entry WHERE data ->> 'taskId' = 'twice'")).toHaveLength(1);
    expect(await deliveries('twice')).toBe(1);
  }, 90_000);
});

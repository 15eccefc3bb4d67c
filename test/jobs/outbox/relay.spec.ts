import { randomUUID } from 'node:crypto';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import pg from 'pg';
import { taskCompleted } from '../../../src/types/shipped/index.js';
import { TidingsService } from '../../../src/module/tidings.service.js';
import { House, onBothBackends, task, taskIds, untilTasks, type Instance } from '../../guarantees/house.js';
import { eventually } from '../../support/eventually.js';
import type { SseClient } from '../../support/sse-client.js';
import { describeWith } from '../../support/tools.js';

let recipients = 0;

onBothBackends('The outbox', (backend) => {
  let house: House;
  let instance: Instance;
  let tidings: TidingsService;
  let ada: string;
  let client: SseClient;

  beforeAll(async () => {
    house = await House.open(backend);
    instance = await house.start();
    // Two relays share the work in all of these tests.
    await house.start({ roles: ['worker'] });
    tidings = instance.app.get(TidingsService, { strict: false });
  }, 60_000);

  afterAll(() => house?.close(), 30_000);

  afterEach(async () => {
    await house.sql('TRUNCATE tidings.outbox');
  });

  async function follow(): Promise<void> {
    ada = `ada-${backend}-${(recipients += 1)}`;
    client = await instance.stream(ada);
  }

  function insert(taskId: string, more: Record<string, unknown> = {}): Promise<unknown> {
    const row = { type: 'task-completed', recipients: [ada], data: task(taskId), ...more };
    const names = Object.keys(row);
    return house.sql(
      `INSERT INTO tidings.outbox (${names.join(', ')}) VALUES (${names.map((_, i) => `$${i + 1}`).join(', ')})`,
      Object.values(row),
    );
  }

  it('relays rows of plain SQL and of triggers, woken by their commit', async () => {
    await follow();
    await house.sql(`
      CREATE TABLE IF NOT EXISTS public.shop_order (id text, customer text);
      CREATE OR REPLACE FUNCTION public.tell() RETURNS trigger LANGUAGE plpgsql AS $$
      BEGIN
        INSERT INTO tidings.outbox (type, recipients, data) VALUES ('task-completed', ARRAY[NEW.customer],
          json_build_object('taskId', NEW.id, 'title', 'Order ' || NEW.id, 'status', 'succeeded'));
        RETURN NULL;
      END $$;
      CREATE OR REPLACE TRIGGER tell AFTER INSERT ON public.shop_order FOR EACH ROW EXECUTE FUNCTION public.tell()`);
    await insert('plain');
    await house.sql('INSERT INTO public.shop_order VALUES ($1, $2)', ['trigger', ada]);
    const startedAt = Date.now();
    expect((await untilTasks(client, 2)).sort()).toEqual(['plain', 'trigger']);
    expect(Date.now() - startedAt).toBeLessThan(10_000);
    await eventually(async () => expect(await house.sql('SELECT FROM tidings.outbox')).toEqual([]));
  });

  it('keeps an invalid row with the error in its columns, and delivers the rows beside it', async () => {
    await follow();
    await house.sql(
      `INSERT INTO tidings.outbox (type, recipients, data, deliver_at) VALUES
         ('Bad Type', ARRAY['a'], '{}', NULL), ('task-completed', NULL, '{}', NULL),
         ('task-completed', ARRAY['a', NULL], '{"taskId": 7}', 'infinity'), (NULL, NULL, NULL, NULL),
         ('task-completed', ARRAY[$1], $2, NULL)`,
      [ada, JSON.stringify(task('good'))],
    );
    expect(await untilTasks(client, 1)).toEqual(['good']);
    const bad = await eventually(async () => {
      const rows = await house.sql<{ problem: string } & pg.QueryResultRow>(
        'SELECT problem FROM tidings.outbox WHERE failed_at IS NOT NULL ORDER BY problem',
      );
      expect(rows).toHaveLength(4);
      return rows.map(({ problem }) => problem);
    });
    expect(bad).toEqual([
      expect.stringContaining('recipients must be a string, not missing'),
      expect.stringMatching(/recipients\[1\] must be a string, not null; deliver_at must be an ISO 8601/),
      expect.stringContaining('type must be a string, not missing'),
      expect.stringContaining('type must match'),
    ]);
  });

  it('retries a corrected row', async () => {
    await follow();
    await insert('mended', { dedupe_key: '' });
    await eventually(async () => {
      expect(await house.sql('SELECT FROM tidings.outbox WHERE failed_at IS NOT NULL')).toHaveLength(1);
    });
    await house.sql("UPDATE tidings.outbox SET dedupe_key = 'k', failed_at = NULL");
    expect(await untilTasks(client, 1)).toEqual(['mended']);
  });

  it('delivers a row only once when it is relayed again, and leaves nothing on the queue', async () => {
    await follow();
    const row = { id: randomUUID(), created_at: new Date() };
    await insert('again', row);
    await untilTasks(client, 1);
    await eventually(async () => expect(await house.sql('SELECT FROM tidings.outbox')).toEqual([]));
    await insert('again', row);
    await eventually(async () => expect(await house.sql('SELECT FROM tidings.outbox')).toEqual([]));
    await insert('end');
    await client.waitFor(() => taskIds(client.frames).includes('end'));
    expect(taskIds(client.frames)).toEqual(['again', 'end']);
    expect((await house.queue().getJob(`outbox-${row.id}`)) ?? null).toBeNull();
    expect(await tidings.cancel(`outbox-${row.id}`)).toBe('done');
  });

  it('leaves a row to the queue whose type is not declared here', async () => {
    await follow();
    await insert('unknown', { type: 'of-another-worker' });
    const job = await eventually(async () => {
      const [found] = await house.queue().getJobs(['waiting', 'active', 'delayed']);
      expect(found?.name).toBe('of-another-worker');
      return found!;
    });
    // The worker looks at it again and again.
    await eventually(async () => expect(await tidings.cancel(job.id!)).toBe('cancelled'));
  });

  it('relays many rows once each with two relays', async () => {
    await follow();
    await house.sql(
      `INSERT INTO tidings.outbox (type, recipients, data)
       SELECT 'task-completed', ARRAY[$1], json_build_object('taskId', n::text, 'title', 't', 'status', 'succeeded')
         FROM generate_series(1, 1000) n`,
      [ada],
    );
    const received = await untilTasks(client, 1_000, 30_000);
    expect(new Set(received).size).toBe(1_000);
    expect(received).toHaveLength(1_000);
  }, 60_000);

  it('holds a row back until it is due, and cancels it there', async () => {
    await follow();
    const deliverAt = new Date(Date.now() + 3_600_000);
    await insert('later', { deliver_at: deliverAt });
    const job = await eventually(async () => {
      const [delayed] = await house.queue().getDelayed();
      expect(delayed?.id).toMatch(/^outbox-/);
      return delayed!;
    });
    expect(job.timestamp + job.delay).toBe(deliverAt.getTime());
    expect(await tidings.cancel(job.id!)).toBe('cancelled');
    expect(await house.queue().getDelayed()).toEqual([]);
  });

  it('cancels a notification whose row is not relayed yet', async () => {
    await follow();
    const holder = new pg.Client(house.databaseUrl);
    await holder.connect();
    try {
      await holder.query('BEGIN');
      const { jobId } = await tidings.notify(taskCompleted, {
        to: ada,
        data: { taskId: 'no', title: 'no', status: 'succeeded' },
        tx: holder,
      });
      // Refused for now, so that no relay takes it.
      await holder.query('UPDATE tidings.outbox SET failed_at = now() WHERE id = $1', [jobId.slice(7)]);
      await holder.query('COMMIT');
      expect(await tidings.cancel(jobId)).toBe('cancelled');
      expect(await tidings.cancel(jobId)).toBe('done');
    } finally {
      await holder.end();
    }
    expect(await house.sql('SELECT FROM tidings.outbox')).toEqual([]);
  });
});

describe('The outbox (Postgres) with a queue that refuses one job for its content', () => {
  it('keeps that row with the error, and delivers the others of its batch', async () => {
    const house = await House.open('Postgres');
    try {
      const api = await house.start({ roles: ['api'] });
      const client = await api.stream('ada');
      await house.sql("ALTER TABLE bullmq.job ADD CHECK (data::text NOT LIKE '%poison%')");
      const deliverAt = new Date(Date.now() + 3_000);
      for (const id of ['one', 'poison', 'two']) {
        await house.sql(
          `INSERT INTO tidings.outbox (type, recipients, data, deliver_at)
           VALUES ('task-completed', '{ada}', $1, $2)`,
          [JSON.stringify(task(id)), deliverAt],
        );
      }
      await house.start({ roles: ['worker'] });
      expect((await untilTasks(client, 2)).sort()).toEqual(['one', 'two']);
      const [row] = await eventually(async () => {
        const rows = await house.sql<{ problem: string } & pg.QueryResultRow>(
          'SELECT problem FROM tidings.outbox WHERE failed_at IS NOT NULL',
        );
        expect(rows).toHaveLength(1);
        return rows;
      });
      expect(row!.problem).toMatch(/check constraint/);
    } finally {
      await house.close();
    }
  }, 60_000);
});

describeWith('redis-server', 'The outbox and an unavailable queue', () => {
  it('delivers what is due, keeps the rows that are due later, and relays them when the queue is back', async () => {
    const house = await House.open('Redis');
    try {
      const instance = await house.start();
      const client = await instance.stream('ada');
      await house.redis!.stop();
      const tidings = instance.app.get(TidingsService, { strict: false });
      const host = new pg.Client(house.databaseUrl);
      await host.connect();
      await host.query('BEGIN');
      const data = (taskId: string) => ({ taskId, title: taskId, status: 'succeeded' }) as const;
      const deliverAt = new Date(Date.now() + 1_000);
      await tidings.notify(taskCompleted, { to: 'ada', data: data('later'), deliverAt, tx: host });
      await tidings.notify(taskCompleted, { to: 'ada', data: data('now'), tx: host });
      await host.query('COMMIT');
      await host.end();
      expect(await untilTasks(client, 1, 20_000)).toEqual(['now']);
      await eventually(async () =>
        expect(await house.sql('SELECT FROM tidings.outbox WHERE failed_at IS NULL')).toHaveLength(1),
      );
      await house.redis!.start();
      expect(await untilTasks(client, 2, 40_000)).toEqual(['now', 'later']);
      await eventually(async () => expect(await house.sql('SELECT FROM tidings.outbox')).toEqual([]));
    } finally {
      await house.close();
    }
  }, 90_000);
});

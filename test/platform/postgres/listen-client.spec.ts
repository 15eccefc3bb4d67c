import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { Logger } from '@nestjs/common';
import pg from 'pg';
import { Outage } from '../../../src/platform/logging/outage.js';
import { ListenClient } from '../../../src/platform/postgres/listen-client.js';
import { eventually } from '../../support/eventually.js';
import { createTestDatabase, type TestDatabase } from '../../support/postgres.js';

describe('The LISTEN connection', () => {
  let database: TestDatabase;
  let other: pg.Client;
  let client: ListenClient;

  beforeAll(async () => {
    Logger.overrideLogger(false);
    database = await createTestDatabase();
    other = new pg.Client(database.url);
    await other.connect();
  });

  afterEach(() => client.close());

  afterAll(async () => {
    await other?.end();
    await database?.drop();
    Logger.overrideLogger(console);
  });

  function open(connectionString = database.url): ListenClient {
    client = new ListenClient({ connectionString }, new Outage(new Logger('Test'), 'The LISTEN connection'));
    return client;
  }

  /** Listens, and keeps a record of what the channel is told. */
  function record(channel: string): string[] {
    const events: string[] = [];
    client.listen(channel, {
      payload: (payload) => events.push(payload),
      up: () => events.push('up'),
      down: () => events.push('down'),
    });
    return events;
  }

  async function backends(): Promise<number[]> {
    const { rows } = await other.query<{ pid: number }>(
      `SELECT pid FROM pg_stat_activity WHERE application_name = 'tidings listen' AND datname = current_database()`,
    );
    return rows.map(({ pid }) => pid);
  }

  const notify = (channel: string, payload: string): Promise<unknown> =>
    other.query('SELECT pg_notify($1, $2)', [channel, payload]);

  it('is not opened before something is listened to', async () => {
    open();
    await client.close();
    expect(await backends()).toEqual([]);
    expect(record('late')).toEqual([]);
    expect(await backends()).toEqual([]);
  });

  it('serves several channels, also ones added later, with one backend', async () => {
    open();
    const one = record('one');
    const two = record('Two "quoted".outbox');
    await eventually(() => expect([one, two]).toEqual([['up'], ['up']]));
    const three = record('three');
    await eventually(() => expect(three).toEqual(['up']));
    await notify('one', 'a');
    await notify('Two "quoted".outbox', 'b');
    await notify('three', 'c');
    await notify('four', 'd');
    await eventually(() =>
      expect([one, two, three]).toEqual([
        ['up', 'a'],
        ['up', 'b'],
        ['up', 'c'],
      ]),
    );
    expect(await backends()).toHaveLength(1);
  });

  it('acknowledges a channel that is added while it connects', async () => {
    open();
    const [one, two] = [record('one'), record('two')];
    const added: string[][] = [];
    client.listen('first', { payload: () => {}, up: () => added.push(record('second')) });
    await eventually(() => expect([one, two, ...added]).toEqual([['up'], ['up'], ['up']]));
  });

  it('listens on every channel again after its backend is terminated', async () => {
    open();
    const [one, two] = [record('one'), record('two')];
    await eventually(() => expect([one, two]).toEqual([['up'], ['up']]));
    const [pid] = await backends();
    await other.query('SELECT pg_terminate_backend($1, 5000)', [pid]);
    await eventually(() =>
      expect([one.slice(-2), two.slice(-2)]).toEqual([
        ['down', 'up'],
        ['down', 'up'],
      ]),
    );
    await notify('one', 'a');
    await notify('two', 'b');
    await eventually(() => expect([one.at(-1), two.at(-1)]).toEqual(['a', 'b']));
    expect(await backends()).toEqual([expect.any(Number)]);
    expect(await backends()).not.toContain(pid);
  });

  it('leaves no backend behind when it is closed, in whatever state', async () => {
    open();
    const connecting = record('one');
    await client.close();
    open();
    const listening = record('one');
    await eventually(() => expect(listening).toEqual(['up']));
    await client.close();
    await eventually(async () => expect(await backends()).toEqual([]));
    expect(connecting).toEqual([]);
  });
});

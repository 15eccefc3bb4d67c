import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { SseClient, SseFrame } from '../support/sse-client.js';
import { eventually } from '../support/eventually.js';
import { House, numbered, onBothBackends, task, taskIds, untilTasks } from './house.js';

async function resetOf(
  client: SseClient,
): Promise<{ reason: string; oldest: string; head: string; frame: SseFrame }> {
  const frame = await client.waitFor(({ event }) => event === 'feed.reset', { timeoutMs: 20_000 });
  return { ...(JSON.parse(frame.data!) as { reason: string; oldest: string; head: string }), frame };
}

onBothBackends('G6: a cursor that cannot be honoured gets a feed.reset with the reason', (backend) => {
  let house: House;

  beforeEach(async () => {
    house = await House.open(backend);
  });

  afterEach(() => house.close());

  it('reports malformed, epoch, ahead and expired, and continues from the oldest kept entry', async () => {
    const instance = await house.start();
    const first = await instance.stream('ada');
    for (const id of numbered(6)) await house.add('ada', id);
    await untilTasks(first, 6);
    const epoch = first.frames[0]!.id!.split('-')[0]!;
    await house.sql(`DELETE FROM tidings.entry WHERE seq <= 3`);
    await house.sql(`UPDATE tidings.feed SET floor = 3, kept = 3, unread = 3, unseen = 3 WHERE head > 3`);
    const cases: [cursor: string, reason: string][] = [
      ['nonsense', 'malformed'],
      [`${epoch}-`, 'malformed'],
      [`${epoch}-01`, 'malformed'],
      [`${epoch}--1`, 'malformed'],
      [`${epoch}-1 OR 1=1`, 'malformed'],
      ['0123456789-5', 'epoch'],
      [`${epoch}-7`, 'ahead'],
      [`${epoch}-9007199254740993`, 'ahead'],
      [`${epoch}-99999999999999999999`, 'ahead'],
      [`${epoch}-2`, 'expired'],
    ];
    for (const [cursor, reason] of cases) {
      const client = await instance.stream('ada', { after: cursor });
      const { frame, ...reset } = await resetOf(client);
      expect([cursor, reset]).toEqual([
        cursor,
        { type: 'feed.reset', reason, oldest: `${epoch}-3`, head: `${epoch}-6` },
      ]);
      expect(frame.id).toBe(`${epoch}-3`);
      expect((await untilTasks(client, 3)).length).toBe(3);
      // Whoever is cut off between the two comes back as it came, and is told again.
      const [ready] = client.frames;
      expect([ready!.event, JSON.parse(ready!.data!)]).toMatchObject([
        'feed.ready',
        { cursor: `${epoch}-3` },
      ]);
      expect(ready!.id).toBe(reason === 'malformed' ? 'malformed' : cursor);
      const again = await instance.stream('ada', { after: ready!.id! });
      expect((await resetOf(again)).reason).toBe(reason);
      await again.close();
      await client.close();
    }
    const atFloor = await instance.stream('ada', { after: `${epoch}-3` });
    await untilTasks(atFloor, 3);
    expect(atFloor.frames.some(({ event }) => event === 'feed.reset')).toBe(false);
  });

  it('detects a cursor of another recipient by its epoch, and shows nothing of theirs', async () => {
    const instance = await house.start();
    await house.add('grace', 'for grace');
    const grace = await instance.stream('grace', { after: '0' });
    await untilTasks(grace, 1);
    const ada = await instance.stream('ada', { after: grace.frames.at(-1)!.id! });
    expect((await resetOf(ada)).reason).toBe('epoch');
    expect(taskIds(ada.frames)).toEqual([]);
  });

  it('reports expired in mid-stream when the retention overtakes a slow reader', async () => {
    const instance = await house.start();
    const client = await instance.stream('ada');
    client.pause();
    const filler = 'x'.repeat(60_000);
    const big = (id: string) => ({
      name: 'task-completed',
      data: { to: 'ada', data: { ...task(id), title: filler } },
    });
    for (let batch = 0; batch < 6; batch += 1) {
      await house.queue().addBulk(numbered(60, `${batch}-`).map(big));
    }
    await eventually(async () => (await house.queue().getCompletedCount()) === 360, { timeoutMs: 40_000 });
    await house.sql(`DELETE FROM tidings.entry WHERE seq <= 350`);
    await house.sql(
      `UPDATE tidings.feed SET floor = 350, kept = 10, unread = 10, unseen = 10 WHERE head > 350`,
    );
    client.resume();
    expect((await resetOf(client)).reason).toBe('expired');
    await client.waitFor(({ id }) => id !== null && id.endsWith('-360'), { timeoutMs: 20_000 });
    // Before the reset without a hole, and after it from the oldest kept one.
    const at = client.frames.findIndex(({ event }) => event === 'feed.reset');
    const place = ({ id }: SseFrame) => Number(id!.split('-')[1]);
    const before = client.frames
      .slice(1, at)
      .filter(({ id }) => id !== null)
      .map(place);
    expect(before).toEqual(Array.from({ length: before.length }, (_, index) => index + 1));
    const after = client.frames
      .slice(at + 1)
      .filter(({ id }) => id !== null)
      .map(place);
    expect(after).toEqual(Array.from({ length: 10 }, (_, index) => 351 + index));
  }, 90_000);

  it('reports epoch in mid-stream when the feed gets a new one', async () => {
    const instance = await house.start();
    const client = await instance.stream('ada');
    await house.add('ada', 'old');
    await untilTasks(client, 1);
    await house.sql('UPDATE tidings.feed SET epoch = DEFAULT');
    const { reason, oldest } = await resetOf(client);
    expect(reason).toBe('epoch');
    expect(oldest).toMatch(/-0$/);
    await house.add('ada', 'new');
    expect(await untilTasks(client, 3)).toEqual(['old', 'old', 'new']);
  });

  it('reports epoch to a client that returns to an erased and recreated feed', async () => {
    const instance = await house.start();
    const client = await instance.stream('ada');
    await house.add('ada', 'old');
    await untilTasks(client, 1);
    await house.sql(
      `WITH gone AS (DELETE FROM tidings.feed RETURNING id) DELETE FROM tidings.entry USING gone WHERE feed_id = gone.id`,
    );
    // Whoever is erased may not come back with every credential: the stream ends, and the next one needs a good one.
    const closing = await client.waitFor(({ event }) => event === 'feed.closing', { timeoutMs: 20_000 });
    expect(JSON.parse(closing.data!)).toMatchObject({ reason: 'revoked' });
    const again = await instance.stream('ada', { after: closing.id! });
    const { reason, oldest } = await resetOf(again);
    expect(reason).toBe('epoch');
    expect(oldest).toMatch(/-0$/);
    await house.add('ada', 'new');
    expect(await untilTasks(again, 1)).toEqual(['new']);
  });
});

onBothBackends('G6: a restored database', (backend) => {
  it('resets connected clients although their numbers are given out again', async () => {
    const house = await House.open(backend, { ownPostgres: true });
    try {
      const instance = await house.start();
      const client = await instance.stream('ada');
      await house.add('ada', 'kept');
      await untilTasks(client, 1);
      await house.postgres!.stop('fast');
      const copy = await house.postgres!.copy();
      await house.postgres!.start();
      await eventually(() => house.add('ada', 'lost'), { timeoutMs: 20_000 });
      await untilTasks(client, 2, 20_000);
      const lostCursor = client.frames.filter(({ event }) => event === 'task-completed').at(-1)!.id!;

      await house.postgres!.stop('fast');
      await house.postgres!.restore(copy);
      await house.postgres!.start();
      await eventually(() => house.add('ada', 'after'), { timeoutMs: 20_000 });
      expect((await resetOf(client)).reason).toBe('epoch');
      await client.waitFor(() => taskIds(client.frames).includes('after'), { timeoutMs: 30_000 });
      const [epoch] = client.frames.at(-1)!.id!.split('-');
      expect(lostCursor.startsWith(`${epoch}-`)).toBe(false);
    } finally {
      await house.close();
    }
  }, 90_000);
});

describe('G6: an outage of the database when a stream begins', () => {
  it('ends the stream cleanly and echoes the cursor of the client', async () => {
    const house = await House.open('Postgres', { ownPostgres: true });
    try {
      const instance = await house.start();
      const before = await instance.stream('ada');
      const cursor = before.frames[0]!.id!;
      await before.close();
      await house.postgres!.stop('immediate');
      for (const [after, echoed] of [
        [cursor, cursor],
        [undefined, ''],
      ] as const) {
        const client = await eventually(() => instance.streamAnyhow('ada', after));
        expect(client.status).toBe(200);
        expect(await client.closed).toBe('ended');
        const closing = client.events.at(-1)!;
        expect(closing).toMatchObject({ event: 'feed.closing', id: echoed });
        expect(closing.retry).toBeGreaterThan(0);
        expect(JSON.parse(closing.data!)).toEqual({
          type: 'feed.closing',
          reason: 'unavailable',
          retryInMs: closing.retry,
        });
      }
      await house.postgres!.start();
    } finally {
      await house.close();
    }
  }, 60_000);
});

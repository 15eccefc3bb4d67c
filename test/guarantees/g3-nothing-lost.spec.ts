import { afterEach, beforeEach, expect, it } from '@jest/globals';
import pg from 'pg';
import type { Announcement, LiveBus } from '../../src/contract/ports/live.js';
import { LIVE_BUS } from '../../src/contract/tokens.js';
import { eventually } from '../support/eventually.js';
import { Follower } from './follower.js';
import { House, numbered, onBothBackends, seqs, taskIds, untilTasks, type Instance } from './house.js';

onBothBackends('G3: each later entry is received, whatever fails in between', (backend) => {
  let house: House;

  beforeEach(async () => {
    house = await House.open(backend);
  });

  afterEach(() => house.close());

  it('replays what was missed after a restart, without a new append', async () => {
    const first = await house.start();
    const before = await first.stream('ada');
    await house.add('ada', 'seen');
    await untilTasks(before, 1);
    const { lastEventId } = before.frames.at(-1)!;
    await before.close();
    await house.addMany('ada', ['missed 1', 'missed 2']);
    await eventually(async () => (await entriesOf('ada')) === 3);
    await first.close();

    const second = await house.start();
    const after = await second.stream('ada', { after: lastEventId });
    expect((await untilTasks(after, 2)).sort()).toEqual(['missed 1', 'missed 2']);
    expect(seqs(after.frames)).toEqual([2, 3]);
  });

  it('resumes from the cursor of feed.ready if it was cut off before the first entry', async () => {
    const instance = await house.start();
    const before = await instance.stream('ada');
    const { lastEventId } = before.frames.at(-1)!;
    await before.close();
    await house.add('ada', 'missed');
    const after = await instance.stream('ada', { after: lastEventId });
    expect(await untilTasks(after, 1)).toEqual(['missed']);
  });

  it('takes the header before the query, and the query where there is no header', async () => {
    const instance = await house.start();
    const client = await instance.stream('ada');
    for (const id of numbered(3)) {
      await house.add('ada', id);
      await untilTasks(client, Number(id) + 1);
    }
    const { epoch } = (
      await house.sql<{ epoch: string }>(`SELECT epoch FROM tidings.feed WHERE recipient = 'ada'`)
    )[0]!;
    const byHeader = await instance.stream('ada', { query: '?lastEventId=0', after: `${epoch}-2` });
    expect(await untilTasks(byHeader, 1)).toEqual(['2']);
    const byQuery = await instance.stream('ada', { query: `?lastEventId=${epoch}-1` });
    expect(await untilTasks(byQuery, 2)).toEqual(['1', '2']);
  });

  it('delivers entries appended during a long replay, once and in order', async () => {
    const instance = await house.start();
    await house.addMany('ada', numbered(700, 'old-'));
    await eventually(async () => (await entriesOf('ada')) === 700, { timeoutMs: 20_000 });
    const client = await instance.stream('ada', { after: '0' });
    await house.addMany('ada', numbered(100, 'new-'));
    await untilTasks(client, 800, 20_000);
    expect(seqs(client.frames)).toEqual(Array.from({ length: 800 }, (_, index) => index + 1));
  });

  it('heals from the log when the bus drops every third message', async () => {
    const instance = await house.start();
    dropAnnouncements(instance, (count) => count % 3 === 0);
    const client = await instance.stream('ada');
    for (const id of numbered(30)) await house.add('ada', id);
    await untilTasks(client, 30);
    expect(seqs(client.frames)).toEqual(Array.from({ length: 30 }, (_, index) => index + 1));
  });

  it('notices by the check of heads that the last message was lost', async () => {
    const instance = await house.start();
    const client = await instance.stream('ada');
    dropAnnouncements(instance, () => true);
    await house.add('ada', 'unannounced');
    expect(await untilTasks(client, 1)).toEqual(['unannounced']);
  });

  it('delivers to other feeds while one is locked for seconds, and to that one afterwards', async () => {
    const instance = await house.start({ worker: { concurrency: 10 } });
    const held = await instance.stream('held');
    const stranger = await instance.stream('stranger');
    const lock = new pg.Client(house.databaseUrl);
    await lock.connect();
    await lock.query('BEGIN');
    await lock.query(`SELECT FROM tidings.feed WHERE recipient = 'held' FOR UPDATE`);
    // More than the worker takes at a time: they must not fill it.
    await house.addMany('held', numbered(25));
    await house.addMany('stranger', numbered(50));
    await untilTasks(stranger, 50, 10_000);
    expect(taskIds(held.frames)).toEqual([]);
    await lock.query('ROLLBACK');
    await lock.end();
    expect((await untilTasks(held, 25, 25_000)).sort()).toEqual(numbered(25).sort());
  }, 60_000);

  it('delivers everything to clients that are cut off again and again, between two instances', async () => {
    const instances = [await house.start(), await house.start()];
    const followers = numbered(5).map(() => new Follower('ada', () => instances.map(({ origin }) => origin)));
    const ids = numbered(200);
    for (const [index, id] of ids.entries()) {
      await house.add('ada', id);
      if (index % 10 === 9) followers[((index / 10) % 5) | 0]!.cut();
    }
    await eventually(() => followers.every(({ all }) => all.length >= 200), { timeoutMs: 20_000 });
    await Promise.all(followers.map((follower) => follower.stop()));
    for (const follower of followers) {
      expect(follower.outOfOrder).toEqual([]);
      expect([...follower.received].sort()).toEqual([...ids].sort());
      expect(follower.control.filter((frame) => frame.startsWith('feed.reset'))).toEqual([]);
    }
  }, 60_000);

  async function entriesOf(recipient: string): Promise<number> {
    const [row] = await house.sql<{ n: number }>(
      `SELECT count(*)::integer AS n FROM tidings.entry e JOIN tidings.feed f ON f.id = e.feed_id WHERE recipient = $1`,
      [recipient],
    );
    return row!.n;
  }
});

/** Loses announcements of this instance on their way to the bus. */
function dropAnnouncements(instance: Instance, drop: (count: number) => boolean): void {
  const bus = instance.app.get<LiveBus>(LIVE_BUS, { strict: false });
  const announce = bus.announce.bind(bus);
  let count = 0;
  bus.announce = (announcements: readonly Announcement[]) =>
    announce(announcements.filter(() => !drop((count += 1))));
}

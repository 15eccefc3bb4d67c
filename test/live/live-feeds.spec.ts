import { execFile } from 'node:child_process';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { Logger } from '@nestjs/common';
import type { Announcement } from '../../src/contract/ports/live.js';
import type { FeedHead, FeedState } from '../../src/contract/ports/read.js';
import { LiveFeedsHub } from '../../src/live/live-feeds.js';
import { buildService } from '../support/service.js';
import { FakeBus } from './fake-bus.js';

const run = promisify(execFile);
const FEED = { tenant: '', recipient: 'ada' };

const state = (head: number, epoch = 'e1', feedId = '7'): FeedState => ({ feedId, epoch, head, floor: 0 });
const json = (seq: number, epoch = 'e1'): string => `{"type":"note","cursor":"${epoch}-${seq}"}`;
const message = (seq: number, epoch = 'e1'): Announcement => ({
  feed: FEED,
  epoch,
  seq,
  entry: { seq, type: 'note', json: json(seq, epoch) },
});
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

let bus: FakeBus;
let hub: LiveFeedsHub;
let heads: jest.Mock<(ids: readonly string[]) => Promise<FeedHead[]>>;
let changes: number;
const changed = (): void => void changes++;

function newHub(headCheckMs = 3_600_000): LiveFeedsHub {
  return new LiveFeedsHub(bus, { heads }, { headCheckMs });
}

beforeEach(() => {
  Logger.overrideLogger(false);
  bus = new FakeBus();
  heads = jest.fn((_ids: readonly string[]) => Promise.resolve<FeedHead[]>([]));
  hub = newHub();
  changes = 0;
});

afterEach(() => {
  hub.close();
  Logger.overrideLogger(console);
});

describe('Entries from the bus', () => {
  it('are returned in order and without holes, and wake a connection that is behind', async () => {
    const watch = await hub.watch(FEED, changed);
    watch.observe(state(41));
    expect(watch.behind('e1', 41)).toBe(false);

    bus.announce([message(42), message(43)]);

    expect(changes).toBe(2);
    expect(watch.behind('e1', 41)).toBe(true);
    expect(watch.next('e1', 41).map((entry) => entry.json)).toEqual([json(42), json(43)]);
    expect(watch.next('e1', 42).map((entry) => entry.seq)).toEqual([43]);
    expect(watch.next('e1', 43)).toEqual([]);
    expect(watch.behind('e1', 43)).toBe(false);
  });

  it('are not returned over a hole until a late message fills it', async () => {
    const watch = await hub.watch(FEED, changed);
    watch.observe(state(41));
    bus.announce([message(43)]);
    expect(watch.next('e1', 41)).toEqual([]);
    expect(watch.behind('e1', 41)).toBe(true);

    bus.announce([message(42)]);
    expect(watch.next('e1', 41).map((entry) => entry.seq)).toEqual([42, 43]);
  });

  it('come from memory again after a hole was healed from the log', async () => {
    const watch = await hub.watch(FEED, changed);
    watch.observe(state(41));
    bus.announce([message(43)]);
    watch.observe(state(43));
    bus.announce([message(44)]);
    expect(watch.next('e1', 43).map((entry) => entry.seq)).toEqual([44]);
  });

  it('wake nobody when they come twice or late', async () => {
    const watch = await hub.watch(FEED, changed);
    watch.observe(state(41));
    bus.announce([message(42), message(42), message(40)]);
    expect(changes).toBe(1);
    expect(watch.next('e1', 41).map((entry) => entry.seq)).toEqual([42]);
    expect(watch.behind('e1', 42)).toBe(false);
  });

  it('are read from the log when only their head was sent', async () => {
    const watch = await hub.watch(FEED, changed);
    watch.observe(state(41));
    bus.announce([{ ...message(42), entry: null }]);
    expect(watch.next('e1', 41)).toEqual([]);
    expect(watch.behind('e1', 41)).toBe(true);
  });

  it('are kept for the newest only, within a bound', async () => {
    const watch = await hub.watch(FEED, changed);
    watch.observe(state(0));
    for (let seq = 1; seq <= 200; seq++) bus.announce([message(seq)]);
    expect(watch.next('e1', 0)).toEqual([]);
    expect(watch.next('e1', 136)).toHaveLength(64);
    const big = {
      ...message(201),
      entry: { seq: 201, type: 'note', json: `{"x":"${'x'.repeat(80 * 1024 - 300)}"}` },
    };
    bus.announce([big, message(202)]);
    expect(watch.next('e1', 199)).toEqual([]);
    expect(watch.next('e1', 200).map((entry) => entry.seq)).toEqual([201, 202]);
  });

  it('never exceed the bytes of a page at once, in any script (G7)', async () => {
    const watch = await hub.watch(FEED, changed);
    watch.observe(state(0));
    const json = `{"x":"${'語'.repeat(5_000)}"}`;
    for (let seq = 1; seq <= 64; seq++)
      bus.announce([{ ...message(seq), entry: { seq, type: 'note', json } }]);
    const given = Array.from({ length: 64 }, (_, after) => watch.next('e1', after));
    const bytes = given.map((entries) =>
      entries.reduce((sum, { json }) => sum + Buffer.byteLength(json!), 0),
    );
    expect(Math.max(...bytes)).toBeGreaterThan(128 * 1024);
    expect(Math.max(...bytes)).toBeLessThanOrEqual(256 * 1024);
  });

  it('are forgotten when nothing new came between two checks', async () => {
    const watch = await hub.watch(FEED, changed);
    watch.observe(state(41));
    heads.mockResolvedValue([{ feedId: '7', epoch: 'e1', head: 42 }]);
    bus.announce([message(42)]);
    bus.reconnect();
    await turn();
    expect(watch.next('e1', 41)).toHaveLength(1);
    bus.reconnect();
    await turn();
    expect(watch.next('e1', 41)).toEqual([]);
    expect(watch.behind('e1', 41)).toBe(true);
  });
});

describe('Heads read from the log', () => {
  it('keep an announcement that came while the read was under way', async () => {
    const watch = await hub.watch(FEED, changed);
    watch.observe(state(41));
    // A read begins here, with a snapshot at 41; 42 is committed and announced before its answer is in.
    bus.announce([message(42)]);
    watch.observe(state(41));
    expect(watch.behind('e1', 41)).toBe(true);
    expect(watch.next('e1', 41)).toHaveLength(1);
  });

  it('end a false announcement within two reads, for every connection', async () => {
    const watch = await hub.watch(FEED, changed);
    const other = await hub.watch(FEED, changed);
    watch.observe(state(41));
    other.observe(state(41));
    bus.announce([{ ...message(99), entry: null }]);
    watch.observe(state(41));
    watch.observe(state(41));
    expect(watch.behind('e1', 41)).toBe(false);
    expect(other.behind('e1', 41)).toBe(false);
  });

  it('end an announcement of another epoch, and leave the memory intact', async () => {
    const watch = await hub.watch(FEED, changed);
    watch.observe(state(41));
    bus.announce([message(42), message(17, 'old')]);
    expect(changes).toBe(2);
    expect(watch.behind('e1', 42)).toBe(true);
    watch.observe(state(42));
    watch.observe(state(42));
    expect(watch.behind('e1', 42)).toBe(false);
    expect(watch.next('e1', 41)).toHaveLength(1);
    expect(watch.next('old', 16)).toEqual([]);
  });

  it('begin a new epoch, and return nothing of the former one', async () => {
    const watch = await hub.watch(FEED, changed);
    const other = await hub.watch(FEED, changed);
    watch.observe(state(41));
    other.observe(state(41));
    bus.announce([message(42)]);
    changes = 0;
    watch.observe(state(42, 'e2'));
    watch.observe(state(42, 'e2'));
    expect(changes).toBeGreaterThan(0);
    expect(watch.next('e1', 41)).toEqual([]);
    expect(watch.behind('e2', 42)).toBe(false);
    expect(other.behind('e1', 42)).toBe(true);
    bus.announce([message(43, 'e2')]);
    expect(watch.next('e2', 42)).toHaveLength(1);
  });

  it('lower the head of a restored feed, so that a cursor above it is behind', async () => {
    const watch = await hub.watch(FEED, changed);
    const other = await hub.watch(FEED, changed);
    watch.observe(state(41));
    watch.observe(state(41));
    changes = 0;
    watch.observe(state(30));
    expect(changes).toBe(1);
    expect(other.behind('e1', 41)).toBe(true);
    expect(watch.behind('e1', 30)).toBe(false);
  });

  it('stay when an older read of another connection arrives late', async () => {
    const watch = await hub.watch(FEED, changed);
    const late = await hub.watch(FEED, changed);
    late.observe(state(41));
    watch.observe(state(43));
    late.observe(state(42));
    expect(watch.behind('e1', 43)).toBe(false);
    expect(late.behind('e1', 42)).toBe(true);
  });

  it('are read once more when two reads crossed a change of epoch', async () => {
    const early = await hub.watch(FEED, changed);
    const late = await hub.watch(FEED, changed);
    early.observe(state(41));
    late.observe(state(41));
    // Both read: one before the epochs were given out anew, one after; the answer of the former comes last.
    early.observe(state(41, 'e2'));
    early.close();
    late.observe(state(41));
    expect(late.behind('e1', 41)).toBe(true);
    late.observe(state(41, 'e2'));
    expect(late.behind('e2', 41)).toBe(false);
  });
});

describe('The check of heads', () => {
  it('finds a lost last message, in one query for all feeds', async () => {
    hub.close();
    hub = newHub(20);
    const watches = await Promise.all(
      ['ada', 'bob', 'eve'].map((recipient) => hub.watch({ tenant: '', recipient }, changed)),
    );
    const asked = new Promise<readonly string[]>((resolve) => {
      heads.mockImplementation((ids) => {
        resolve(ids);
        return Promise.resolve(ids.map((id) => ({ feedId: id, epoch: 'e1', head: id === '2' ? 42 : 41 })));
      });
    });
    watches.forEach((watch, index) => watch.observe(state(41, 'e1', String(index + 1))));
    expect(await asked).toEqual(['1', '2', '3']);
    await turn();
    expect(changes).toBe(1);
    expect(watches.map((watch) => watch.behind('e1', 41))).toEqual([false, true, false]);
  });

  it('asks for 1,000 feeds at a time, at once when the bus is back', async () => {
    for (let id = 1; id <= 2_500; id++) {
      (await hub.watch({ tenant: '', recipient: `user ${id}` }, changed)).observe(state(1, 'e1', String(id)));
    }
    heads.mockImplementation((ids) =>
      Promise.resolve(ids.map((feedId) => ({ feedId, epoch: 'e1', head: 1 }))),
    );
    bus.reconnect();
    await turn();
    expect(heads.mock.calls.map(([ids]) => ids.length)).toEqual([1_000, 1_000, 500]);
    expect(changes).toBe(0);
  });

  it('reads the feed of a cursor from the log once it was erased', async () => {
    const watch = await hub.watch(FEED, changed);
    watch.observe(state(41));
    bus.reconnect();
    await turn();
    expect(changes).toBe(1);
    expect(watch.behind('e1', 41)).toBe(true);
    watch.observe(state(0, 'e2', '8'));
    watch.observe(state(0, 'e2', '8'));
    expect(watch.behind('e2', 0)).toBe(false);
  });

  it('continues after a failure, and logs it once', async () => {
    hub.close();
    Logger.overrideLogger(['log', 'warn']);
    const warn = jest.spyOn(Logger.prototype, 'warn').mockImplementation(() => {});
    const log = jest.spyOn(Logger.prototype, 'log').mockImplementation(() => {});
    hub = newHub(5);
    const watch = await hub.watch(FEED, changed);
    const recovered = new Promise<void>((resolve) => {
      heads.mockImplementation(() => {
        if (heads.mock.calls.length < 4) return Promise.reject(new Error('the database is away'));
        resolve();
        return Promise.resolve([{ feedId: '7', epoch: 'e1', head: 42 }]);
      });
    });
    watch.observe(state(41));
    await recovered;
    await turn();
    expect(watch.behind('e1', 41)).toBe(true);
    expect(warn).toHaveBeenCalledTimes(1);
    expect(log).toHaveBeenCalledTimes(1);
    jest.restoreAllMocks();
  });
});

describe('Watching', () => {
  it('shares one subscription among all connections of a feed and ends it with the last', async () => {
    const watches = await Promise.all([1, 2, 3].map(() => hub.watch(FEED, changed)));
    expect(bus.subscribed).toBe(1);
    watches[0]?.close();
    watches[0]?.close();
    watches[1]?.close();
    expect(bus.unsubscribed).toBe(0);
    watches[2]?.close();
    expect(bus.unsubscribed).toBe(1);
    expect(hub.size).toBe(0);
    await hub.watch(FEED, changed);
    expect(bus.subscribed).toBe(2);
  });

  it('resolves after the acknowledgement, not before', async () => {
    let acknowledge = (): void => {};
    bus.acknowledgement = () => new Promise((resolve) => (acknowledge = resolve));
    let watching = false;
    const watch = hub.watch(FEED, changed).then(() => (watching = true));
    await turn();
    expect(watching).toBe(false);
    acknowledge();
    await watch;
  });

  it('begins while the bus is unavailable, and checks the head again when it acknowledges', async () => {
    bus.connected = false;
    bus.acknowledgement = () => Promise.reject(new Error('away'));
    const watch = await hub.watch(FEED, changed);
    watch.observe(state(41));
    await turn();
    expect(watch.behind('e1', 41)).toBe(false);

    let acknowledge = (): void => {};
    bus.acknowledgement = () => new Promise((resolve) => (acknowledge = resolve));
    heads.mockResolvedValue([{ feedId: '7', epoch: 'e1', head: 41 }]);
    bus.reconnect();
    await turn();
    // An entry between that check and the acknowledgement: nobody announces it to us.
    heads.mockResolvedValue([{ feedId: '7', epoch: 'e1', head: 42 }]);
    acknowledge();
    await turn();
    expect(changes).toBe(1);
    expect(watch.behind('e1', 41)).toBe(true);
    bus.announce([message(43)]);
    expect(watch.next('e1', 42)).toHaveLength(1);
  });

  it('leaves no subscription behind when the connection closes before the acknowledgement', async () => {
    bus.connected = false;
    let acknowledge = (): void => {};
    bus.acknowledgement = () => new Promise((resolve) => (acknowledge = resolve));
    const watch = await hub.watch(FEED, changed);
    watch.close();
    acknowledge();
    await turn();
    expect([bus.subscribed, bus.unsubscribed, hub.size]).toEqual([1, 1, 0]);
  });

  it('reaches the other connections when one of them fails', async () => {
    await hub.watch(FEED, () => {
      throw new Error('a bug');
    });
    const watch = await hub.watch(FEED, changed);
    watch.observe(state(41));
    bus.announce([message(42)]);
    expect(changes).toBe(1);
  });

  it('keeps an idle feed in less than 2 KB', async () => {
    const script = fileURLToPath(new URL('idle-feeds.mjs', import.meta.url));
    const dist = dirname(await buildService());
    const { stdout } = await run(process.execPath, ['--expose-gc', script, dist]);
    const bytes = Number(stdout);
    expect(bytes).toBeGreaterThan(0);
    expect(bytes).toBeLessThan(2_048);
  }, 180_000);
});

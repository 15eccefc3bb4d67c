import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { Logger } from '@nestjs/common';
import type { FeedKey } from '../../src/contract/model/feed.js';
import type { Announcement, LiveBus } from '../../src/contract/ports/live.js';
import { NO_METRICS, type Metrics } from '../../src/contract/ports/metrics.js';
import { eventually } from '../support/eventually.js';
import { TcpProxy } from '../support/tcp-proxy.js';

/** What an instance of the bus is made with in these tests: impatient, so that a frozen server shows soon. */
export interface BusSettings {
  incarnation: string;
  metrics: Metrics;
  subscribeTimeoutMs: number;
  timings: { pingEveryMs: number; checkEveryMs: number; answerMs: number };
}

/** A server with which the tests may do what they like. */
export interface BusServer {
  readonly port: number;
  /** An instance that reaches the server on this port, such as a proxy's. */
  create(settings: BusSettings, port: number): LiveBus;
  /** Sends a text on the channel where messages of this feed come. */
  inject(incarnation: string, feed: FeedKey, text: string): Promise<void>;
  /** Ends all connections on the server's side. */
  cutConnections(): Promise<void>;
  pause(): void | Promise<void>;
  resume(): void | Promise<void>;
  /** As a crash does. */
  kill(): Promise<void>;
  start(): Promise<void>;
  close(): Promise<void>;
}

const ADA = { tenant: '', recipient: 'ada' };
const BOB = { tenant: '', recipient: 'bob' };

function announcement(feed: FeedKey, seq: number, json = `{"seq":${seq}}`): Announcement {
  return { feed, epoch: 'k3v9x2ab', seq, entry: { seq, type: 'task-completed', json } };
}

/** Every adapter of the bus passes these. */
export function liveBusContract(name: string, startServer: () => Promise<BusServer>): void {
  describe(`The live bus on ${name}`, () => {
    let server: BusServer;
    const open: LiveBus[] = [];

    const create = (settings: Partial<BusSettings> = {}, port = server.port): LiveBus => {
      const bus = server.create(
        {
          incarnation: 'test',
          metrics: NO_METRICS,
          subscribeTimeoutMs: 3_000,
          timings: { pingEveryMs: 100, checkEveryMs: 100, answerMs: 1_000 },
          ...settings,
        },
        port,
      );
      open.push(bus);
      return bus;
    };

    /** Subscribes and collects what comes. */
    const listen = async (bus: LiveBus, feed: FeedKey): Promise<Announcement[]> => {
      const received: Announcement[] = [];
      await bus.subscribe(feed, (message) => received.push(message));
      return received;
    };

    const count = (): Metrics & { sent: number; received: number; failed: number } => {
      const counted = {
        ...NO_METRICS,
        sent: 0,
        received: 0,
        failed: 0,
        busMessage: (direction: 'sent' | 'received') => void counted[direction]++,
        busFailed: () => void counted.failed++,
      };
      return counted;
    };

    const connected = (bus: LiveBus): Promise<unknown> =>
      eventually(() => bus.connected, { timeoutMs: 10_000 });

    /** Announces until one arrives: after a break only this shows that messages flow again. */
    const flowsAgain = async (
      from: LiveBus,
      received: Announcement[],
      feed: FeedKey,
      seq: number,
    ): Promise<void> => {
      await eventually(
        () => {
          from.announce([announcement(feed, seq)]);
          return received.some((message) => message.seq === seq);
        },
        { timeoutMs: 10_000, everyMs: 50 },
      );
    };

    beforeAll(async () => {
      Logger.overrideLogger(false);
      server = await startServer();
    });
    afterEach(async () => {
      await Promise.all(open.splice(0).map((bus) => bus.close()));
    });
    afterAll(async () => {
      await server.close();
      Logger.overrideLogger(console);
    });

    it('delivers an announcement unchanged to other instances and to itself', async () => {
      const [one, other] = [create(), create()];
      const here = await listen(one, ADA);
      const there = await listen(other, ADA);
      await connected(one);
      const deleted: Announcement = {
        ...announcement(ADA, 2),
        entry: { seq: 2, type: 'feed.read', json: null },
      };
      one.announce([announcement(ADA, 1), deleted]);
      one.announce([{ ...announcement(ADA, 3), entry: null }]);
      const expected = [announcement(ADA, 1), deleted, { ...announcement(ADA, 3), entry: null }];
      await eventually(() => expect(there).toEqual(expected));
      await eventually(() => expect(here).toEqual(expected));
    });

    it('acknowledges a subscription only when messages will come', async () => {
      const [one, other] = [create(), create()];
      await connected(one);
      for (let round = 1; round <= 50; round++) {
        const feed = { tenant: 'acme', recipient: `user ${round}` };
        const received = await listen(other, feed);
        one.announce([announcement(feed, round)]);
        await eventually(() => expect(received).toHaveLength(1));
      }
    });

    it('receives nothing of other feeds, other tenants and other incarnations', async () => {
      const [one, foreign] = [create(), create({ incarnation: 'staging' })];
      const received = await listen(one, ADA);
      await listen(foreign, ADA);
      await Promise.all([connected(one), connected(foreign)]);
      foreign.announce([announcement(ADA, 1)]);
      one.announce([announcement(BOB, 2), announcement({ tenant: 'acme', recipient: 'ada' }, 3)]);
      one.announce([announcement(ADA, 4)]);
      await eventually(() => expect(received.length).toBeGreaterThan(0));
      expect(received.map(({ seq }) => seq)).toEqual([4]);
    });

    it('announces a big entry by its head only', async () => {
      const bus = create();
      const received = await listen(bus, ADA);
      await connected(bus);
      // 8,000 bytes in few characters, and 16 KiB in many: the limits are in bytes.
      for (const [seq, text] of [
        [1, '€'.repeat(6_000)],
        [2, 'x'.repeat(20_000)],
      ] as const) {
        // prettier-ignore
        bus.announce([announcement(ADA, seq, `{"x":"${text}"}`)]);
        await eventually(() => expect(received).toHaveLength(seq));
        expect(received.at(-1)).toEqual({ feed: ADA, epoch: 'k3v9x2ab', seq, entry: null });
      }
    });

    it('loses no entry whose size is close to a limit', async () => {
      const metrics = count();
      const bus = create({ metrics });
      const received = await listen(bus, ADA);
      await connected(bus);
      const sizes = [7_900, 7_930, 7_945, 7_950, 7_955, 7_960, 7_975, 7_990, 8_000, 16_383, 16_384, 16_385];
      for (const [index, size] of sizes.entries()) {
        bus.announce([announcement(ADA, index + 1, `{"x":"${'x'.repeat(size - '{"x":""}'.length)}"}`)]);
      }
      await eventually(() => expect(received).toHaveLength(sizes.length));
      expect(metrics.failed).toBe(0);
    });

    it('keeps every byte of names and JSON', async () => {
      const bus = create();
      const feed = { tenant: `"O'Neill" \\ $1 %s`, recipient: '用户 🦊 a:b/c;--' };
      const received = await listen(bus, feed);
      await connected(bus);
      const json = JSON.stringify({
        text: `line\nbreak\r "quotes" 'single' \\ 🦊 \u2028 \u001e $1 {}`,
        nested: { a: [1] },
      });
      bus.announce([announcement(feed, 1, json)]);
      await eventually(() => expect(received).toEqual([announcement(feed, 1, json)]));
    });

    it('delivers thousands that are announced at once, in order', async () => {
      const metrics = count();
      const [one, other] = [create({ metrics }), create()];
      const feeds = Array.from({ length: 20 }, (_, index) => ({ tenant: '', recipient: `user ${index}` }));
      const received = await Promise.all(feeds.map((feed) => listen(other, feed)));
      await connected(one);
      for (let seq = 1; seq <= 250; seq++) one.announce(feeds.map((feed) => announcement(feed, seq)));
      await eventually(() => expect(received.map((list) => list.length)).toEqual(feeds.map(() => 250)));
      for (const list of received) {
        expect(list.map(({ seq }) => seq)).toEqual(Array.from({ length: 250 }, (_, index) => index + 1));
      }
      await eventually(() => expect([metrics.sent, metrics.failed]).toEqual([5_000, 0]));
    });

    it('passes over garbage and goes on', async () => {
      const bus = create();
      const received = await listen(bus, ADA);
      await connected(bus);
      const garbage = [
        'x',
        '-',
        '{}',
        'k3v9x2ab-1 a\n{',
        '🦊',
        'k3v9x2ab-0',
        '\u001e\u001e',
        'x'.repeat(5_000),
      ];
      for (const text of garbage) await server.inject('test', ADA, text);
      bus.announce([announcement(ADA, 7)]);
      await eventually(() => expect(received.length).toBeGreaterThan(0));
      expect(received).toEqual([announcement(ADA, 7)]);
    });

    it('calls every listener of a feed, also after one that throws, and none that has unsubscribed', async () => {
      const bus = create();
      const left = await bus.subscribe(ADA, () => expect('this one').toBe('gone'));
      await bus.subscribe(ADA, () => {
        throw new Error('a bug');
      });
      const received = await listen(bus, ADA);
      await connected(bus);
      left();
      left();
      bus.announce([announcement(ADA, 1)]);
      await eventually(() => expect(received).toHaveLength(1));
    });

    it('tells every listener of a feed, on all instances, to end its streams, and no other', async () => {
      const [one, other] = [create(), create()];
      const ended: string[] = [];
      const watch = (bus: LiveBus, feed: FeedKey, who: string): Promise<() => void> =>
        bus.subscribe(
          feed,
          () => {},
          () => ended.push(who),
        );
      await watch(one, ADA, 'ada here');
      await watch(other, ADA, 'ada there');
      await watch(other, { tenant: 'acme', recipient: 'ada' }, 'ada of acme');
      await watch(other, BOB, 'bob there');
      const left = await watch(other, ADA, 'ada who left');
      // Listeners that do not care, and one that fails, are in nobody's way.
      await listen(other, ADA);
      await other.subscribe(
        ADA,
        () => {},
        () => {
          throw new Error('a bug');
        },
      );
      await Promise.all([connected(one), connected(other)]);
      left();
      one.disconnect([ADA]);
      await eventually(() => expect(ended.toSorted()).toEqual(['ada here', 'ada there']));
      other.disconnect([BOB, { tenant: 'acme', recipient: 'ada' }]);
      await eventually(() => expect(ended.slice(2).toSorted()).toEqual(['ada of acme', 'bob there']));
    });

    it('stays subscribed when a subscription races the end of the previous one', async () => {
      const [bus, other] = [create(), create()];
      await Promise.all([connected(bus), connected(other)]);
      for (let round = 1; round <= 100; round++) {
        const first = await bus.subscribe(ADA, () => {});
        first();
        const second = bus.subscribe(ADA, () => {});
        const received: Announcement[] = [];
        const third = bus.subscribe(ADA, (message) => received.push(message));
        (await second)();
        const end = await third;
        other.announce([announcement(ADA, round)]);
        await eventually(() => expect(received).toHaveLength(1), { everyMs: 1 });
        end();
      }
    });

    it('reconnects when its connections are cut, reports it, and delivers again', async () => {
      const [one, other] = [create(), create()];
      const received = await listen(other, ADA);
      await Promise.all([connected(one), connected(other)]);
      let reconnects = 0;
      other.onReconnect(() => reconnects++);
      await server.cutConnections();
      await eventually(() => expect(reconnects).toBe(1), { timeoutMs: 10_000 });
      // What is announced after the listener was called arrives: it was subscribed again before.
      await connected(one);
      one.announce([announcement(ADA, 2)]);
      await eventually(() => expect(received.at(-1)?.seq).toBe(2));
    });

    it('rejects a subscription in time while the server is down, and accepts it afterwards', async () => {
      const bus = create({ subscribeTimeoutMs: 200 });
      const received = await listen(bus, BOB);
      await connected(bus);
      await server.kill();
      await eventually(() => !bus.connected);
      await expect(bus.subscribe(ADA, () => {})).rejects.toThrow('did not acknowledge within 200 ms');
      await server.start();
      await connected(bus);
      await listen(bus, ADA);
      await flowsAgain(bus, received, BOB, 2);
    });

    it('drops messages without throwing while the server is down, and counts them', async () => {
      const metrics = count();
      const [bus, listener] = [create({ metrics }), create()];
      const received = await listen(listener, ADA);
      await connected(bus);
      await server.kill();
      await eventually(() => !bus.connected);
      const big = `{"x":"${'x'.repeat(4_000)}"}`;
      for (let seq = 1; seq <= 50_000; seq++) bus.announce([announcement(ADA, seq, big)]);
      bus.disconnect([ADA]);
      await eventually(() => expect(metrics.failed).toBeGreaterThan(0));
      await server.start();
      await flowsAgain(bus, received, ADA, 60_000);
    });

    it('notices a frozen server, and reconnects when it resumes', async () => {
      const [one, other] = [create({ subscribeTimeoutMs: 200 }), create()];
      const received = await listen(other, ADA);
      await Promise.all([connected(one), connected(other)]);
      let reconnects = 0;
      other.onReconnect(() => reconnects++);
      await server.pause();
      try {
        await eventually(() => !one.connected && !other.connected, { timeoutMs: 10_000 });
        await expect(one.subscribe(BOB, () => {})).rejects.toThrow('did not acknowledge');
        one.announce([announcement(ADA, 1)]);
      } finally {
        await server.resume();
      }
      await eventually(() => expect(reconnects).toBeGreaterThan(0), { timeoutMs: 10_000 });
      await flowsAgain(one, received, ADA, 2);
    });

    it('replaces a connection that went silent', async () => {
      const proxy = await TcpProxy.start(server.port);
      try {
        const [one, other] = [create(), create({}, proxy.port)];
        const received = await listen(other, ADA);
        await Promise.all([connected(one), connected(other)]);
        let reconnected = false;
        other.onReconnect(() => (reconnected = true));
        proxy.silence();
        await eventually(() => reconnected, { timeoutMs: 10_000 });
        await connected(one);
        one.announce([announcement(ADA, 2)]);
        await eventually(() => expect(received.at(-1)?.seq).toBe(2));
        await other.close();
      } finally {
        await proxy.close();
      }
    });

    it('closes while the server is frozen or down', async () => {
      const [frozen, down, never] = [create(), create(), create()];
      await Promise.all([connected(frozen), connected(down)]);
      await server.pause();
      const started = performance.now();
      await frozen.close();
      expect(performance.now() - started).toBeLessThan(2_500);
      await server.resume();
      await server.kill();
      await Promise.all([down.close(), never.close()]);
      const late = create();
      await late.close();
      await expect(late.subscribe(ADA, () => {})).rejects.toThrow('closed');
      late.announce([announcement(ADA, 1)]);
      late.disconnect([ADA]);
      await server.start();
    });
  });
}

import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { Logger } from '@nestjs/common';
import fc from 'fast-check';
import { formatCursor } from '../../src/contract/model/cursor.js';
import type { Announcement } from '../../src/contract/ports/live.js';
import { LiveFeedsHub } from '../../src/live/live-feeds.js';
import { propertyOptions } from '../support/property.js';
import { FakeBus } from '../live/fake-bus.js';
import { ModelClient, STREAM_OPTIONS, type Ask } from './model-client.js';
import { FEED, ModelLog, shownEntry } from './model-log.js';

/** All promises that are settled, and what follows from them, before the next step. Not faked, unlike the timers. */
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

const CLIENTS = 3;
const asks: Ask[] = ['resume', 'live', 'oldest', 'first', 'foreign', 'ahead', 'beyond', 'malformed'];

type Step =
  | { do: 'append'; count: number; fate: 'deliver' | 'hold' | 'lose'; headOnly: boolean; hidden: boolean }
  | { do: 'deliver' | 'repeat' | 'drop'; pick: number }
  | { do: 'rumour'; epoch: 'former' | 'never'; seq: number; headOnly: boolean }
  | { do: 'look' | 'answer' | 'fail'; pick: number }
  | { do: 'connect'; client: number; ask: Ask; as: 'type' | 'message'; expiresInMs: number | null }
  | { do: 'leave' | 'fill' | 'drain' | 'trickle'; client: number }
  | { do: 'crawl'; client: number; takes: boolean }
  | { do: 'hide' | 'trim'; count: number }
  | { do: 'restore'; lost: number; noticed: boolean }
  | { do: 'rotate' | 'erase' }
  | { do: 'bus'; connected: boolean; refuses: boolean }
  | { do: 'restart'; gracefully: boolean }
  | { do: 'wait'; ms: number };

const just = <T>(value: T): fc.Arbitrary<T> => fc.constant(value);
const client = fc.nat(CLIENTS - 1);
const pick = fc.nat(7);
const steps: [weight: number, arbitrary: fc.Arbitrary<Step>][] = [
  [
    10,
    fc.record({
      do: just('append' as const),
      count: fc.integer({ min: 1, max: 5 }),
      fate: fc.constantFrom('deliver' as const, 'hold' as const, 'lose' as const),
      headOnly: fc.boolean(),
      hidden: fc.boolean(),
    }),
  ],
  [6, fc.record({ do: fc.constantFrom('deliver' as const, 'repeat' as const, 'drop' as const), pick })],
  [
    2,
    fc.record({
      do: just('rumour' as const),
      epoch: fc.constantFrom('former' as const, 'never' as const),
      seq: fc.integer({ min: 1, max: 12 }),
      headOnly: fc.boolean(),
    }),
  ],
  [6, fc.record({ do: just('look' as const), pick })],
  [14, fc.record({ do: just('answer' as const), pick })],
  [3, fc.record({ do: just('fail' as const), pick })],
  [
    5,
    fc.record({
      do: just('connect' as const),
      client,
      ask: fc.constantFrom(...asks),
      as: fc.constantFrom('type' as const, 'message' as const),
      expiresInMs: fc.constantFrom(null, null, null, 20_000),
    }),
  ],
  [
    4,
    fc.record({
      do: just('connect' as const),
      client,
      ask: just('resume' as const),
      as: just('type' as const),
      expiresInMs: just(null),
    }),
  ],
  [1, fc.record({ do: just('leave' as const), client })],
  [4, fc.record({ do: just('fill' as const), client })],
  [8, fc.record({ do: just('drain' as const), client })],
  [2, fc.record({ do: just('trickle' as const), client })],
  [1, fc.record({ do: just('crawl' as const), client, takes: fc.boolean() })],
  [2, fc.record({ do: just('hide' as const), count: fc.nat(12) })],
  [2, fc.record({ do: just('trim' as const), count: fc.integer({ min: 1, max: 6 }) })],
  [
    1,
    fc.record({ do: just('restore' as const), lost: fc.integer({ min: 1, max: 5 }), noticed: fc.boolean() }),
  ],
  [1, fc.record({ do: fc.constantFrom('rotate' as const, 'erase' as const) })],
  [2, fc.record({ do: just('bus' as const), connected: fc.boolean(), refuses: fc.boolean() })],
  [1, fc.record({ do: just('restart' as const), gracefully: fc.boolean() })],
  [4, fc.record({ do: just('wait' as const), ms: fc.constantFrom(10, 1_000, 6_000, 30_000, 100_000) })],
];
const step = fc.oneof(...steps.map(([weight, arbitrary]) => ({ weight, arbitrary })));

/** All that surrounds the product, in the hands of the adversary, and the three clients that judge. */
class World {
  readonly log = new ModelLog();
  readonly faults: string[] = [];
  private readonly bus = new FakeBus();
  /** Messages on their way. */
  private readonly held: Announcement[] = [];
  private hub = this.startHub();
  private readonly clients: ModelClient[];

  constructor(atOnce: boolean) {
    const fault = (problem: string): void => void this.faults.push(problem);
    this.clients = Array.from({ length: CLIENTS }, () => new ModelClient(this.log, atOnce, fault));
  }

  async run(now: Step): Promise<void> {
    await this.do(now);
    await turn();
    this.inspect();
  }

  /**
   * The adversary gives up: the bus is there, reads are answered, and sinks take what they are given. Whoever is not connected comes
   * back with the id that it has. Then the log stands still, and all of them must find to its end by themselves.
   */
  async settle(lastWord: 'bus' | 'check'): Promise<void> {
    this.log.prompt = true;
    for (const read of [...this.log.pending]) read.answer();
    await this.do({ do: 'bus', connected: true, refuses: false });
    for (const client of this.clients)
      if (!client.connected) client.connect(this.hub, 'resume', 'type', null);
    if (lastWord === 'bus') this.bus.announce([this.log.append(false)]);
    const { epoch, head } = this.log.state;
    const isAtTheEnd = (place: string | null): boolean => place === formatCursor(epoch, head);
    // For as long as it takes, but beyond the next check of heads.
    for (let second = 0; second < 30 && !(second > 6 && this.places.every(isAtTheEnd)); second += 1) {
      for (const { current } of this.clients) {
        current!.sink.room = true;
        current!.sink.drain();
      }
      await turn();
      this.inspect();
      for (const client of this.clients)
        if (!client.connected) client.connect(this.hub, 'resume', 'type', null);
      jest.advanceTimersByTime(1_000);
      await turn();
    }
  }

  /** Where the clients are. */
  get places(): (string | null)[] {
    return this.clients.map(({ current }) =>
      current?.place ? formatCursor(current.place.epoch, current.place.seq) : null,
    );
  }

  async close(): Promise<void> {
    for (const client of this.clients) client.leave();
    this.hub.close();
    this.log.prompt = true;
    for (const read of [...this.log.pending]) read.answer();
    await turn();
  }

  private startHub(): LiveFeedsHub {
    return new LiveFeedsHub(this.bus, this.log, { headCheckMs: STREAM_OPTIONS.headCheckMs });
  }

  private inspect(): void {
    for (const { current } of this.clients) current?.inspect();
    if (this.log.isRestless) this.faults.push('reads a log that stands still again and again');
  }

  private announce(messages: readonly Announcement[]): void {
    // What is sent to a bus that is away is lost.
    if (this.bus.connected) this.bus.announce(messages);
  }

  private async do(now: Step): Promise<void> {
    const { log, bus, held } = this;
    switch (now.do) {
      case 'append':
        for (let count = 0; count < now.count; count += 1) {
          const announcement = log.append(now.hidden && count % 2 === 0);
          const message = now.headOnly ? { ...announcement, entry: null } : announcement;
          if (now.fate === 'deliver') this.announce([message]);
          else if (now.fate === 'hold') held.push(message);
        }
        break;
      case 'deliver':
      case 'repeat':
      case 'drop': {
        const index = now.pick % Math.max(held.length, 1);
        const message = held[index];
        if (message && now.do !== 'drop') this.announce([message]);
        if (now.do !== 'repeat') held.splice(index, 1);
        break;
      }
      case 'rumour': {
        const epoch = now.epoch === 'never' ? 'zz' : log.history[now.seq % log.history.length]!.epoch;
        // Of the present epoch there is no message that the log has not sent.
        if (epoch === log.state.epoch) break;
        const entry = now.headOnly ? null : shownEntry(epoch, now.seq);
        this.announce([{ feed: FEED, epoch, seq: now.seq, entry }]);
        break;
      }
      case 'look':
      case 'answer':
      case 'fail':
        log.pending[now.pick % Math.max(log.pending.length, 1)]?.[now.do]();
        break;
      case 'connect':
        this.clients[now.client]!.connect(this.hub, now.ask, now.as, now.expiresInMs);
        break;
      case 'leave':
        this.clients[now.client]!.leave();
        break;
      case 'fill':
      case 'drain':
      case 'trickle': {
        const sink = this.clients[now.client]!.current?.sink;
        if (now.do === 'trickle') sink?.take();
        else if (sink) sink.room = now.do === 'drain';
        if (now.do === 'drain') sink?.drain();
        break;
      }
      case 'crawl': {
        // A reader that is full for minutes, and takes a little now and then, or nothing.
        const sink = this.clients[now.client]!.current?.sink;
        if (sink) sink.room = false;
        this.announce([log.append(false)]);
        for (let times = 0; times < 4; times += 1) {
          await turn();
          jest.advanceTimersByTime(40_000);
          this.inspect();
          if (now.takes) sink?.take();
        }
        break;
      }
      case 'hide':
        log.hide(now.count);
        break;
      case 'trim':
        log.trim(now.count);
        break;
      case 'restore':
        log.restore(now.lost, now.noticed);
        break;
      case 'rotate':
      case 'erase':
        log[now.do]();
        break;
      case 'bus':
        bus.acknowledgement = now.refuses
          ? () => Promise.reject(new Error('refused'))
          : () => Promise.resolve();
        if (now.connected && !bus.connected) bus.reconnect();
        bus.connected = now.connected;
        break;
      case 'restart': {
        const draining = this.clients.map(async ({ current }) => current?.drain());
        if (!now.gracefully) for (const client of this.clients) client.leave();
        this.hub.close();
        this.hub = this.startHub();
        jest.advanceTimersByTime(2_000);
        await Promise.all(draining);
        break;
      }
      case 'wait':
        jest.advanceTimersByTime(now.ms);
        break;
    }
  }
}

describe('The cursor loop, whatever bus, log and readers do', () => {
  beforeAll(() => {
    Logger.overrideLogger(false);
  });
  afterAll(() => {
    Logger.overrideLogger(console);
  });
  beforeEach(() => {
    jest.useFakeTimers({
      doNotFake: ['setImmediate', 'clearImmediate', 'nextTick', 'queueMicrotask'],
    });
    jest.spyOn(Math, 'random').mockReturnValue(0.5);
  });
  afterEach(() => {
    jest.restoreAllMocks();
    jest.useRealTimers();
  });

  it('sends the right frames in order, reports each gap, holds one page and reaches the end (G2, G3, G4, G6, G7)', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(step, { maxLength: 100, size: 'max' }),
        fc.boolean(),
        fc.constantFrom('bus' as const, 'check' as const),
        async (steps, atOnce, lastWord) => {
          const world = new World(atOnce);
          try {
            await world.run({ do: 'connect', client: 0, ask: 'live', as: 'type', expiresInMs: null });
            for (const now of steps) {
              await world.run(now);
              if (world.faults.length > 0) expect(world.faults).toEqual([]);
            }
            await world.settle(lastWord);
            expect(world.faults).toEqual([]);
            const { epoch, head } = world.log.state;
            expect(world.places).toEqual(Array.from({ length: CLIENTS }, () => formatCursor(epoch, head)));
          } finally {
            await world.close();
            jest.clearAllTimers();
          }
        },
      ),
      propertyOptions(300),
    );
  }, 120_000);
});

import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Logger } from '@nestjs/common';
import fc from 'fast-check';
import type { LogEntry } from '../../src/contract/model/entry.js';
import type { Announcement, FeedWatch } from '../../src/contract/ports/live.js';
import type { FeedHead, FeedState } from '../../src/contract/ports/read.js';
import { LiveFeedsHub } from '../../src/live/live-feeds.js';
import { FakeBus } from './fake-bus.js';

const FEED = { tenant: 't', recipient: 'r' };
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** The truth: a log of one feed. What an entry says follows from its place, so that a wrong one shows. */
class Log {
  private made = 1;
  state: FeedState = { feedId: '1', epoch: 'e1', head: 0, floor: 0 };

  append(): Announcement {
    this.state = { ...this.state, head: this.state.head + 1 };
    const { epoch, head: seq } = this.state;
    return { feed: FEED, epoch, seq, entry: entryOf(epoch, seq) };
  }
  rotate(head: number): void {
    this.state = { ...this.state, epoch: `e${++this.made}`, head: Math.min(head, this.state.head) };
  }
  erase(): void {
    this.made++;
    this.state = { feedId: String(this.made), epoch: `e${this.made}`, head: 0, floor: 0 };
  }
}

function entryOf(epoch: string, seq: number): LogEntry {
  return { seq, type: 'note', json: `{"cursor":"${epoch}-${seq}"}` };
}

/** The cursor loop of a connection, with its reads of the log cut into steps. It acts when it is told to, never by itself. */
class Connection {
  private watch!: FeedWatch;
  private awake = true;
  private place: { epoch: string; seq: number };
  private feedId: string;
  private reading: 'no' | 'asked' | FeedState = 'no';
  reads = 0;

  constructor(private readonly log: Log) {
    this.place = { epoch: log.state.epoch, seq: log.state.head };
    this.feedId = log.state.feedId;
  }

  async open(hub: LiveFeedsHub): Promise<this> {
    this.watch = await hub.watch(FEED, () => (this.awake = true));
    this.watch.observe(this.log.state);
    this.place = { epoch: this.log.state.epoch, seq: this.log.state.head };
    this.feedId = this.log.state.feedId;
    return this;
  }

  run(): void {
    if (!this.awake || this.reading !== 'no') return;
    this.awake = false;
    for (;;) {
      const entries = this.watch.next(this.place.epoch, this.place.seq);
      for (const entry of entries) {
        expect(entry).toEqual(entryOf(this.place.epoch, this.place.seq + 1));
        this.place = { ...this.place, seq: entry.seq };
      }
      if (entries.length > 0) continue;
      if (this.watch.behind(this.place.epoch, this.place.seq)) {
        this.reading = 'asked';
        this.reads++;
      }
      return;
    }
  }

  takeSnapshot(): void {
    if (this.reading === 'asked') this.reading = this.log.state;
  }

  finishRead(): void {
    this.takeSnapshot();
    if (typeof this.reading === 'string') return;
    // The page of an erased feed is null, so that the feed is opened anew: here one more look at the log.
    const page = this.reading.feedId === this.feedId ? this.reading : this.log.state;
    this.reading = 'no';
    this.feedId = page.feedId;
    this.place = { epoch: page.epoch, seq: page.head };
    this.watch.observe(page);
    this.awake = true;
    this.run();
  }

  get position(): { epoch: string; seq: number; reading: boolean } {
    return { ...this.place, reading: this.reading !== 'no' };
  }
}

/** The query of the check of heads, cut into steps, too. */
class HeadQuery {
  private question: { ids: readonly string[]; settle: (heads: FeedHead[] | null) => void } | null = null;
  private snapshot: FeedHead[] | null = null;

  constructor(private readonly log: Log) {}

  get open(): boolean {
    return this.question !== null;
  }

  heads(ids: readonly string[]): Promise<FeedHead[]> {
    this.snapshot = null;
    return new Promise((resolve, reject) => {
      this.question = { ids, settle: (heads) => (heads ? resolve(heads) : reject(new Error('away'))) };
    });
  }

  takeSnapshot(): void {
    if (this.question)
      this.snapshot ??= this.question.ids.includes(this.log.state.feedId) ? [this.log.state] : [];
  }

  async answer(): Promise<void> {
    this.takeSnapshot();
    await this.settle(this.snapshot);
  }

  async fail(): Promise<void> {
    await this.settle(null);
  }

  private async settle(heads: FeedHead[] | null): Promise<void> {
    const { question } = this;
    this.question = null;
    question?.settle(heads);
    await turn();
  }
}

type Step =
  | { do: 'append'; fate: 'deliver' | 'hold' | 'lose'; headOnly: boolean }
  | { do: 'deliver' | 'repeat' | 'drop'; pick: number }
  | { do: 'rotate'; head: number }
  | { do: 'erase' | 'check' | 'snapshotHeads' | 'answerHeads' | 'failHeads' }
  | { do: 'run' | 'snapshot' | 'finish'; pick: number };

const pick = fc.nat(7);
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constant('append' as const),
      fate: fc.constantFrom('deliver' as const, 'hold' as const, 'lose' as const),
      headOnly: fc.boolean(),
    }),
  },
  {
    weight: 5,
    arbitrary: fc.record({
      do: fc.constantFrom('deliver' as const, 'repeat' as const, 'drop' as const),
      pick,
    }),
  },
  {
    weight: 8,
    arbitrary: fc.record({
      do: fc.constantFrom('run' as const, 'snapshot' as const, 'finish' as const),
      pick,
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constantFrom(
        'erase' as const,
        'check' as const,
        'snapshotHeads' as const,
        'answerHeads' as const,
        'failHeads' as const,
      ),
    }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('rotate' as const), head: fc.nat(5) }) },
);

/** What happens last, after the snapshots of what is on its way. */
const lastEvent = fc.constantFrom('nothing' as const, 'rotate' as const, 'erase' as const);
/** What tells the connections how things are in the end: a message that is not lost, or the check of heads. */
const lastWord = fc.constantFrom('bus' as const, 'check' as const);

describe('LiveFeedsHub, whatever the bus does', () => {
  beforeAll(() => {
    Logger.overrideLogger(false);
  });
  afterAll(() => {
    Logger.overrideLogger(console);
  });

  it('never returns a wrong entry, wakes every connection that is behind, and settles', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(step, { maxLength: 80, size: 'max' }),
        lastEvent,
        lastWord,
        async (steps, lastEvent, lastWord) => {
          const log = new Log();
          const bus = new FakeBus();
          const held: Announcement[] = [];
          const asked = new HeadQuery(log);
          const hub = new LiveFeedsHub(bus, asked, { headCheckMs: 3_600_000 });
          const connections = await Promise.all([1, 2, 3].map(() => new Connection(log).open(hub)));
          const connection = (index: number): Connection => connections[index % connections.length]!;

          for (const now of steps) {
            switch (now.do) {
              case 'append': {
                const message = log.append();
                const sent = now.headOnly ? { ...message, entry: null } : message;
                if (now.fate === 'deliver') bus.announce([sent]);
                if (now.fate === 'hold') held.push(sent);
                break;
              }
              case 'deliver':
              case 'repeat':
              case 'drop': {
                const index = now.pick % Math.max(held.length, 1);
                const message = held[index];
                if (message && now.do !== 'drop') bus.announce([message]);
                if (now.do !== 'repeat') held.splice(index, 1);
                break;
              }
              case 'rotate':
                log.rotate(now.head);
                break;
              case 'erase':
                log.erase();
                break;
              case 'check':
                bus.reconnect();
                await turn();
                break;
              case 'snapshotHeads':
                asked.takeSnapshot();
                break;
              case 'answerHeads':
                await asked.answer();
                break;
              case 'failHeads':
                await asked.fail();
                break;
              case 'run':
                connection(now.pick).run();
                break;
              case 'snapshot':
                connection(now.pick).takeSnapshot();
                break;
              case 'finish':
                connection(now.pick).finishRead();
                break;
            }
          }

          // Reads and checks may still be on their way with what they saw earlier; one last message says how things are.
          asked.takeSnapshot();
          for (const each of connections) each.takeSnapshot();
          if (lastEvent === 'rotate') log.rotate(3);
          if (lastEvent === 'erase') log.erase();
          if (lastWord === 'bus') bus.announce([log.append()]);
          while (asked.open) await asked.answer();
          if (lastWord === 'check') {
            bus.reconnect();
            await turn();
            while (asked.open) await asked.answer();
          }
          // The log stands still now, and every connection does what it was told to, no more.
          const readsBefore = connections.map((each) => each.reads);
          for (let round = 0; round < 10; round++) {
            for (const each of connections) {
              each.run();
              each.finishRead();
            }
          }
          const { epoch, head } = log.state;
          for (const [index, each] of connections.entries()) {
            expect(each.position).toEqual({ epoch, seq: head, reading: false });
            expect(each.reads - readsBefore[index]!).toBeLessThanOrEqual(4);
          }
          hub.close();
        },
      ),
      { numRuns: 1_000 },
    );
  });
});

import type { Subscription } from 'rxjs';
import { formatCursor, parseCursor, parseRequestedPosition } from '../../src/contract/model/cursor.js';
import { NO_METRICS } from '../../src/contract/ports/metrics.js';
import type { FeedState } from '../../src/contract/ports/read.js';
import type { Frame, StreamOutlet } from '../../src/contract/ports/stream.js';
import type { LiveFeedsHub } from '../../src/live/live-feeds.js';
import { FeedStreams } from '../../src/stream/feed-streams.js';
import { NO_AUDIENCES } from '../support/no-audiences.js';
import { NO_TICKETS } from '../support/no-tickets.js';
import { FEED, PAGE_ENTRIES, shownEntry, type ModelLog } from './model-log.js';

export const STREAM_OPTIONS = {
  heartbeatMs: 15_000,
  maxPerRecipient: 20,
  stalledAfterMs: 60_000,
  retryMs: 2_000,
  headCheckMs: 5_000,
};
/** The most entries that the memory of a feed gives out at once; a page of the model is smaller. Beside them, `feed.ready` or a reset. */
const MOST_HELD = Math.max(64, PAGE_ENTRIES) + 2;
/** A stalled reader is found at the second look after its time at the latest. */
const STALL_FOUND_MS = STREAM_OPTIONS.stalledAfterMs + 2 * 1.2 * STREAM_OPTIONS.heartbeatMs;

/** What a client asks for when it connects. */
export type Ask = 'resume' | 'live' | 'oldest' | 'first' | 'foreign' | 'ahead' | 'beyond' | 'malformed';

/** The far end of a connection: it has room when the adversary says so. */
class Sink implements StreamOutlet {
  room = true;
  destroyed = false;
  bytes = 0;
  /** Since when it takes nothing of what it was given. */
  idleSince = Date.now();
  /** Frames that were given to it since it last had room. */
  private given = 0;
  /** Whether it was full when the batch under way began; null outside of one. */
  private fullBefore: boolean | null = null;
  readonly waiting: (() => void)[] = [];

  /** `atOnce`: the port allows an outlet with room to call back before it returns. */
  constructor(private readonly atOnce: boolean) {}

  whenWritable(callback: () => void): void {
    if (this.destroyed) return;
    if (this.room && this.atOnce) {
      this.given = 0;
      return callback();
    }
    if (this.waiting.length === 0) this.idleSince = Date.now();
    this.waiting.push(callback);
    if (this.room) queueMicrotask(() => this.drain());
  }

  batch(emit: () => void): void {
    this.fullBefore = this.isFull;
    emit();
    this.fullBefore = null;
  }

  /** Whether a frame that is given now would have to wait behind others. */
  get isFull(): boolean {
    return this.fullBefore ?? (this.waiting.length > 0 || (!this.room && this.given > 0));
  }

  /** Takes a frame in; returns how many wait now. */
  give(): number {
    return (this.given += 1);
  }

  bytesTaken(): number {
    return this.bytes;
  }

  destroy(): void {
    this.destroyed = true;
    this.waiting.length = 0;
  }

  take(): void {
    this.bytes += 1;
    this.idleSince = Date.now();
  }

  drain(): void {
    if (!this.room || this.destroyed) return;
    this.take();
    this.given = 0;
    for (const callback of this.waiting.splice(0)) callback();
  }
}

/**
 * A client as an EventSource is one, and the judge of all that it receives. What it holds is its place; each frame either follows it
 * without a gap, or says truly why it does not.
 */
export class ModelClient {
  lastEventId = '';
  private connection: Connection | null = null;

  constructor(
    private readonly log: ModelLog,
    private readonly atOnce: boolean,
    private readonly fault: (problem: string) => void,
  ) {}

  /** The last connection, open or over. */
  get current(): Connection | null {
    return this.connection;
  }

  get connected(): boolean {
    return this.connection !== null && !this.connection.over;
  }

  connect(hub: LiveFeedsHub, ask: Ask, eventName: 'type' | 'message', expiresInMs: number | null): void {
    this.leave();
    const text = this.textOf(ask);
    const moved = (id: string): void => void (this.lastEventId = id);
    this.connection = new Connection(this.log, new Sink(this.atOnce), text, eventName, moved, this.fault);
    this.connection.open(hub, expiresInMs);
  }

  /** As when a tab is closed, or the network breaks. */
  leave(): void {
    this.connection?.leave();
  }

  private textOf(ask: Ask): string {
    const { epoch, head } = this.log.state;
    switch (ask) {
      case 'resume':
        return this.lastEventId;
      case 'live':
        return '';
      case 'oldest':
        return '0';
      case 'first':
        return formatCursor(epoch, 0);
      case 'foreign':
        return formatCursor('zz', 2);
      case 'ahead':
        return formatCursor(epoch, head + 1);
      case 'beyond':
        return `${epoch}-99999999999999999999`;
      case 'malformed':
        return 'nonsense';
    }
  }
}

class Connection {
  over = false;
  place: { epoch: string; seq: number } | null = null;
  private streams: FeedStreams | null = null;
  private subscription: Subscription | null = null;
  /** Set by a `feed.ready` that does not begin where the client asked: a `feed.reset` must follow. */
  private owesReset: 'after' | 'malformed' | null = null;
  private readonly bornAt: number;
  private expiresAt: Date | null = null;

  constructor(
    private readonly log: ModelLog,
    readonly sink: Sink,
    private readonly asked: string,
    private readonly eventName: 'type' | 'message',
    private readonly moved: (id: string) => void,
    private readonly fault: (problem: string) => void,
  ) {
    this.bornAt = log.history.length - 1;
  }

  open(hub: LiveFeedsHub, expiresInMs: number | null): void {
    this.expiresAt = expiresInMs === null ? null : new Date(Date.now() + expiresInMs);
    this.streams = new FeedStreams({
      live: hub,
      audiences: NO_AUDIENCES,
      tickets: NO_TICKETS,
      metrics: NO_METRICS,
      options: STREAM_OPTIONS,
      reader: {
        open: () => this.log.open(),
        find: () => this.log.find(),
        heads: (ids) => this.log.heads(ids),
        page: (feedId, after) => {
          if (this.sink.isFull) this.fault('read a page while the outlet had no room (G7)');
          return this.log.page(feedId, after);
        },
      },
    });
    this.subscription = this.streams
      .open({
        feed: FEED,
        position: parseRequestedPosition(this.asked),
        lastEventId: this.asked,
        expiresAt: this.expiresAt,
        eventName: this.eventName,
        outlet: this.sink,
      })
      .subscribe({
        next: (frame) => this.take(frame),
        error: () => this.fault('the Observable failed: Nest would write a frame of its own'),
        complete: () => {
          if (!this.over) this.fault('ended without a feed.closing');
        },
      });
  }

  leave(): void {
    this.over = true;
    this.subscription?.unsubscribe();
  }

  /** As when the instance is told to go away. */
  async drain(): Promise<void> {
    await this.streams?.drain();
  }

  /** Looks at what no frame says. */
  inspect(): void {
    if (this.sink.destroyed && !this.over) {
      this.over = true;
      const idle = Date.now() - this.sink.idleSince;
      if (idle < STREAM_OPTIONS.stalledAfterMs) this.fault(`ended for being slow, after ${idle} ms (G7)`);
    }
    if (this.expiresAt && !this.over && Date.now() > this.expiresAt.getTime())
      this.fault('goes on although its credential has expired (G8)');
    if (this.sink.isFull && !this.over && Date.now() - this.sink.idleSince > STALL_FOUND_MS)
      this.fault('goes on although its reader takes nothing (G7)');
  }

  private take(frame: Frame): void {
    if (this.over) return this.fault(`a frame after the end: ${JSON.stringify(frame)}`);
    if (frame.comment !== undefined) {
      if (frame.id !== undefined || frame.data !== undefined) this.fault('a comment is no event');
      return;
    }
    const { id, type } = frame;
    if (id === undefined) return this.fault(`no id, so that Nest makes one: ${JSON.stringify(frame)}`);
    if (type === 'feed.closing') return this.close(frame, id);
    if (this.sink.isFull) this.fault('wrote while the outlet had no room (G7)');
    const held = this.sink.give();
    if (held > MOST_HELD) this.fault(`${held} frames wait in the outlet (G7)`);
    if (this.place === null) this.ready(frame, id);
    else if (type === 'feed.reset') this.reset(frame, id);
    else this.entry(frame, id);
    this.moved(id);
  }

  private close({ retry, data }: Frame, id: string): void {
    const expected = this.place ? formatCursor(this.place.epoch, this.place.seq) : this.asked;
    if (id !== expected)
      this.fault(`closed with the id ${id}, not ${expected}: the client would lose or repeat`);
    if (!(retry! > 0)) this.fault('closed without saying when to come back');
    const { reason } = JSON.parse(data!) as { reason: string };
    const wasErased = new Set(this.states().map(({ feedId }) => feedId)).size > 1;
    if (reason === 'unavailable' ? this.place !== null : reason === 'revoked' && !wasErased)
      this.fault(`closed as ${reason}, which is not so`);
    this.over = true;
    this.moved(id);
  }

  private ready(frame: Frame, id: string): void {
    if (frame.type !== 'feed.ready') return this.fault(`began with ${JSON.stringify(frame)}`);
    const { cursor } = JSON.parse(frame.data!) as { cursor: string };
    const place = parseCursor(cursor)!;
    this.place = place;
    const requested = parseRequestedPosition(this.asked);
    const fits = (test: (state: FeedState) => boolean): void => {
      if (!this.states().some((state) => state.epoch === place.epoch && test(state)))
        this.fault(`began at ${cursor} when ${this.asked} was asked for`);
    };
    if (requested.kind === 'live') fits(({ head }) => head === place.seq);
    else if (requested.kind === 'oldest') fits(({ floor }) => floor === place.seq);
    else if (requested.kind === 'malformed') this.owesReset = 'malformed';
    else if (cursor !== this.asked) this.owesReset = 'after';
    else fits(({ head, floor }) => place.seq <= head && place.seq >= floor);
    // Cut off before the reset, a client must come back with what it came with.
    const expected = this.owesReset === null ? cursor : this.asked;
    if (id !== expected) this.fault(`a feed.ready with the id ${id}, not ${expected}`);
  }

  private reset(frame: Frame, id: string): void {
    const { reason, oldest, head } = JSON.parse(frame.data!) as Record<string, string>;
    if (oldest !== id) this.fault(`a reset to ${oldest} with the id ${id}`);
    const { epoch, seq: floor } = parseCursor(id)!;
    // From where it was at, or could not begin.
    const from = this.owesReset === null ? this.place! : parseCursor(this.asked);
    this.owesReset = null;
    const isTrue = this.states().some((state) => {
      if (state.epoch !== epoch || state.floor !== floor || formatCursor(epoch, state.head) !== head)
        return false;
      if (from === null) return reason === 'malformed';
      if (from.epoch !== epoch) return reason === 'epoch';
      if (from.seq > state.head) return reason === 'ahead';
      return reason === 'expired' && from.seq < state.floor;
    });
    if (!isTrue) this.fault(`a reset that is not true (G6), from ${JSON.stringify(from)}: ${frame.data!}`);
    this.place = { epoch, seq: floor };
  }

  private entry(frame: Frame, id: string): void {
    if (this.owesReset) this.fault(`began elsewhere than at ${this.asked} without a feed.reset (G6)`);
    const { epoch, seq } = parseCursor(id)!;
    const place = this.place!;
    if (epoch !== place.epoch) return this.fault(`${id} of another epoch without a feed.reset (G6)`);
    if (seq <= place.seq) return this.fault(`${id} after ${place.seq} (G2, G4)`);
    for (let skipped = place.seq + 1; skipped < seq; skipped += 1) {
      if (!this.log.wasHidden(epoch, skipped))
        this.fault(`${id} after ${place.seq}, without ${skipped} (G3)`);
    }
    if (frame.data === undefined) {
      if (!this.log.wasHidden(epoch, seq)) this.fault(`${id} without its content (G3)`);
      if (frame.type !== undefined) this.fault('an id alone has no type');
    } else {
      const { type, json } = shownEntry(epoch, seq);
      if (frame.data !== json) this.fault(`${id} with a content that is not its own: ${frame.data}`);
      const named = this.eventName === 'type' || type.startsWith('feed.');
      if (frame.type !== (named ? type : undefined)) this.fault(`${id} under the name ${frame.type}`);
    }
    this.place = { epoch, seq };
  }

  /** What reads of this connection may have seen. */
  private states(): FeedState[] {
    return this.log.history.slice(this.bornAt);
  }
}

import type { SseFrame } from '../../support/sse-parser.js';
import { parseCursor, type Cursor } from '../../../src/contract/model/cursor.js';
import type { ResetReason } from '../../../src/contract/ports/stream.js';
import type { Ledger } from './ledger.js';
import { now, type Happening } from './timeline.js';

/** What is wrong, in the words of the table. */
export type Wrong = 'lost' | 'twice' | 'out of order' | 'foreign' | 'other';

export interface Violation {
  readonly wrong: Wrong;
  readonly what: string;
  /** Whose history is to be told. */
  readonly recipient?: string;
  readonly notification?: number;
  readonly client?: Account;
}

/** What a client has received without a break: from a place on, of one epoch, until it was told to begin again. */
export interface Segment {
  readonly epoch: string;
  /** The place before its first entry. */
  readonly after: number;
  readonly seqs: number[];
  /** The notification at each of {@link seqs}; -1 for a change of state. */
  readonly notifications: number[];
  readonly times: number[];
  /** The place that it has come to. */
  last: number;
}

const MOST_EVENTS = 400;

/**
 * The account of one client over all its connections, kept as the protocol says: it begins at the cursor of `feed.ready`, and anew at
 * the `oldest` of a `feed.reset`; in between every number follows on the one before. Whatever does not is a violation.
 */
export class Account {
  readonly segments: Segment[] = [];
  readonly violations: Violation[] = [];
  /** What happened to its connections. */
  readonly events: Happening[] = [];
  readonly resets: ResetReason[] = [];
  delivered = 0;
  /** Sent when it comes back, as an EventSource does. */
  lastEventId: string;
  /** Whether a `feed.ready` has come on the present connection. */
  ready = false;
  /** What the present connection asked for. */
  private asked: Cursor | null = null;
  /** A `feed.ready` at another place than was asked for: the next frame must say why. */
  private mustReset = false;
  private lastOfConnection = -1;

  constructor(
    readonly name: string,
    readonly recipient: string,
    private readonly ledger: Ledger,
    /** Whether this client may be told that, by what was done. */
    private readonly mayReset: (reason: ResetReason) => boolean,
    /** Notifications that the retention leaves in each feed. */
    private readonly keep: number,
    /** The cursor that it comes with, from wherever. */
    firstEventId = '',
  ) {
    this.lastEventId = firstEventId;
  }

  get segment(): Segment | null {
    return this.segments.at(-1) ?? null;
  }

  /** Between a `feed.ready` at another place than was asked for, and the `feed.reset` that says why. */
  get awaitsReset(): boolean {
    return this.mustReset;
  }

  event(what: string): void {
    this.events.push({ at: now(), what });
    if (this.events.length > MOST_EVENTS) this.events.shift();
  }

  connecting(where: string): void {
    this.ready = false;
    this.mustReset = false;
    this.lastOfConnection = -1;
    this.asked = parseCursor(this.lastEventId);
    this.event(`connects to ${where} with Last-Event-ID ${JSON.stringify(this.lastEventId)}`);
  }

  frame(frame: SseFrame): void {
    if (frame.id === null) {
      if (frame.data !== null || frame.event !== '')
        this.wrong('other', `a frame without an id: ${frame.raw}`);
      return;
    }
    if (this.mustReset && frame.event !== 'feed.reset' && frame.event !== 'feed.closing') {
      this.wrong('lost', `a jump to ${this.lastEventId} that nothing explains, before ${frame.id}`);
      this.mustReset = false;
    }
    if (frame.event === 'feed.closing') this.event(`feed.closing ${frame.data}`);
    else if (frame.event === 'feed.ready') this.begin(frame);
    else if (frame.event === 'feed.reset') this.reset(frame);
    else this.entry(frame);
    this.lastEventId = frame.id;
  }

  private begin(frame: SseFrame): void {
    const { cursor } = JSON.parse(frame.data ?? '{}') as { cursor: string };
    const place = parseCursor(cursor);
    this.event(`feed.ready at ${cursor}, id ${frame.id}`);
    if (this.ready || place === null) return this.wrong('other', `not a feed.ready: ${frame.raw}`);
    this.ready = true;
    // `0` is no place: it is what the URL asked for, said back while the server knew no better.
    const hadCursor = this.lastEventId !== '' && this.lastEventId !== '0';
    if (hadCursor && (this.asked?.epoch !== place.epoch || this.asked.seq !== place.seq)) {
      this.mustReset = true;
    } else if (this.segment === null) {
      this.open(place);
    }
  }

  private reset(frame: SseFrame): void {
    const { reason, oldest, head } = JSON.parse(frame.data ?? '{}') as {
      reason: ResetReason;
      oldest: string;
      head: string;
    };
    this.event(`feed.reset ${frame.data}`);
    const place = parseCursor(oldest);
    const end = parseCursor(head);
    if (place === null || end === null || frame.id !== oldest)
      return this.wrong('other', `not a feed.reset: ${frame.raw}`);
    const { segment } = this;
    // In mid-stream the place is the one that this client has come to; at the beginning the one that it asked for.
    const held: Cursor | null = this.mustReset
      ? this.asked
      : segment && { epoch: segment.epoch, seq: segment.last };
    this.mustReset = false;
    this.resets.push(reason);
    if (reason === 'expired') this.ledger.trimmed(this.recipient);
    const isCalledFor = reason === 'expired' ? end.seq - place.seq >= this.keep : this.mayReset(reason);
    if (!isCalledFor) this.wrong('other', `feed.reset ${reason} though nothing called for it`);
    if (!isJustified(reason, held, place, end)) {
      this.wrong(
        'other',
        `feed.reset ${frame.data}, which is not true of a client at ${held?.epoch}-${held?.seq}`,
      );
    }
    this.open(place);
  }

  private entry(frame: SseFrame): void {
    const { segment } = this;
    const place = parseCursor(frame.id ?? '');
    if (segment === null || place === null || !this.ready) {
      return this.wrong('other', `an entry before the stream has begun: ${frame.raw.slice(0, 300)}`);
    }
    if (place.epoch !== segment.epoch) {
      return this.wrong(
        'other',
        `an entry of epoch ${place.epoch} in a stream of ${segment.epoch}: ${frame.id}`,
      );
    }
    const { seq } = place;
    const notification = frame.data === null ? -1 : this.read(frame);
    if (seq <= this.lastOfConnection)
      this.wrong('out of order', `${seq} after ${this.lastOfConnection}`, notification);
    else if (seq <= segment.last)
      this.wrong('twice', `${frame.id}, having ${segment.last} already`, notification);
    else if (seq > segment.last + 1) {
      this.wrong('lost', `${segment.epoch}-${segment.last + 1} to ${seq - 1}: ${frame.id} came next`);
    }
    this.lastOfConnection = seq;
    segment.last = Math.max(segment.last, seq);
    if (frame.data === null) return;
    segment.seqs.push(seq);
    segment.notifications.push(notification);
    segment.times.push(now());
    this.delivered += 1;
  }

  /** The number of the notification in a frame, after a look at whose it is. */
  private read(frame: SseFrame): number {
    const item = JSON.parse(frame.data ?? '') as { cursor?: string; data?: { taskId?: string } };
    if (frame.event.startsWith('feed.')) return -1;
    const index = Number(item.data?.taskId);
    const notification = this.ledger.notifications[index];
    if (item.cursor !== frame.id)
      this.wrong('other', `cursor ${item.cursor} in the frame ${frame.id}`, index);
    if (notification === undefined) this.wrong('foreign', `never sent: ${frame.raw.slice(0, 300)}`);
    else if (!notification.to.has(this.recipient)) this.wrong('foreign', `not for ${this.recipient}`, index);
    else this.ledger.received(index, this.recipient);
    return index;
  }

  private open({ epoch, seq }: Cursor): void {
    this.segments.push({ epoch, after: seq, seqs: [], notifications: [], times: [], last: seq });
    this.lastOfConnection = -1;
  }

  /** Something that was expected of the stream did not come. */
  complain(what: string): void {
    this.wrong('other', what);
  }

  private wrong(wrong: Wrong, what: string, notification?: number): void {
    this.event(`WRONG (${wrong}): ${what}`);
    if (this.violations.length > 100) return;
    this.violations.push({
      wrong,
      what: `${this.name}: ${what}`,
      recipient: this.recipient,
      notification,
      client: this,
    });
  }
}

/** Whether a client that holds this place had to be told so. */
function isJustified(reason: ResetReason, held: Cursor | null, oldest: Cursor, head: Cursor): boolean {
  switch (reason) {
    case 'malformed':
      return held === null;
    case 'epoch':
      return held !== null && held.epoch !== oldest.epoch;
    case 'expired':
      return held !== null && held.epoch === oldest.epoch && held.seq < oldest.seq;
    case 'ahead':
      return held !== null && held.epoch === oldest.epoch && held.seq > head.seq;
  }
}

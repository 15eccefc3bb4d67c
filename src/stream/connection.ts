import type { Subscriber } from 'rxjs';
import { formatCursor } from '../contract/model/cursor.js';
import type { LogEntry } from '../contract/model/entry.js';
import type { ResolvedOptions } from '../contract/options/options.js';
import type { FeedWatch, LiveFeeds } from '../contract/ports/live.js';
import type { Metrics } from '../contract/ports/metrics.js';
import type { FeedReader, FeedState } from '../contract/ports/read.js';
import type {
  ClosingReason,
  Frame,
  ResetReason,
  StreamRequest,
  StreamState,
} from '../contract/ports/stream.js';
import { atTime } from '../platform/time/at-time.js';
import { closingFrame, entryFrame, readyFrame, resetFrame } from './frames.js';
import { backoffMs } from '../platform/time/backoff.js';
import { jittered } from '../platform/time/jitter.js';
import type { Arrivals } from './arrivals.js';
import type { AudienceMembers, Membership } from './audience-members.js';
import { resetReason, startingPlace } from './position.js';

/** The dependencies of a connection. */
export interface ConnectionPorts {
  readonly reader: FeedReader;
  readonly live: LiveFeeds;
  readonly audiences: Pick<AudienceMembers, 'join'>;
  readonly metrics: Metrics;
  readonly arrivals: Arrivals;
  readonly options: ResolvedOptions['stream'];
}

/** After this time a socket that does not flush the last frame is destroyed. */
const FLUSH_LIMIT_MS = 2_000;
/** The delay before a failed read is retried; doubled each time, jittered. */
const READ_RETRY = { firstMs: 250, longestMs: 7_500 };
const HEARTBEAT_STEPS = 64;

/**
 * One connection: a cursor that moves. While it is behind the head and the socket has room, it takes the next entries, from memory if the
 * live bus delivered them, else from a page of the log, and writes them. Replay, live delivery, lost bus messages and slow readers are
 * all handled by this loop:
 *
 *     opening ──> writing ──> live                  opening   the bus acknowledges, then the feed's state is read
 *                  ^   │       │                    writing   frames were passed to the outlet, which has no room yet
 *                  │   v       │ change, heartbeat  reading   a page was requested from the log
 *                  reading <───┘                    retrying  a read failed; a timer is running
 *                  │   ^                            live      at the head, as far as is known
 *                  v   │
 *                  retrying              from each:  closed   by the client, or after `feed.closing`
 *
 * At most one page is held, in `writing`; the other states hold nothing. The state is checked after each wait, because the client may have
 * left meanwhile.
 */
export class Connection {
  private state: 'opening' | 'writing' | 'reading' | 'retrying' | 'live' | 'closed' = 'opening';
  private feedId = '';
  private epoch = '';
  private seq = 0;
  /** Whether it has reached the head once: later reads of the log count as repairs of what the bus lost. */
  private caughtUp = false;
  private watch: FeedWatch | null = null;
  private membership: Membership | null = null;
  private failedReads = 0;
  private tick: NodeJS.Timeout | null = null;
  private retry: NodeJS.Timeout | null = null;
  private cancelExpiry: (() => void) | null = null;
  private progress = { bytes: -1, at: 0 };

  constructor(
    private readonly request: StreamRequest,
    private readonly subscriber: Subscriber<Frame>,
    private readonly ports: ConnectionPorts,
    /** Called once, with `client` or the reason why the server ended it. */
    private readonly onClosed: (reason: string) => void,
  ) {}

  /** Starts the stream. Never throws: every failure ends in a control frame. */
  start(): void {
    const { expiresAt, signal } = this.request;
    if (signal?.aborted) return this.aborted();
    signal?.addEventListener('abort', this.aborted);
    if (expiresAt) this.cancelExpiry = atTime(expiresAt, () => void this.close('credential-expired'));
    this.startTicking();
    void this.open();
  }

  /**
   * Ends the stream with a frame that states the reason. Resolves when that frame has left for the socket, or
   * the socket was destroyed because it takes nothing.
   *
   * @param delayMs When the client should return; by default that depends on the reason.
   */
  async close(reason: ClosingReason, delayMs = this.delayAfter(reason)): Promise<void> {
    if (this.state === 'closed') return;
    const id = this.epoch === '' ? this.request.lastEventId : formatCursor(this.epoch, this.seq);
    this.subscriber.next(closingFrame(reason, id, delayMs));
    this.release(reason);
    this.subscriber.complete();
    await new Promise<void>((resolve) => {
      const { outlet } = this.request;
      const limit = setTimeout(() => {
        outlet.destroy();
        resolve();
      }, FLUSH_LIMIT_MS);
      outlet.whenWritable(() => {
        clearTimeout(limit);
        resolve();
      });
    });
  }

  /** After a brief cause the client should return soon, after an overload later. */
  private delayAfter(reason: ClosingReason): number {
    const patience = reason === 'busy' || reason === 'unavailable' ? 3 : 1;
    return jittered(this.ports.options.retryMs * patience, 0.5);
  }

  /** Its state, for an operator. */
  get phase(): StreamState {
    if (this.state === 'opening' || this.state === 'retrying') return this.state;
    if (!this.caughtUp) return 'replaying';
    return this.state === 'writing' ? 'blocked' : 'live';
  }

  /** Releases everything: the client left, or the stream completed. */
  release(reason: string): void {
    if (this.state === 'closed') return;
    this.state = 'closed';
    this.watch?.close();
    this.membership?.leave();
    this.cancelExpiry?.();
    this.request.signal?.removeEventListener('abort', this.aborted);
    if (this.tick) clearInterval(this.tick);
    if (this.retry) clearTimeout(this.retry);
    this.onClosed(reason);
  }

  private readonly aborted = (): void => {
    void this.close(this.request.signal?.reason as ClosingReason);
  };

  private async open(): Promise<void> {
    const { live, audiences: members, reader, options } = this.ports;
    const { audiences = [] } = this.request;
    try {
      const watch = await live.watch(
        this.request.feed,
        () => this.changed(),
        () => void this.close('revoked'),
      );
      if (this.isClosed()) return watch.close();
      this.watch = watch;
      const membership = await members.join({ feed: this.request.feed, audiences });
      if (this.isClosed()) return membership.leave();
      this.membership = membership;
      const feed = await reader.open(this.request.feed, audiences);
      if (this.isClosed()) return;
      if (feed.pending) membership.takeLater();
      watch.observe(feed);
      const place = startingPlace(feed, this.request.position);
      this.moveTo(feed, place.seq);
      const resetOf = place.reset && this.request.lastEventId;
      const frames = [readyFrame(feed, place.seq, jittered(options.retryMs, 0.5), resetOf)];
      if (place.reset) frames.push(this.reset(place.reset, feed));
      this.write(frames);
    } catch {
      // The port has reported it, once per outage. The client reconnects by itself.
      void this.close('unavailable');
    }
  }

  /** Called when the bus or the check of heads has news. */
  private changed(): void {
    if (this.state === 'live') this.advance();
  }

  /** The loop: chooses the next step. Only called when the outlet has room. */
  private advance(): void {
    const watch = this.watch!;
    const entries = watch.next(this.epoch, this.seq);
    if (entries.length > 0) {
      this.writeEntries(entries, 'memory');
    } else if (watch.behind(this.epoch, this.seq)) {
      void this.read();
    } else {
      this.state = 'live';
      this.caughtUp = true;
    }
  }

  private async read(): Promise<void> {
    this.state = 'reading';
    const { reader, metrics } = this.ports;
    try {
      const page = await reader.page(this.feedId, this.seq);
      if (this.isClosed()) return;
      this.failedReads = 0;
      // The feed was erased, perhaps with its recipient: only a valid credential may create a new one.
      if (page === null) return void this.close('revoked');
      this.watch!.observe(page);
      const reason = resetReason(page, this.epoch, this.seq);
      if (reason) {
        this.moveTo(page, page.floor);
        this.write([this.reset(reason, page)]);
      } else if (page.entries.length > 0) {
        if (this.caughtUp) metrics.healed();
        this.writeEntries(page.entries, 'log');
      } else {
        this.advance();
      }
    } catch {
      // The log has reported it, once per outage. The stream stays: its client has everything up to the
      // cursor.
      if (!this.isClosed()) this.retryRead();
    }
  }

  private retryRead(): void {
    this.state = 'retrying';
    this.failedReads += 1;
    this.retry = setTimeout(() => void this.read(), backoffMs(this.failedReads, READ_RETRY));
    this.retry.unref();
  }

  private moveTo(feed: FeedState, seq: number): void {
    this.feedId = feed.feedId;
    this.epoch = feed.epoch;
    this.seq = seq;
  }

  private reset(reason: ResetReason, feed: FeedState): Frame {
    this.ports.metrics.reset(reason);
    this.caughtUp = false;
    return resetFrame(reason, feed);
  }

  private writeEntries(entries: readonly LogEntry[], from: 'memory' | 'log'): void {
    const frames: Frame[] = [];
    let shown = 0;
    for (const [index, entry] of entries.entries()) {
      if (entry.json !== null) shown += 1;
      // An invisible entry still moves the cursor; at the end of a page a frame must report that.
      else if (index < entries.length - 1) continue;
      frames.push(entryFrame(this.epoch, entry, this.request.eventName));
    }
    this.seq = entries.at(-1)!.seq;
    this.ports.metrics.entriesDelivered(shown, from);
    if (this.caughtUp) this.ports.arrivals.observe(entries);
    this.write(frames);
  }

  /** Passes the frames to the outlet and continues once it has taken them. */
  private write(frames: readonly Frame[]): void {
    this.state = 'writing';
    const { outlet } = this.request;
    const emit = (): void => {
      for (const frame of frames) this.subscriber.next(frame);
    };
    if (frames.length > 1) outlet.batch(emit);
    else emit();
    outlet.whenWritable(() => {
      if (this.state === 'writing') this.advance();
    });
  }

  /** One timer for both: sends a heartbeat if there is room for it, otherwise checks whether the reader has stalled. */
  private startTicking(): void {
    const { heartbeatMs, stalledAfterMs } = this.ports.options;
    // Jittered in coarse steps: Node keeps a list for each duration.
    const jitteredMs = (heartbeatMs * jittered(HEARTBEAT_STEPS, 0.2)) / HEARTBEAT_STEPS;
    this.tick = setInterval(
      () => {
        if (this.state === 'writing') this.watchStalledReader();
        else if (this.state === 'live') this.write([{ comment: 'hb' }]);
        else this.subscriber.next({ comment: 'hb' });
      },
      Math.min(jitteredMs, stalledAfterMs / 2),
    );
    this.tick.unref();
  }

  private watchStalledReader(): void {
    const { outlet } = this.request;
    const bytes = outlet.bytesTaken();
    const now = performance.now();
    if (bytes !== this.progress.bytes) {
      this.progress = { bytes, at: now };
    } else if (now - this.progress.at >= this.ports.options.stalledAfterMs) {
      this.release('stalled');
      outlet.destroy();
    }
  }

  /** Called after each wait. A method, because the compiler would otherwise narrow the state. */
  private isClosed(): boolean {
    return this.state === 'closed';
  }
}

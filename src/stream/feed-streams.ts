import { Observable } from 'rxjs';
import type { Clock } from '../contract/ports/clock.js';
import { feedKeyString, type FeedKey } from '../contract/model/feed.js';
import type { ClosingReason, Frame, StreamRequest, Streams, StreamStates } from '../contract/ports/stream.js';
import type { StreamCounts } from '../contract/ports/stream-counts.js';
import type { Tracing } from '../contract/ports/tracing.js';
import type { Tickets } from '../contract/ports/tickets.js';
import { Arrivals } from './arrivals.js';
import { Connection, type ConnectionPorts } from './connection.js';
import { closingFrame } from './frames.js';
import { leavingDelays } from './leaving.js';
import { jittered } from '../platform/time/jitter.js';

/** An hour. */
const NEVER_MS = 3_600_000;

/** The dependencies of {@link FeedStreams}. */
export interface StreamsPorts extends Omit<ConnectionPorts, 'arrivals'> {
  /** Default: the clock of this machine. */
  readonly clock?: Clock;
  /** Where `maxPerRecipient` counts the other instances' streams as well. */
  readonly counts?: StreamCounts | null;
  /** Default: no traces. */
  readonly tracing?: Tracing | null;
  readonly tickets: Pick<Tickets, 'revoke'>;
}

/** All streams of this instance: opens them, counts them per recipient, and ends them at shutdown. */
export class FeedStreams implements Streams {
  private readonly connections = new Map<string, Set<Connection>>();
  private draining = false;

  private readonly ports: StreamsPorts & ConnectionPorts;

  constructor(ports: StreamsPorts) {
    this.ports = {
      ...ports,
      arrivals: new Arrivals(ports.metrics, ports.tracing ?? null, ports.clock ?? Date),
    };
  }

  open(request: StreamRequest): Observable<Frame> {
    // Holds nothing before the subscription, because the client may leave while a guard is still running.
    return new Observable<Frame>((subscriber) => {
      const refusal = this.refusal(request);
      if (refusal) return this.refuse(refusal, request.lastEventId).subscribe(subscriber);

      const { metrics, counts } = this.ports;
      const key = feedKeyString(request.feed);
      const own = this.connections.get(key) ?? new Set();
      const connection = new Connection(request, subscriber, this.ports, (reason) => {
        own.delete(connection);
        if (own.size === 0) this.connections.delete(key);
        void counts?.share(request.feed, own.size);
        metrics.streamClosed(reason);
      });
      this.connections.set(key, own.add(connection));
      metrics.streamOpened();
      connection.start();
      void this.refuseOver(request.feed, own.size, connection);
      return () => connection.release('client');
    });
  }

  refuse(reason: ClosingReason, lastEventId: string): Observable<Frame> {
    return new Observable<Frame>((subscriber) => {
      this.ports.metrics.streamRefused(reason);
      subscriber.next(closingFrame(reason, lastEventId, this.delayAfter(reason)));
      subscriber.complete();
    });
  }

  /** An EventSource with an invalid ticket reconnects whatever it is told: rarely, if its page does not end it. */
  private delayAfter(reason: ClosingReason): number {
    if (reason === 'ticket-invalid') return NEVER_MS;
    return jittered(this.ports.options.retryMs * (reason === 'draining' ? 1 : 3), 0.5);
  }

  disconnect(feeds: readonly FeedKey[]): void {
    void this.ports.tickets.revoke(feeds);
    for (const feed of feeds) {
      for (const connection of [...(this.connections.get(feedKeyString(feed)) ?? [])])
        void connection.close('revoked');
    }
    this.ports.live.disconnect(feeds);
  }

  states(): StreamStates {
    const counts = { opening: 0, replaying: 0, live: 0, blocked: 0, retrying: 0 };
    for (const own of this.connections.values()) for (const { phase } of own) counts[phase] += 1;
    return counts;
  }

  async drain(): Promise<void> {
    this.draining = true;
    const all = [...this.connections.values()].flatMap((own) => [...own]);
    const delays = leavingDelays(all.length, this.ports.options.retryMs);
    await Promise.all(all.map((connection, nth) => connection.close('draining', delays[nth])));
  }

  /** Closes the newest stream, if the other instances have so many that it is one too many. Meanwhile it is open: few are refused. */
  private async refuseOver(feed: FeedKey, own: number, newest: Connection): Promise<void> {
    const { counts, options } = this.ports;
    if (!counts || options.maxPerRecipient === null) return;
    if (own + (await counts.share(feed, own)) > options.maxPerRecipient) await newest.close('busy');
  }

  private refusal(request: StreamRequest): ClosingReason | null {
    if (this.draining) return 'draining';
    const { maxPerRecipient } = this.ports.options;
    const open = this.connections.get(feedKeyString(request.feed))?.size ?? 0;
    // Rejects the newest: evicting the oldest would make tabs evict each other forever.
    return maxPerRecipient !== null && open >= maxPerRecipient ? 'busy' : null;
  }
}

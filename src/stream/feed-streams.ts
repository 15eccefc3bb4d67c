import { Observable } from 'rxjs';
import { feedKeyString, type FeedKey } from '../contract/model/feed.js';
import type { ClosingReason, Frame, StreamRequest, Streams } from '../contract/ports/stream.js';
import { Connection, type ConnectionPorts } from './connection.js';
import { closingFrame } from './frames.js';
import { jittered } from '../platform/time/jitter.js';

/** All streams of this instance: opens them, counts them per recipient, and ends them at shutdown. */
export class FeedStreams implements Streams {
  private readonly connections = new Map<string, Set<Connection>>();
  private draining = false;

  constructor(private readonly ports: ConnectionPorts) {}

  open(request: StreamRequest): Observable<Frame> {
    // Holds nothing before the subscription, because the client may leave while a guard is still running.
    return new Observable<Frame>((subscriber) => {
      const refusal = this.refusal(request);
      if (refusal) return this.refuse(refusal, request.lastEventId).subscribe(subscriber);

      const { metrics } = this.ports;
      const key = feedKeyString(request.feed);
      const own = this.connections.get(key) ?? new Set();
      const connection = new Connection(request, subscriber, this.ports, (reason) => {
        own.delete(connection);
        if (own.size === 0) this.connections.delete(key);
        metrics.streamClosed(reason);
      });
      this.connections.set(key, own.add(connection));
      metrics.streamOpened();
      connection.start();
      return () => connection.release('client');
    });
  }

  refuse(reason: ClosingReason, lastEventId: string): Observable<Frame> {
    return new Observable<Frame>((subscriber) => {
      this.ports.metrics.streamRefused(reason);
      const patience = reason === 'draining' ? 1 : 3;
      subscriber.next(
        closingFrame(reason, lastEventId, jittered(this.ports.options.retryMs * patience, 0.5)),
      );
      subscriber.complete();
    });
  }

  disconnect(feeds: readonly FeedKey[]): void {
    for (const feed of feeds) {
      for (const connection of [...(this.connections.get(feedKeyString(feed)) ?? [])])
        void connection.close('revoked');
    }
    this.ports.live.disconnect(feeds);
  }

  async drain(): Promise<void> {
    this.draining = true;
    const all = [...this.connections.values()].flatMap((own) => [...own]);
    await Promise.all(all.map((connection) => connection.close('draining')));
  }

  private refusal(request: StreamRequest): ClosingReason | null {
    if (this.draining) return 'draining';
    const { maxPerRecipient } = this.ports.options;
    const open = this.connections.get(feedKeyString(request.feed))?.size ?? 0;
    // Rejects the newest: evicting the oldest would make tabs evict each other forever.
    return maxPerRecipient !== null && open >= maxPerRecipient ? 'busy' : null;
  }
}

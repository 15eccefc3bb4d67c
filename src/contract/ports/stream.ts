import type { Observable } from 'rxjs';
import type { FeedKey } from '../model/feed.js';
import type { RequestedPosition } from '../model/cursor.js';

/** One frame of the wire, in the shape of Nest's `MessageEvent`. */
export interface Frame {
  type?: string;
  /** Every frame but a comment carries one: Nest would invent ids, and browsers would send those back. */
  id?: string;
  /** One line of JSON; without it the frame only moves the client's last event id. */
  data?: string;
  retry?: number;
  comment?: string;
}

/** The far end of a connection, as far as the cursor loop must know it. */
export interface StreamOutlet {
  /** Calls back once the frames given so far have left for the socket and it has room again; at once if it has. */
  whenWritable(callback: () => void): void;
  /** The frames of `emit` leave together, as one write where the transport can. */
  batch(emit: () => void): void;
  /** Bytes taken by the socket so far: it tells a slow reader from one that takes nothing. */
  bytesTaken(): number;
  /** Ends the connection without ceremony. */
  destroy(): void;
}

/** Who may read which feed, from where, and for how long. */
export interface StreamRequest {
  readonly feed: FeedKey;
  readonly position: RequestedPosition;
  /** What the client sent as its last event id, echoed while the position is not known yet. */
  readonly lastEventId: string;
  /** When the credential ends; `null` if it does not. */
  readonly expiresAt: Date | null;
  /** Ends the stream when it is aborted; its `reason` is a {@link ClosingReason}. */
  readonly signal?: AbortSignal;
  /** `type`: the event name is the notification's type; `message`: EventSource's default event. */
  readonly eventName: 'type' | 'message';
  readonly outlet: StreamOutlet;
}

/** Why the server ends a stream. All of them pass: the client comes back by itself. */
export type ClosingReason = 'draining' | 'credential-expired' | 'revoked' | 'busy' | 'unavailable';

/** Why a cursor could not be honoured. */
export type ResetReason = 'expired' | 'epoch' | 'ahead' | 'malformed';

/** Opens streams. The Observables are cold, never error, and hold nothing before they are subscribed to. */
export interface Streams {
  open(request: StreamRequest): Observable<Frame>;
  /** A stream that says why it cannot begin and ends: an EventSource gives up for good on any status but 200. */
  refuse(reason: ClosingReason, lastEventId: string): Observable<Frame>;
  /**
   * Ends the streams of these feeds with `feed.closing` and the reason `revoked`: here at once, on the other instances as the live bus tells
   * them. Who may still read comes back by itself, so revoke the credential first.
   */
  disconnect(feeds: readonly FeedKey[]): void;
  /** Ends every stream with `feed.closing` and refuses new ones; resolves when all have flushed or were destroyed. */
  drain(): Promise<void>;
}

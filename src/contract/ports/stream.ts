import type { Observable } from 'rxjs';
import type { FeedKey } from '../model/feed.js';
import type { RequestedPosition } from '../model/cursor.js';

/** A frame on the wire, in the shape of Nest's `MessageEvent`. */
export interface Frame {
  type?: string;
  /** Every frame but a comment has one: Nest would invent ids, and browsers would send those back. */
  id?: string;
  /** One line of JSON; without it the frame only moves the client's last event id. */
  data?: string;
  retry?: number;
  comment?: string;
}

/** The other end of a connection, as the cursor loop sees it. */
export interface StreamOutlet {
  /**
   * Calls back once the frames emitted so far have left for the socket and it has room again; at once if it
   * has room.
   */
  whenWritable(callback: () => void): void;
  /** Sends the frames emitted by `emit` together, in one write if the transport can. */
  batch(emit: () => void): void;
  /** The bytes that the socket has taken so far: distinguishes a slow reader from one that takes nothing. */
  bytesTaken(): number;
  /** Cuts the connection at once. */
  destroy(): void;
}

/** A request for a stream. */
export interface StreamRequest {
  readonly feed: FeedKey;
  /** The recipient's audiences, with `all`: their new entries are taken into the feed. Default: none. */
  readonly audiences?: readonly string[];
  readonly position: RequestedPosition;
  /** The client's last event id, echoed until the position is known. */
  readonly lastEventId: string;
  /** When the credential expires; `null` if it does not. */
  readonly expiresAt: Date | null;
  /** Ends the stream when aborted; its `reason` is a {@link ClosingReason}. */
  readonly signal?: AbortSignal;
  /** `type`: the event name is the notification's type; `message`: EventSource's default event. */
  readonly eventName: 'type' | 'message';
  readonly outlet: StreamOutlet;
}

/**
 * Why the server ends a stream. All but one are temporary: the client reconnects by itself. `ticket-invalid`: the ticket in the URL was used
 * before, and only another one opens a stream.
 */
export type ClosingReason =
  'draining' | 'credential-expired' | 'revoked' | 'busy' | 'unavailable' | 'ticket-invalid';

/** Why a cursor could not be honoured. */
export type ResetReason = 'expired' | 'epoch' | 'ahead' | 'malformed';

/**
 * The state of a stream. `opening`: its position is being read. `replaying`: it catches up with the log. `live`: it has caught up. `blocked`: it has,
 * and its reader takes nothing at present. `retrying`: the log cannot be read.
 */
export type StreamState = 'opening' | 'replaying' | 'live' | 'blocked' | 'retrying';

/** The number of streams in each state. */
export type StreamStates = Readonly<Record<StreamState, number>>;

/** Opens streams. The Observables are cold, never error, and hold nothing before they are subscribed to. */
export interface Streams {
  open(request: StreamRequest): Observable<Frame>;
  /**
   * Returns a stream that only states the reason and ends: an EventSource never reconnects after any status
   * but 200.
   */
  refuse(reason: ClosingReason, lastEventId: string): Observable<Frame>;
  /**
   * Ends the streams of these feeds with `feed.closing` and the reason `revoked`: here at once, on other
   * instances through the live bus. Clients that still have access reconnect by themselves, so revoke the
   * credential first.
   */
  disconnect(feeds: readonly FeedKey[]): void;
  /** The number of this instance's streams in each state. */
  states(): StreamStates;
  /** Ends every stream with `feed.closing` and rejects new ones; resolves when all have flushed or were destroyed. */
  drain(): Promise<void>;
}

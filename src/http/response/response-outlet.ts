import type { ServerResponse } from 'node:http';
import type { StreamOutlet } from '../../contract/ports/stream.js';

/**
 * The end of a connection: the raw response.
 *
 * Nest writes each message of the Observable in a tick of its own and queues, invisibly, the rest that the response does not take. The response
 * is visible: after a full turn of the event loop Nest has written all that it could; if the response then needs no drain, the queue is empty,
 * otherwise it continues at the next `drain`. So there are two state machines:
 *
 *     batch:         open -> corked -> (end of turn) -> open, or -> (needs drain) -> (drain) -> corked -> ...
 *     whenWritable:  (full turn) -> needs drain? -> no: called
 *                                                -> yes: (drain) -> (full turn) -> ...
 *
 * An ended response is writable when its last byte is sent (`finish`), so that a stream knows that its last frame was sent. A response that is
 * aborted calls nobody back.
 */
export class ResponseOutlet implements StreamOutlet {
  #corked = false;
  #finished = false;
  #bytesTaken = 0;

  constructor(private readonly response: ServerResponse) {
    // Recorded, because `writableFinished` may also be true of an aborted response.
    response.once('finish', () => (this.#finished = true));
  }

  whenWritable(callback: () => void): void {
    setImmediate(() => {
      const { response } = this;
      if (this.#finished) callback();
      else if (response.closed || response.destroyed) return;
      else if (response.writableEnded) onceAny(response, ['finish'], callback);
      else if (response.writableNeedDrain)
        onceAny(response, ['drain', 'finish'], () => this.whenWritable(callback));
      else callback();
    });
  }

  batch(emit: () => void): void {
    this.#cork();
    emit();
  }

  /**
   * The bytes that the operating system has accepted. It accepts no more while its buffers for this reader are full, so for a slow
   * reader the number grows in steps of a part of those buffers.
   */
  bytesTaken(): number {
    const socket = this.response.socket as SocketWithHandle | null;
    if (!socket) return this.#bytesTaken;
    // Completed writes. Only the handle knows how much was accepted of a write in progress (a whole page, for a slow reader). Node's own
    // idle timeout reads it as well; it is not a public interface, so it may be missing.
    const done = socket.bytesWritten - socket.writableLength;
    const { bytesWritten, writeQueueSize } = socket._handle ?? {};
    const taken =
      typeof bytesWritten === 'number' && typeof writeQueueSize === 'number'
        ? bytesWritten - writeQueueSize
        : done;
    return (this.#bytesTaken = Math.max(this.#bytesTaken, taken));
  }

  destroy(): void {
    this.response.destroy();
  }

  /**
   * Corks the connection until the end of the turn, when Nest has written the batch. The rest stays in Nest's queue until the next
   * drain, and is corked as well.
   *
   * Over HTTP/1 it is the socket that is corked: a corked response of Node 22 never drains after more than its buffer holds, because it
   * asks for a drain that the socket knows nothing of.
   */
  #cork(): void {
    const { response } = this;
    if (this.#corked || response.writableEnded || response.destroyed) return;
    this.#corked = true;
    const corked = (response.req.httpVersionMajor === 1 && response.socket) || response;
    corked.cork();
    setImmediate(() => {
      this.#corked = false;
      // `end()` uncorks.
      if (response.writableEnded || response.destroyed) return;
      corked.uncork();
      if (response.writableNeedDrain) onceAny(response, ['drain', 'finish'], () => this.#cork());
    });
  }
}

interface SocketWithHandle {
  readonly bytesWritten: number;
  readonly writableLength: number;
  readonly _handle?: { readonly bytesWritten?: unknown; readonly writeQueueSize?: unknown } | null;
}

/** Calls back at the first of these events, never after `close`, and removes its listeners. */
function onceAny(response: ServerResponse, events: readonly string[], callback: () => void): void {
  const stop = (): void => {
    for (const event of events) response.off(event, proceed);
    response.off('close', stop);
  };
  const proceed = (): void => {
    stop();
    callback();
  };
  for (const event of events) response.once(event, proceed);
  response.once('close', stop);
}

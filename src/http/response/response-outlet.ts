import type { ServerResponse } from 'node:http';
import type { StreamOutlet } from '../../contract/ports/stream.js';

/**
 * The raw response as the far end of a connection.
 *
 * Nest writes each message of the Observable in ticks of its own and queues, without a word to us, what the response does not take. What can
 * be known is the response: once a full turn of the event loop has passed, Nest has written what it could; if the response then needs no drain,
 * the queue is empty, else it moves on at the next `drain`. So the two machines here are
 *
 *     batch:         open -> corked -> (end of turn) -> open, or -> (needs drain) -> (drain) -> corked -> ...
 *     whenWritable:  (full turn) -> needs drain? -> no: called
 *                                                -> yes: (drain) -> (full turn) -> ...
 *
 * An ended response counts as writable when its last byte has left (`finish`), which is how a stream learns that its farewell
 * was sent. A response that breaks off calls nobody back.
 */
export class ResponseOutlet implements StreamOutlet {
  #corked = false;
  #finished = false;
  #bytesTaken = 0;

  constructor(private readonly response: ServerResponse) {
    // Remembered, because `writableFinished` may be true of a response that broke off as well.
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
   * Bytes that the operating system took. It takes no more while its own buffers for this reader are full, so a reader that
   * reads little moves this number in steps of a part of those buffers.
   */
  bytesTaken(): number {
    const socket = this.response.socket as SocketWithHandle | null;
    if (!socket) return this.#bytesTaken;
    // Writes that are done. Of one under way (a whole page, when the reader is slow) the part that was taken is known to the
    // handle alone, which Node's own idle time-out asks for the same reason; it is no public interface, so do without if it is not there.
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
   * Corks the response to the end of the turn, by when Nest has written the batch. What does not fit stays in Nest's
   * queue until the next drain, and leaves corked as well.
   */
  #cork(): void {
    const { response } = this;
    if (this.#corked || response.writableEnded || response.destroyed) return;
    this.#corked = true;
    response.cork();
    setImmediate(() => {
      this.#corked = false;
      // An ended response has uncorked itself.
      if (response.writableEnded || response.destroyed) return;
      response.uncork();
      if (response.writableNeedDrain) onceAny(response, ['drain', 'finish'], () => this.#cork());
    });
  }
}

interface SocketWithHandle {
  readonly bytesWritten: number;
  readonly writableLength: number;
  readonly _handle?: { readonly bytesWritten?: unknown; readonly writeQueueSize?: unknown } | null;
}

/** Calls back at the first of these events, never after `close`, and takes all its listeners away with it. */
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

import type { Eraser, ErasureReport, LogEraser, QueueEraser } from '../contract/ports/erase.js';
import type { FeedKey } from '../contract/model/feed.js';
import type { Streams } from '../contract/ports/stream.js';

/**
 * Erases the log first, then ends the streams, and cleans the queue last:
 *
 * - The log comes first, because its tombstone makes the erasure final: once it is committed, no older job
 *   can append, whether it is waiting, running, or coming back from a dead worker. With the queue first, a
 *   running job could append after the rows are deleted.
 * - Then the streams: a client that reconnects finds a new feed. Ended earlier, it would return to the old
 *   one.
 * - The queue comes last, because it can take long or be unavailable. By then only the names and contents in
 *   its jobs are left to remove. Jobs queued after the tombstone stay.
 *
 * A crash midway leaves less data than before, and nothing that can come back; the caller gets no answer and
 * repeats the call.
 */
export class ComposedEraser implements Eraser {
  constructor(
    private readonly log: LogEraser,
    private readonly streams: Pick<Streams, 'disconnect'>,
    private readonly queue: QueueEraser,
  ) {}

  async eraseRecipient(feed: FeedKey): Promise<ErasureReport> {
    const { feeds, entries, ...times } = await this.log.eraseRecipient(feed);
    this.streams.disconnect([feed]);
    return { feeds, entries, jobs: await this.queue.erase(feed, times) };
  }

  async eraseTenant(tenant: string): Promise<ErasureReport> {
    const ended = (feeds: readonly FeedKey[]): void => this.streams.disconnect(feeds);
    const { feeds, entries, ...times } = await this.log.eraseTenant(tenant, ended);
    return { feeds, entries, jobs: await this.queue.erase({ tenant, recipient: null }, times) };
  }
}

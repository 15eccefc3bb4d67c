import type { Eraser, ErasureReport, LogEraser, QueueEraser } from '../contract/ports/erase.js';
import type { FeedKey } from '../contract/model/feed.js';
import type { Streams } from '../contract/ports/stream.js';

/**
 * Erases from the log, ends the streams, and then looks through the queue, in this order:
 *
 * - The log first, because its tombstone is what makes an erasure final. From its commit on no job that was queued before can append, whether
 *   it waits, runs at this moment, or comes back from a worker that died. Were the queue first, a job that runs meanwhile could append
 *   after the rows are gone.
 * - Then the streams: who is connected finds a new feed when it comes back. Were they ended before, it would come back to the old one.
 * - The queue last. It can take long, or be away, and by then nothing depends on it but that the names and contents in it are
 *   gone, too. Jobs that were queued after the tombstone are of a new life and stay.
 *
 * A crash in the middle leaves less than there was, and never something that comes back; the caller has no answer and repeats it.
 */
export class ComposedEraser implements Eraser {
  constructor(
    private readonly log: LogEraser,
    private readonly streams: Pick<Streams, 'disconnect'>,
    private readonly queue: QueueEraser,
  ) {}

  async eraseRecipient(feed: FeedKey): Promise<ErasureReport> {
    const { at, feeds, entries } = await this.log.eraseRecipient(feed);
    this.streams.disconnect([feed]);
    return { feeds, entries, jobs: await this.queue.erase(feed, at) };
  }

  async eraseTenant(tenant: string): Promise<ErasureReport> {
    const ended = (feeds: readonly FeedKey[]): void => this.streams.disconnect(feeds);
    const { at, feeds, entries } = await this.log.eraseTenant(tenant, ended);
    return { feeds, entries, jobs: await this.queue.erase({ tenant, recipient: null }, at) };
  }
}

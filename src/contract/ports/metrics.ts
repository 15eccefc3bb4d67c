import type { QueueDepth } from './ops.js';
import type { StreamStates } from './stream.js';

/**
 * Why a notification was not delivered directly. `later`: it is due later. `escalations`: they need the queue, which is unavailable. `busy`:
 * too many appends were in progress. `outage`: the log failed a moment ago. `late`: no answer within a second. `log-unavailable`, `feed-busy`:
 * the append failed. `error`: something else did, such as `resolveLocales`.
 */
export type HandoverReason =
  'later' | 'escalations' | 'busy' | 'outage' | 'late' | 'log-unavailable' | 'feed-busy' | 'error';

/** The ids of a trace and of a span of it, in hexadecimal. */
export interface TraceIds {
  readonly traceId: string;
  readonly spanId: string;
}

/** Receives the counts of all stages. The service's adapter is a Prometheus registry. */
export interface Metrics {
  /** A batch was committed: the number of entries and duplicates, and the duration of the transaction. */
  batchAppended(batch: { appended: number; duplicates: number; durationMs: number }): void;
  /** Entries of audiences were taken into feeds; they also count as appended. */
  audienceTaken?(count: number): void;
  /** Feeds of a batch were locked elsewhere and left to a later batch. */
  feedsBusy(count: number): void;
  /** Frames with entries were passed to a connection, from memory or from Postgres. */
  entriesDelivered(count: number, from: 'memory' | 'log'): void;
  /**
   * A notification was passed to a stream that waited for it: how long after its append, on the clock of the database, and after it was
   * published, which is known while it is fresh, and its trace, if one was recorded. Replays are not reported.
   */
  entryShown?(latency: {
    sinceAppendMs: number;
    sincePublishMs: number | null;
    trace?: TraceIds | null;
  }): void;
  /** The pages of this many connections were read from Postgres in one query. */
  pagesRead(connections: number): void;
  /** A live connection found a hole and read the log. */
  healed(): void;
  /** A connection got `feed.reset`. */
  reset(reason: string): void;
  streamOpened(): void;
  /** The reason is `client`, `stalled`, or that of `feed.closing`. */
  streamClosed(reason: string): void;
  /** A stream was refused with only `feed.closing` and this reason: `busy`, `draining`, `unavailable`. */
  streamRefused(reason: string): void;
  /** An HTTP request was refused with a status from 400 to 499 and this `code` of the problem. */
  httpRefused(code: string): void;
  /** A notification went to the queue instead of being delivered directly. */
  handedToQueue(reason: HandoverReason): void;
  /** A job ended: appended, failed for good, or put back to wait. */
  jobProcessed(outcome: 'completed' | 'failed' | 'delayed'): void;
  /** A message went to or came from the bus. */
  busMessage(direction: 'sent' | 'received'): void;
  /** The bus could not send a message; the cursors recover it. */
  busFailed(): void;
  /**
   * Called once at the start, if present, with a function that returns the number of jobs by state. That
   * function rejects while the queue is unavailable.
   */
  observeQueue?(depth: QueueDepth): void;
  /** The same for the streams of this process, by state. */
  observeStreams?(states: () => StreamStates): void;
}

const nothing = (): void => {};

/** Counts nothing: the default without a registry. */
export const NO_METRICS: Metrics = {
  batchAppended: nothing,
  feedsBusy: nothing,
  entriesDelivered: nothing,
  pagesRead: nothing,
  healed: nothing,
  reset: nothing,
  streamOpened: nothing,
  streamClosed: nothing,
  streamRefused: nothing,
  httpRefused: nothing,
  handedToQueue: nothing,
  jobProcessed: nothing,
  busMessage: nothing,
  busFailed: nothing,
};

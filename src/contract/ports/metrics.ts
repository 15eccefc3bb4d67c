import type { QueueDepth } from './ops.js';

/** What the stages count. The service's Prometheus registry is one adapter, silence another. */
export interface Metrics {
  /** A batch was committed: how many entries, how long its transaction took, how many were duplicates. */
  batchAppended(batch: { appended: number; duplicates: number; durationMs: number }): void;
  /** Feeds of a batch were locked by someone else and left to a later batch. */
  feedsBusy(count: number): void;
  /** Frames with entries were handed to a connection: how many came from memory, how many from Postgres. */
  entriesDelivered(count: number, from: 'memory' | 'log'): void;
  /** The pages of so many connections were read from Postgres in one query. */
  pagesRead(connections: number): void;
  /** A live connection found a hole and read the log. */
  healed(): void;
  /** A connection was told `feed.reset`. */
  reset(reason: string): void;
  streamOpened(): void;
  /** The reason: `client`, or that of `feed.closing`, or `stalled`. */
  streamClosed(reason: string): void;
  /** A stream was answered with nothing but `feed.closing` and this reason: `busy`, `draining`, `unavailable`. */
  streamRefused(reason: string): void;
  /** A job ended: appended, failed for good, or put back to wait. */
  jobProcessed(outcome: 'completed' | 'failed' | 'delayed'): void;
  /** A message went to or came from the bus. */
  busMessage(direction: 'sent' | 'received'): void;
  /** The bus could not take a message; the cursors will heal. */
  busFailed(): void;
  /** Told once, at the start, where to ask for the number of jobs by state; only if it is there. It rejects while the queue is away. */
  observeQueue?(depth: QueueDepth): void;
}

const nothing = (): void => {};

/** Counts nothing: the default in a host that brings no registry. */
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
  jobProcessed: nothing,
  busMessage: nothing,
  busFailed: nothing,
};

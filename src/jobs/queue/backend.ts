import type { Processor, Queue, WorkerOptions } from 'bullmq';
import type { ErasureTarget } from '../../contract/ports/erase.js';
import type { ResilientWorker } from './resilient-worker.js';

/** The queue's backend: BullMQ on Redis or on Postgres. It closes the connections that it opens. */
export interface QueueBackend {
  readonly name: 'redis' | 'postgres';
  /**
   * Whether BullMQ waits for a server that is unavailable at first. On Postgres it does not: it checks its
   * tables once, and a Queue or Worker
   * whose first check failed never recovers.
   */
  readonly waits: boolean;
  /** Whether BullMQ itself removes old finished jobs cheaply; otherwise {@link FinishedJobsSweep} does. */
  readonly trims: boolean;
  /** Creates what the first Queue or Worker requires, such as tables. Safe to run in two processes at once. */
  prepare(): Promise<void>;
  /** Opens a Queue with its own connection, which fails rather than keeping a producer waiting. */
  openQueue(name: string): Connected<Queue> & Searchable;
  /** Opens a Worker that is not running yet, with its own connections, which wait without limit. */
  openWorker(
    name: string,
    processor: Processor,
    options: Omit<WorkerOptions, 'connection'>,
  ): Connected<ResilientWorker>;
}

/** A queue on a backend that can search its jobs. Without it every job has to be read. */
export interface Searchable {
  /**
   * Looks at one page of jobs in any state, in the order of their ids.
   *
   * @param after The id to continue after; '' begins.
   */
  readonly search?: (target: ErasureTarget, after: string) => Promise<SearchPage>;
}

/** One page of a search. */
export interface SearchPage {
  /** Jobs that may name the target. */
  readonly ids: readonly string[];
  /** The last id of the page; `null` after the last page. */
  readonly last: string | null;
}

/** A BullMQ instance and its connection. */
export interface Connected<T> {
  readonly instance: T;
  /** Whether the server is available, as far as known. */
  readonly usable: () => boolean;
  /**
   * Resolves when commands can be sent, rejects if the server is unavailable. If absent, commands can be sent
   * once the instance is ready.
   */
  readonly reach?: () => Promise<void>;
  /**
   * Closes the connection without waiting for the server, which may be unavailable; call it after the
   * instance's `close()`, or instead of it.
   */
  readonly destroy: () => Promise<void>;
}

import type { Processor, Queue, WorkerOptions } from 'bullmq';
import type { PatientWorker } from './patient-worker.js';

/** Where the queue is: BullMQ on Redis or on Postgres. Connections are made here, and what is made here is closed here. */
export interface QueueBackend {
  readonly name: 'redis' | 'postgres';
  /**
   * Whether BullMQ waits for a server that is not there at first. On Postgres it does not: it looks at its tables once, and a Queue or Worker
   * whose first look failed is broken for good.
   */
  readonly waits: boolean;
  /** Whether BullMQ itself removes old finished jobs at little cost; else {@link FinishedJobsSweep} does. */
  readonly trims: boolean;
  /** Makes what must be there before the first Queue or Worker, such as tables. Two processes may do it at once. */
  prepare(): Promise<void>;
  /** A Queue with a connection of its own, which would rather fail than keep a producer waiting. */
  openQueue(name: string): Connected<Queue>;
  /** A Worker, not running yet, with connections of its own, which wait as long as it takes. */
  openWorker(
    name: string,
    processor: Processor,
    options: Omit<WorkerOptions, 'connection'>,
  ): Connected<PatientWorker>;
}

/** One of BullMQ's classes with the connection that was made for it. */
export interface Connected<T> {
  readonly instance: T;
  /** Whether the server seems to be there at this moment. */
  readonly usable: () => boolean;
  /** Resolves when commands can be sent, rejects if the server is away; without it, they can be sent when the instance is ready. */
  readonly reach?: () => Promise<void>;
  /**
   * Ends the connection without waiting for the server, which may be away; after `close()` of the instance, or instead of it.
   */
  readonly destroy: () => Promise<void>;
}

import { afterAll, afterEach, beforeAll, expect } from '@jest/globals';
import type { Job, Queue } from 'bullmq';
import { eventually } from '../support/eventually.js';
import { openJobs, type Jobs } from './queue-jobs.js';

/** A server that a queue can live on, with what happens to servers. */
export interface QueueServer {
  /** Where {@link JobQueue} finds it. */
  readonly options: { database: { url: string }; redis: { url: string } | null };
  /** A Queue of plain BullMQ, with nothing of ours. Close it. */
  plainQueue(name: string): Promise<{ queue: Queue; close: () => Promise<void> }>;
  /** Everything is gone, as after FLUSHALL or with a fresh database. */
  wipe(): Promise<void>;
  pause(): void | Promise<void>;
  resume(): void | Promise<void>;
  stop(): Promise<void>;
  start(): Promise<void>;
  close(): Promise<void>;
}

/** One server for all contracts of a backend, and what a test opens on it. */
export type QueueBench = ReturnType<typeof queueBench>;

/** Registers the hooks of the suite that it is called in. */
export function queueBench(startServer: () => Promise<QueueServer>) {
  let server: QueueServer;
  let names = 0;
  /** Run after each test, the last one first. */
  const cleanUps: (() => Promise<unknown>)[] = [];

  beforeAll(async () => {
    server = await startServer();
  });
  afterEach(async () => {
    for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp();
  });
  afterAll(() => server.close());

  const queueName = (): string => `jobs-${++names}`;
  const open = async (settings: Parameters<typeof openJobs>[1] = {}): Promise<Jobs> => {
    const jobs = await openJobs(server.options, settings);
    cleanUps.push(() => jobs.close());
    return jobs;
  };
  const plain = async (name: string): Promise<Queue> => {
    const { queue, close } = await server.plainQueue(name);
    cleanUps.push(close);
    return queue;
  };
  const stateOf = async (queue: Queue, id: string | undefined): Promise<string> => queue.getJobState(id!);
  const reload = async (queue: Queue, id: string | undefined): Promise<Job> => (await queue.getJob(id!))!;
  const inState = (
    queue: Queue,
    id: string | undefined,
    state: string,
    timeoutMs = 15_000,
  ): Promise<unknown> => eventually(async () => expect(await stateOf(queue, id)).toBe(state), { timeoutMs });
  return {
    get server() {
      return server;
    },
    cleanUps,
    queueName,
    open,
    plain,
    stateOf,
    reload,
    inState,
  };
}

import { createRedisBackend, type Processor, type Queue, type WorkerOptions } from 'bullmq';
import type { RedisAddress } from '../../contract/options/connections.js';
import type { Connected, QueueBackend } from './backend.js';
import { LenientQueue } from './unreadable-job.js';
import { ResilientWorker } from './resilient-worker.js';
import { connectRedis } from '../../platform/redis/redis-connection.js';
import type { RedisUse } from '../../platform/redis/redis-server.js';

/** BullMQ on Redis, standalone or Cluster. */
export class RedisBackend implements QueueBackend {
  readonly name = 'redis';
  readonly waits = true;
  readonly trims = true;

  constructor(
    private readonly address: RedisAddress,
    /** BullMQ's `prefix`, for every queue here. */
    private readonly prefix: string,
    private readonly onError: (error: unknown) => void,
  ) {}

  async prepare(): Promise<void> {
    // Nothing to prepare. If Redis is unavailable, producers get an error and workers wait.
  }

  openQueue(name: string): Connected<Queue> {
    const { prefix } = this;
    const { client, ...connected } = this.connect('producer');
    // The check of Redis' version is a command: if the connection is lost at that moment, the Queue never
    // recovers.
    const instance = new LenientQueue(
      name,
      { connection: client, prefix, skipVersionCheck: true },
      createRedisBackend,
    );
    return { instance, ...connected };
  }

  openWorker(name: string, processor: Processor, options: Omit<WorkerOptions, 'connection'>) {
    const { prefix } = this;
    const { client, ...connected } = this.connect('worker');
    const instance = new ResilientWorker(
      name,
      processor,
      { ...options, connection: client, prefix, autorun: false },
      createRedisBackend,
    );
    return { instance, ...connected };
  }

  private connect(use: RedisUse) {
    const connection = connectRedis(this.address, { use, key: this.prefix }, { error: this.onError });
    return {
      client: connection.client,
      usable: () => connection.usable,
      reach: () => connection.reach(),
      destroy: () => connection.close(),
    };
  }
}

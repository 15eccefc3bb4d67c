import { createRedisBackend, type Processor, type Queue, type WorkerOptions } from 'bullmq';
import type { RedisAddress } from '../../contract/options/connections.js';
import type { Connected, QueueBackend } from './backend.js';
import { LenientQueue } from './lenient-job.js';
import { PatientWorker } from './patient-worker.js';
import { connectRedis } from '../../platform/redis/redis-connection.js';
import type { RedisUse } from '../../platform/redis/redis-server.js';

/** BullMQ on Redis, a single one or a Cluster. */
export class RedisBackend implements QueueBackend {
  readonly name = 'redis';
  readonly waits = true;
  readonly trims = true;

  constructor(
    private readonly address: RedisAddress,
    /** BullMQ's own `prefix`, of every queue here. */
    private readonly prefix: string,
    private readonly onError: (error: unknown) => void,
  ) {}

  async prepare(): Promise<void> {
    // Redis needs nothing, and may be away: producers are told so, workers wait.
  }

  openQueue(name: string): Connected<Queue> {
    const { prefix } = this;
    const { client, ...connected } = this.connect('producer');
    // The check of Redis' version is a command: should the connection be lost in that moment, the Queue would be broken for good.
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
    const instance = new PatientWorker(
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

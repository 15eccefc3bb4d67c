import { createRedisBackend, Queue, type Processor, type WorkerOptions } from 'bullmq';
import type { RedisAddress } from '../../contract/options/connections.js';
import { isClusterAddress } from '../../platform/addresses.js';
import type { Connected, QueueBackend } from './backend.js';
import { PatientWorker } from './patient-worker.js';
import { linkToCluster } from '../../platform/redis/redis-cluster-link.js';
import { linkToRedis, type RedisLink } from '../../platform/redis/redis-link.js';

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
    const { client, ...connected } = this.link(false);
    // The check of Redis' version is a command: should the connection be lost in that moment, the Queue would be broken for good.
    const instance = new Queue(
      name,
      { connection: client, prefix, skipVersionCheck: true },
      createRedisBackend,
    );
    return { instance, ...connected };
  }

  openWorker(name: string, processor: Processor, options: Omit<WorkerOptions, 'connection'>) {
    const { prefix } = this;
    const { client, ...connected } = this.link(true);
    const instance = new PatientWorker(
      name,
      processor,
      { ...options, connection: client, prefix, autorun: false },
      createRedisBackend,
    );
    return { instance, ...connected };
  }

  private link(patient: boolean): RedisLink {
    return isClusterAddress(this.address)
      ? linkToCluster(this.address, patient, this.prefix, this.onError)
      : linkToRedis(this.address, patient, this.onError);
  }
}

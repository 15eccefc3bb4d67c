import { Redis, type RedisOptions } from 'ioredis';
import type { RedisAddress, RedisClusterAddress } from '../../contract/options/connections.js';
import {
  NODE,
  redisRole,
  ReplicaError,
  retryMs,
  untilEnd,
  type RedisServer,
  type RedisUse,
} from './redis-server.js';

const END_MS = 500;

/** A former primary refuses writes, also those of scripts (whose errors begin otherwise before Redis 7). */
const isReadOnly = (error: Error): boolean => error.message.includes('READONLY');

/**
 * While Redis is unavailable commands are refused instead of kept, and when the connection is lost those under way are rejected instead of
 * sent again. Only a command that Redis received and did not answer may run all the same.
 */
const IMPATIENT: RedisOptions = {
  enableOfflineQueue: false,
  autoResendUnfulfilledCommands: false,
  maxRetriesPerRequest: 0,
  // The bus subscribes again itself, since it must know when all is acknowledged.
  autoResubscribe: false,
  reconnectOnError: (error) => (isReadOnly(error) ? 1 : false),
};

/** BullMQ requires `null` of blocking connections. A write that a replica refused is sent again on the next connection. */
const PATIENT: RedisOptions = {
  maxRetriesPerRequest: null,
  reconnectOnError: (error) => (isReadOnly(error) ? 2 : false),
};

/** A single Redis, or the primary that Sentinels name. */
export class StandaloneRedis implements RedisServer {
  readonly client: Redis;
  private readonly clients: Redis[] = [];

  constructor(
    address: Exclude<RedisAddress, RedisClusterAddress>,
    use: RedisUse,
    private readonly onError: (error: unknown) => void,
  ) {
    const options = { ...NODE, retryStrategy: retryMs, ...(use === 'worker' ? PATIENT : IMPATIENT) };
    this.client = this.own(
      typeof address === 'string' ? new Redis(address, options) : new Redis({ ...address, ...options }),
    );
    // BullMQ duplicates the client for its blocking command, and would wait for an answer to end the duplicate.
    const duplicate = this.client.duplicate.bind(this.client);
    this.client.duplicate = (override) => this.own(duplicate(override));
  }

  get usable(): boolean {
    return this.client.status === 'ready';
  }

  async reach(): Promise<void> {
    if (!this.usable) throw new Error('Redis is not connected');
    await this.probe();
  }

  async probe(): Promise<void> {
    // A subscribed connection takes no other command.
    if (this.client.mode === 'subscriber') await this.client.ping();
    else if ((await redisRole(this.client)) === 'replica') throw new ReplicaError();
  }

  reconnect(): void {
    for (const client of this.clients) {
      if (client.status === 'ready' || client.status === 'connect') client.disconnect(true);
    }
  }

  async end(): Promise<void> {
    await Promise.all(this.clients.map(ended));
  }

  private own(client: Redis): Redis {
    this.clients.push(client);
    // For its whole life: BullMQ removes its listener when it closes, and an error without a listener ends the process.
    client.on('error', this.onError);
    return client;
  }
}

async function ended(client: Redis): Promise<void> {
  if (client.status === 'end') return;
  const end = untilEnd(client, END_MS);
  client.disconnect();
  if (client.status === 'reconnecting') {
    // Between two attempts to connect there is no socket whose end ioredis could notice: it would keep its commands forever, and
    // BullMQ the timers that go with them. So it gets an attempt to abort.
    client.connect().catch(() => {});
    client.disconnect();
  }
  await end;
}

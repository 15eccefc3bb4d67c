import { Redis, type Cluster, type RedisOptions } from 'ioredis';
import type { RedisAddress, RedisClusterAddress } from '../../contract/options/connections.js';
import { pingRegularly } from './redis-pings.js';

/** A connection that BullMQ uses and duplicates, and all that was made of it. */
export interface RedisLink<Client extends Redis | Cluster = Redis | Cluster> {
  readonly client: Client;
  /** Whether the server seems to be there at this moment. */
  readonly usable: () => boolean;
  /** Resolves when it is usable; rejects if it is away. */
  readonly reach?: () => Promise<void>;
  readonly destroy: () => Promise<void>;
}

export function retryMs(times: number): number {
  return Math.min(100 * 2 ** Math.min(times, 10), 3_000) * (0.5 + Math.random() / 2);
}

/** What holds for each connection to a server. */
export const NODE: RedisOptions = {
  connectTimeout: 5_000,
  keepAlive: 10_000,
  // A frozen server never answers our FIN.
  disconnectTimeout: 200,
};

/**
 * A producer must not wait, and what it was told has failed must not happen later: while Redis is away commands are refused instead of
 * kept, and when the connection is lost those under way are rejected instead of sent again. What remains is a command that
 * Redis received and did not answer.
 */
const PRODUCER: RedisOptions = {
  ...NODE,
  retryStrategy: retryMs,
  enableOfflineQueue: false,
  autoResendUnfulfilledCommands: false,
  maxRetriesPerRequest: 0,
};

/** A worker has all the time in the world; BullMQ requires `null` of blocking connections. */
const WORKER: RedisOptions = { ...NODE, retryStrategy: retryMs, maxRetriesPerRequest: null };

/** Connects to a single Redis, or to Sentinels. */
export function linkToRedis(
  address: Exclude<RedisAddress, RedisClusterAddress>,
  patient: boolean,
  onError: (error: unknown) => void,
): RedisLink<Redis> {
  const options = patient ? WORKER : PRODUCER;
  const clients: Redis[] = [];
  const own = (client: Redis): Redis => {
    clients.push(client);
    // For as long as it lives: BullMQ takes its listener off when it closes, and an error without a listener ends the process.
    client.on('error', onError);
    return client;
  };
  const client = own(
    typeof address === 'string' ? new Redis(address, options) : new Redis({ ...address, ...options }),
  );
  // BullMQ duplicates the client for its blocking command, and would wait for an answer to end the duplicate.
  const duplicate = client.duplicate.bind(client);
  client.duplicate = (override) => own(duplicate(override));
  const usable = (): boolean => client.status === 'ready';
  const stopPinging = pingRegularly(() => (usable() ? client : undefined));
  const destroy = async (): Promise<void> => {
    stopPinging();
    await Promise.all(clients.map(disconnected));
  };
  return { client, usable, destroy };
}

/** Ends a connection in whatever state it is; what still waits for an answer is rejected. */
async function disconnected(client: Redis): Promise<void> {
  if (client.status === 'end') return;
  const ended = new Promise<void>((resolve) => {
    client.once('end', resolve);
    setTimeout(resolve, 500).unref();
  });
  client.disconnect();
  if (client.status === 'reconnecting') {
    // Between two attempts to connect there is no socket whose end ioredis could notice: it would keep its commands for ever, and
    // BullMQ the timers that go with them. So it gets an attempt to break off.
    client.connect().catch(() => {});
    client.disconnect();
  }
  await ended;
}

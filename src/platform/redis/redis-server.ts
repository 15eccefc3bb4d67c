import type { Cluster, ClusterOptions, Redis, RedisOptions } from 'ioredis';
import { backoffMs } from '../time/backoff.js';
import { settlesWithin } from '../time/with-timeout.js';

export type RedisClient = Redis | Cluster;

/**
 * The purpose of a connection. A `producer` and the `bus` never wait for Redis: a command that was reported as failed must not run later, and
 * a late live message is worthless. A `worker` waits as long as it takes.
 */
export type RedisUse = 'producer' | 'worker' | 'bus';

/** The server or servers behind one connection, and the clients that were made for them. */
export interface RedisServer {
  readonly client: RedisClient;
  /** Whether commands can be sent at this moment. */
  readonly usable: boolean;
  /** Resolves when commands can be sent; rejects while the server is unavailable. */
  reach(): Promise<void>;
  /**
   * Asks the server for a sign of life. Rejects if the connection is lost.
   *
   * @throws {ReplicaError}
   */
  probe(): Promise<void>;
  /** Closes the connection that does not answer; ioredis opens a new one. */
  reconnect(): void;
  /** Ends all clients in whatever state they are; commands that wait for an answer are rejected. */
  end(): Promise<void>;
}

/** The server is a replica, which takes no writes: after a failover, old connections stay with the former primary. */
export class ReplicaError extends Error {
  override readonly name = 'ReplicaError';

  constructor() {
    super('This Redis is a read-only replica; connecting again until the address leads to the primary');
  }
}

/** Whether Redis itself replied with an error (such as NOPERM), as opposed to a lost connection. */
export function isReply(error: unknown): error is Error {
  return error instanceof Error && error.name === 'ReplyError';
}

/**
 * The role of the server; `null` if it is unknown (a Redis before 6). By HELLO, which every user may send; ROLE and INFO are
 * `@dangerous`, and managed services disable them.
 */
export async function redisRole(client: Pick<Redis, 'call'>): Promise<'primary' | 'replica' | null> {
  let fields: unknown;
  try {
    fields = await client.call('HELLO');
  } catch (error) {
    if (isReply(error)) return null;
    throw error;
  }
  const role: unknown = Array.isArray(fields) ? fields[fields.indexOf('role') + 1] : undefined;
  if (role === 'master') return 'primary';
  return role === 'replica' || role === 'slave' ? 'replica' : null;
}

export function retryMs(times: number): number {
  return backoffMs(times, { firstMs: 50, longestMs: 3_000 });
}

/** Resolves when ioredis reports the end of the client, but after `ms` at the latest. */
export async function untilEnd(client: RedisClient, ms: number): Promise<void> {
  // ioredis types the events of its two clients apart.
  const emitter: NodeJS.EventEmitter = client;
  await settlesWithin(ms, new Promise<void>((resolve) => emitter.once('end', resolve)));
}

/** Options of each connection to a server. */
export const NODE: RedisOptions = {
  connectTimeout: 5_000,
  keepAlive: 10_000,
  // A frozen server never answers our FIN.
  disconnectTimeout: 200,
};

/** Options of each connection to a Cluster. */
export const CLUSTER: ClusterOptions = { clusterRetryStrategy: retryMs };

import type { RedisAddress } from '../../contract/options/connections.js';
import { isClusterAddress } from '../addresses.js';
import { watchdog } from '../time/watchdog.js';
import { ClusteredRedis } from './clustered-redis.js';
import { isReply, ReplicaError, type RedisClient, type RedisServer, type RedisUse } from './redis-server.js';
import { StandaloneRedis } from './standalone-redis.js';

/** How a server that does not answer is noticed. */
export interface RedisTimings {
  /** How often the server is asked for a sign of life. Default 5,000. */
  readonly probeEveryMs: number;
  /** The connection to a server that takes longer to answer, or to accept it, is replaced. Default 5,000. */
  readonly answerMs: number;
}

/** The owner of a connection. */
export interface RedisListener {
  readonly up?: () => void;
  /** It is not usable any more, or an attempt to make it so has failed. */
  readonly down?: (problem: Error) => void;
  /** An error that has no caller; the connection may work all the same. */
  readonly error: (error: unknown) => void;
}

/** @param key On a Cluster: a key of the queue that the connection is for. */
export function connectRedis(
  address: RedisAddress,
  { use, key = null, timings }: { use: RedisUse; key?: string | null; timings?: Partial<RedisTimings> },
  listener: RedisListener,
): RedisConnection {
  let connection: RedisConnection | null = null;
  const onError = (error: unknown): void => {
    if (!connection?.isClosed) listener.error(error);
  };
  const server = isClusterAddress(address)
    ? new ClusteredRedis(address, use, key, onError)
    : new StandaloneRedis(address, use, onError);
  connection = new RedisConnection(server, listener, { probeEveryMs: 5_000, answerMs: 5_000, ...timings });
  return connection;
}

/**
 * A connection to Redis that reconnects by itself:
 *
 *     down --ready, and the server answers as a primary--> up --close, end, no answer, or a replica--> down
 *       any state --close()--> closed
 *
 * A frozen or cut-off server keeps its sockets open, for up to 15 minutes of TCP's retransmissions, and after a failover the sockets of the
 * former primary stay open, too. So the server is asked regularly, and a connection without an answer, or to a replica, is replaced.
 */
export class RedisConnection {
  private readonly probes: NodeJS.Timeout;
  /** Ends the wait for an answer. */
  private stopWaiting: (() => void) | undefined;
  private isUp = false;
  private replica: ReplicaError | null = null;
  private closed = false;

  constructor(
    private readonly server: RedisServer,
    private readonly listener: RedisListener,
    private readonly timings: RedisTimings,
  ) {
    // ioredis types the events of its two clients apart.
    const emitter: NodeJS.EventEmitter = server.client;
    emitter.on('connect', () => this.expectAnswer());
    emitter.on('ready', () => {
      this.heard();
      // A Cluster was asked for its slots just now, and its replicas pass commands on.
      if (server.client.isCluster) this.answered();
      else this.probe(false);
    });
    emitter.on('close', () => this.down(this.replica ?? new Error('the connection was lost')));
    emitter.on('end', () => this.down(new Error('the connection was closed')));
    this.probes = setInterval(() => this.probe(true), timings.probeEveryMs).unref();
  }

  get client(): RedisClient {
    return this.server.client;
  }

  get isClosed(): boolean {
    return this.closed;
  }

  /** Whether the server answered as a primary when it was asked last. */
  get connected(): boolean {
    return this.isUp;
  }

  /** Whether commands can be sent at this moment. */
  get usable(): boolean {
    return this.replica === null && this.server.usable;
  }

  /** Resolves when commands can be sent; rejects while the server is unavailable, or a replica. */
  async reach(): Promise<void> {
    if (this.replica) throw this.replica;
    if (!this.isUp || !this.usable) await this.server.reach();
  }

  /** Replaces this connection with a new one. */
  drop(problem: Error): void {
    if (this.closed) return;
    this.listener.error(problem);
    this.down(problem);
    this.server.reconnect();
  }

  async close(): Promise<void> {
    this.closed = true;
    this.isUp = false;
    clearInterval(this.probes);
    this.stopWaiting?.();
    await this.server.end();
  }

  /** @param mayDrop `false` right after a connection was made: while the address leads to a replica, one is enough for each interval. */
  private probe(mayDrop: boolean): void {
    if (this.closed || this.stopWaiting || this.client.status !== 'ready') return;
    this.expectAnswer();
    this.server.probe().then(
      () => this.answered(),
      (error: unknown) => {
        if (error instanceof ReplicaError) this.foundReplica(error, mayDrop);
        else if (isReply(error)) this.answered();
        // A lost connection is reported by its own event; in a cluster, it may be a single node.
        else if (!this.closed && this.client.status === 'ready') this.listener.error(error);
        this.heard();
      },
    );
  }

  private answered(): void {
    this.heard();
    this.replica = null;
    if (this.isUp || this.closed) return;
    this.isUp = true;
    this.listener.up?.();
  }

  private foundReplica(problem: ReplicaError, mayDrop: boolean): void {
    const known = this.replica !== null;
    this.replica = problem;
    if (mayDrop || !known) this.drop(problem);
  }

  private down(problem: Error): void {
    this.heard();
    if (this.closed) return;
    this.isUp = false;
    this.listener.down?.(problem);
  }

  private expectAnswer(): void {
    this.heard();
    const { answerMs } = this.timings;
    this.stopWaiting = watchdog(answerMs, () => {
      this.stopWaiting = undefined;
      this.drop(new Error(`Redis gave no answer within ${answerMs} ms`));
    });
  }

  private heard(): void {
    this.stopWaiting?.();
    this.stopWaiting = undefined;
  }
}

import { Cluster, Redis, type ClusterOptions, type RedisOptions } from 'ioredis';
import type { RedisAddress } from '../../contract/options/connections.js';
import { isClusterAddress } from '../addresses.js';
import type { Outage } from '../logging/outage.js';
import { afterSilence } from '../time/watchdog.js';

export type RedisClient = Redis | Cluster;

/** By its own word: a host's client may be of another copy of ioredis, which `instanceof` does not know. */
export function isCluster(client: RedisClient): client is Cluster {
  return client.isCluster;
}

/** An address has no methods. */
function isClient(given: RedisAddress | RedisClient): given is RedisClient {
  return typeof given === 'object' && 'duplicate' in given && typeof given.duplicate === 'function';
}

/** Whether Redis itself said no (NOPERM and the like): that is an answer, too, unlike a lost connection. */
export function isReply(error: unknown): error is Error {
  return error instanceof Error && error.name === 'ReplyError';
}

/** How long a silent server is believed to be alive. */
export interface RedisTimings {
  /** How often the server is asked whether it is alive. Default 5,000. */
  pingEveryMs: number;
  /** A server that takes longer to answer, or to take us in, is given up. Default 3,000. */
  answerMs: number;
}

/** A connection that is closed needs no longer than this, see `disconnectTimeout`. */
const CLOSE_MS = 1_000;

const retryMs = (times: number): number =>
  Math.min(100 * 2 ** Math.min(times, 10), 3_000) * (0.5 + Math.random() / 2);

/** What holds for each connection that we make ourselves. */
const NODE: RedisOptions = {
  connectTimeout: 5_000,
  keepAlive: 10_000,
  // A frozen server never answers our FIN.
  disconnectTimeout: 200,
};

const OWN: RedisOptions = {
  ...NODE,
  // Nothing waits for Redis to come back: it would be stale by then, and waiting things pile up. On a loss, what is under
  // way is rejected at once (0 retries) instead of sent again.
  enableOfflineQueue: false,
  autoResendUnfulfilledCommands: false,
  maxRetriesPerRequest: 0,
  // The bus subscribes again itself, since it must know when all is acknowledged.
  autoResubscribe: false,
  retryStrategy: retryMs,
};

/**
 * Commands may wait here: ioredis connects to a node with the first of them, and would refuse the next. What comes late does no harm, and
 * while the whole cluster is away nothing is sent.
 */
const OWN_CLUSTER: ClusterOptions = {
  shardedSubscribers: true,
  clusterRetryStrategy: retryMs,
  retryDelayOnFailover: 0,
  retryDelayOnClusterDown: 0,
};

function connectTo(address: RedisAddress): RedisClient {
  if (typeof address === 'string') return new Redis(address, OWN);
  if (!isClusterAddress(address)) return new Redis({ ...address, ...OWN });
  return new Cluster([...address.nodes], {
    ...address.options,
    ...OWN_CLUSTER,
    redisOptions: { ...address.redisOptions, ...NODE },
  });
}

/**
 * One connection of the bus, ours (made from a url) or handed in, as something that is up or down:
 *
 *     down --ready--> up --close, end, or a ping unanswered--> down
 *
 * A frozen server keeps its sockets open, so it only shows by not answering. Our own connection is cut and made anew
 * then; one that was handed in is left alone and counts as up again with its next answer.
 *
 * A cluster of ours is asked for its slots instead, so that a replica which took over is found; that it is silent means that no node
 * answers. One that was handed in is not asked. (Not by `slotsRefreshInterval`: ioredis begins that timer anew when it is closed in the
 * middle of a refresh, and the process would not end.)
 */
export class RedisConnection {
  readonly client: RedisClient;
  private readonly owned: boolean;
  private readonly pings: NodeJS.Timeout | null;
  /** Ends the wait for an answer. */
  private silence: (() => void) | undefined;
  private isUp = false;
  private closed = false;
  private readonly listening: (() => void)[] = [];

  constructor(
    given: RedisAddress | RedisClient,
    private readonly outage: Outage,
    private readonly timings: RedisTimings,
    private readonly changed: { up: () => void; down: () => void },
  ) {
    this.owned = !isClient(given);
    this.client = isClient(given) ? given : connectTo(given);
    this.on('ready', () => this.up());
    this.on('connect', () => this.expectAnswer());
    this.on('error', (error) => this.trouble(error));
    this.on('close', () => this.down('the connection was lost'));
    this.on('end', () => this.down('the connection was closed'));
    this.pings =
      isCluster(this.client) && !this.owned
        ? null
        : setInterval(() => this.ping(), timings.pingEveryMs).unref();
  }

  /** Begins: a connection that was handed in may be up already, or wait for its first use. */
  start(): void {
    if (this.client.status === 'ready') this.up();
    else if (this.client.status === 'wait') this.client.connect().catch((error) => this.trouble(error));
  }

  get connected(): boolean {
    return this.isUp;
  }

  on(event: string, listener: (...values: unknown[]) => void): void {
    // ioredis types its events one by one; here they are kept in order to be taken off again.
    const emitter: NodeJS.EventEmitter = this.client;
    emitter.on(event, listener);
    this.listening.push(() => emitter.off(event, listener));
  }

  async close(): Promise<void> {
    this.closed = true;
    this.isUp = false;
    clearInterval(this.pings ?? undefined);
    this.heard();
    for (const stopListening of this.listening) stopListening();
    if (!this.owned || this.client.status === 'end') return;
    this.client.on('error', () => {}); // what a closing connection has to say concerns nobody
    // Between two attempts to connect there is no socket that could say that it has ended.
    const ended = this.client.status === 'reconnecting' ? null : once(this.client, 'end', CLOSE_MS);
    this.client.disconnect();
    await ended;
  }

  private up(): void {
    this.heard();
    if (this.isUp || this.closed) return;
    this.isUp = true;
    this.changed.up();
  }

  private down(problem: unknown): void {
    this.heard();
    this.trouble(problem);
    if (!this.isUp) return;
    this.isUp = false;
    this.changed.down();
  }

  private trouble(problem: unknown): void {
    // An error on a connection that works, such as a refused CLIENT SETINFO, is no outage.
    if (!this.closed && this.client.status !== 'ready') this.outage.begin(problem);
  }

  private ping(): void {
    const { client } = this;
    if (client.status !== 'ready' || this.silence !== undefined) return;
    if (isCluster(client)) {
      client.refreshSlotsCache((error) => {
        if (error && client.status === 'ready') this.unanswered(error);
      });
      return;
    }
    this.expectAnswer();
    client.ping().then(
      () => this.up(),
      (error: unknown) => {
        if (isReply(error)) this.up();
      },
    );
  }

  private expectAnswer(): void {
    this.heard();
    this.silence = afterSilence(this.timings.answerMs, () => {
      this.silence = undefined;
      this.unanswered(new Error(`Redis gave no answer within ${this.timings.answerMs} ms`));
    });
  }

  private unanswered(problem: Error): void {
    if (this.closed) return;
    this.outage.begin(problem);
    if (this.isUp) this.down(problem);
    if (this.owned) this.client.disconnect(true);
  }

  private heard(): void {
    this.silence?.();
    this.silence = undefined;
  }
}

/** Resolves with the event, or without it after `timeoutMs`. */
async function once(client: RedisClient, event: 'end', timeoutMs: number): Promise<void> {
  await new Promise<void>((resolve) => {
    const timer = setTimeout(resolve, timeoutMs);
    client.once(event, () => {
      clearTimeout(timer);
      resolve();
    });
  });
}

import { Logger } from '@nestjs/common';
import type { RedisAddress } from '../contract/options/connections.js';
import type { FeedKey } from '../contract/model/feed.js';
import type { Unsubscribe } from '../contract/ports/live.js';
import { NO_METRICS, type Metrics } from '../contract/ports/metrics.js';
import { BusAdapter } from './bus-adapter.js';
import { redisPrefix } from './channel.js';
import { Outage } from '../platform/logging/outage.js';
import { connectRedis, type RedisConnection, type RedisTimings } from '../platform/redis/redis-connection.js';
import { ReplicaError } from '../platform/redis/redis-server.js';
import { RedisPublisher } from './redis-publisher.js';
import { settlesWithin } from '../platform/time/with-timeout.js';
import { RedisSubscriber } from './redis-subscriber.js';
import type { Listener } from './subscriptions.js';

export interface RedisBusOptions {
  /** The identity of the database whose feeds these are, see {@link redisPrefix}. */
  incarnation: string;
  /** On a Cluster sharded pub/sub is used (Redis 7): a message stays in its shard. */
  address: RedisAddress;
  metrics?: Metrics;
  /** How long a subscription waits for its acknowledgement. Default 3,000. */
  subscribeTimeoutMs?: number;
  timings?: Partial<RedisTimings>;
}

/** How long close() waits for the first connection, to send the messages announced before it. */
const LAST_MESSAGES_MS = 1_000;

/**
 * The bus on Redis pub/sub.
 *
 *     unavailable --both connections up, all channels subscribed again--> connected --either lost--> unavailable
 *
 * `connected` needs only the connections; {@link onReconnect} waits for the acknowledgements, too, since a read of
 * the heads before those could miss an entry.
 */
export class RedisBus extends BusAdapter {
  protected readonly sender: RedisPublisher;
  private readonly outage = new Outage(this.logger, 'The live bus (Redis)');
  private readonly subscriber: RedisSubscriber;
  private readonly publishing: RedisConnection;
  private readonly subscribing: RedisConnection;
  /** Whether messages may have been lost since the last {@link onReconnect}. */
  private interrupted = false;

  constructor(options: RedisBusOptions) {
    super(new Logger(RedisBus.name));
    const { address, metrics = NO_METRICS, subscribeTimeoutMs = 3_000, timings } = options;
    const prefix = redisPrefix(options.incarnation);
    const connect = (up: () => void, down: (problem: Error) => void): RedisConnection => {
      const connection = connectRedis(
        address,
        { use: 'bus', timings },
        {
          up,
          down: (problem) => {
            this.outage.begin(problem);
            down(problem);
          },
          // An error on a connection that works, such as a refused CLIENT SETINFO, is no outage.
          error: (error) => {
            if (connection.client.status !== 'ready') this.outage.begin(error);
          },
        },
      );
      return connection;
    };
    this.publishing = connect(
      () => {
        this.sender.started();
        this.up();
      },
      (problem) => {
        this.sender.started();
        // Subscribed connections cannot be asked for the role of their server.
        if (problem instanceof ReplicaError) this.subscribing.drop(problem);
      },
    );
    this.subscribing = connect(
      () => void this.resume(),
      () => this.lost(),
    );
    this.sender = new RedisPublisher(
      this.publishing,
      prefix,
      new Outage(this.logger, 'The sending side of the live bus (Redis)'),
      metrics,
    );
    this.subscriber = new RedisSubscriber(
      this.subscribing,
      prefix,
      subscribeTimeoutMs,
      this.logger,
      metrics,
      () => this.reconnected.fire(),
    );
    // ioredis moves the channels of a cluster from node to node by itself; messages may be lost meanwhile.
    const emitter: NodeJS.EventEmitter = this.subscribing.client;
    emitter.on('subscribersReady', () => this.reconnected.fire());
  }

  get connected(): boolean {
    return this.publishing.connected && this.subscribing.connected;
  }

  protected join(feed: FeedKey, listener: Listener): Promise<Unsubscribe> {
    return this.subscriber.subscribe(feed, listener);
  }

  protected async end(): Promise<void> {
    if (this.sender.isHolding) await settlesWithin(LAST_MESSAGES_MS, this.publishing.reach());
    this.sender.flush();
    this.subscriber.close();
    await Promise.all([this.publishing.close(), this.subscribing.close()]);
  }

  private up(): void {
    if (this.connected) this.outage.end();
  }

  private lost(): void {
    this.interrupted = true;
    this.subscriber.connectionLost();
  }

  private async resume(): Promise<void> {
    const interrupted = this.interrupted || this.outage.lasts;
    this.up();
    const resumed = await this.subscriber.resume();
    if (!resumed || !interrupted || this.closed) return;
    this.interrupted = false;
    this.reconnected.fire();
  }
}

import { Logger } from '@nestjs/common';
import type { RedisAddress } from '../contract/options/connections.js';
import type { FeedKey } from '../contract/model/feed.js';
import type { Announcement, LiveBus, Unsubscribe } from '../contract/ports/live.js';
import { NO_METRICS, type Metrics } from '../contract/ports/metrics.js';
import { NotAcknowledgedError } from './acknowledgement.js';
import { redisPrefix } from './channel.js';
import { Outage } from '../platform/logging/outage.js';
import {
  isCluster,
  RedisConnection,
  type RedisClient,
  type RedisTimings,
} from '../platform/redis/redis-connection.js';
import { RedisPublisher } from './redis-publisher.js';
import { RedisSubscriber } from './redis-subscriber.js';
import { Signal } from './signal.js';
import { listenerOf, type Listener } from './subscriptions.js';

export interface RedisBusOptions {
  /** The identity of the database whose feeds these are, see {@link redisPrefix}. */
  incarnation: string;
  /**
   * An address, of which the bus makes two connections of its own and closes them; or connections that stay the caller's:
   * `subscriber` is used for nothing else then (a subscribed connection takes no other commands).
   *
   * On a cluster of our own sharded pub/sub is used (Redis 7), where a message stays in its shard; on a `Cluster` that was handed in if it has
   * `shardedSubscribers: true`, else the classic one, where every node hears every message. One `Cluster` may be both.
   */
  connection: RedisAddress | { readonly publisher: RedisClient; readonly subscriber: RedisClient };
  metrics?: Metrics;
  /** How long a subscription waits for its acknowledgement. Default 3,000. */
  subscribeTimeoutMs?: number;
  timings?: Partial<RedisTimings>;
}

/**
 * The bus on Redis pub/sub.
 *
 *     away --both connections up, all channels subscribed again--> connected --either lost--> away
 *
 * `connected` needs only the connections; {@link onReconnect} waits for the acknowledgements, too, since heads that are
 * read before those could miss an entry in between.
 */
export class RedisBus implements LiveBus {
  private readonly logger = new Logger(RedisBus.name);
  private readonly outage = new Outage(this.logger, 'The live bus (Redis)');
  private readonly publisher: RedisPublisher;
  private readonly subscriber: RedisSubscriber;
  private readonly publishing: RedisConnection;
  private readonly subscribing: RedisConnection;
  private readonly reconnected = new Signal(this.logger);
  /** Whether there was a time since the last {@link onReconnect} when messages could be lost. */
  private interrupted = false;
  private closed = false;

  constructor(options: RedisBusOptions) {
    const { connection, metrics = NO_METRICS, subscribeTimeoutMs = 3_000 } = options;
    const prefix = redisPrefix(options.incarnation);
    const timings = { pingEveryMs: 5_000, answerMs: 3_000, ...options.timings };
    const given = isPair(connection) ? connection : { publisher: connection, subscriber: connection };
    this.publishing = new RedisConnection(given.publisher, this.outage, timings, {
      up: () => this.up(),
      down: () => {},
    });
    this.subscribing = new RedisConnection(given.subscriber, this.outage, timings, {
      up: () => void this.resume(),
      down: () => this.lost(),
    });
    this.publisher = new RedisPublisher(
      this.publishing,
      prefix,
      isSharded(this.publishing.client),
      new Outage(this.logger, 'The sending side of the live bus (Redis)'),
      metrics,
    );
    this.subscriber = new RedisSubscriber(
      this.subscribing,
      prefix,
      isSharded(this.subscribing.client),
      subscribeTimeoutMs,
      this.logger,
      metrics,
    );
    // ioredis moves the channels of a cluster from node to node by itself; messages may be lost meanwhile.
    this.subscribing.on('subscribersReady', () => this.reconnected.fire());
    this.publishing.start();
    this.subscribing.start();
  }

  get connected(): boolean {
    return this.publishing.connected && this.subscribing.connected;
  }

  announce(announcements: readonly Announcement[]): void {
    if (!this.closed) this.publisher.announce(announcements);
  }

  disconnect(feeds: readonly FeedKey[]): void {
    if (!this.closed) this.publisher.disconnect(feeds);
  }

  async subscribe(
    feed: FeedKey,
    announced: Listener['announced'],
    disconnected?: Listener['disconnected'],
  ): Promise<Unsubscribe> {
    if (this.closed) throw new NotAcknowledgedError('The live bus is closed');
    return this.subscriber.subscribe(feed, listenerOf(announced, disconnected));
  }

  onReconnect(listener: () => void): Unsubscribe {
    return this.reconnected.on(listener);
  }

  async close(): Promise<void> {
    if (this.closed) return;
    this.closed = true;
    this.publisher.flush();
    this.subscriber.close();
    this.reconnected.clear();
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

function isPair(
  connection: RedisBusOptions['connection'],
): connection is { publisher: RedisClient; subscriber: RedisClient } {
  return typeof connection === 'object' && 'publisher' in connection;
}

function isSharded(client: RedisClient): boolean {
  return isCluster(client) && client.options.shardedSubscribers === true;
}

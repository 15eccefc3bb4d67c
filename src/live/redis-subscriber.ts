import type { Logger } from '@nestjs/common';
import { describeError } from '../platform/logging/describe-error.js';
import type { FeedKey } from '../contract/model/feed.js';
import type { Unsubscribe } from '../contract/ports/live.js';
import type { Metrics } from '../contract/ports/metrics.js';
import { Acknowledgement, NotAcknowledgedError } from './acknowledgement.js';
import { feedHash } from './channel.js';
import type { RedisConnection } from '../platform/redis/redis-connection.js';
import { isReply } from '../platform/redis/redis-server.js';
import { Subscriptions, type Listener, type Subscription } from './subscriptions.js';

/** Channels of one SUBSCRIBE after a reconnect: a single command would block Redis, one for each channel is slow. */
const CHUNK = 500;

interface Channel extends Subscription {
  readonly acknowledgement: Acknowledgement;
  /** The {@link RedisSubscriber.generation} of the connection that acknowledged it; 0 if none has. */
  acknowledgedBy: number;
}

/**
 * The receiving side of the bus on Redis: one SUBSCRIBE for each channel, whatever the number of its listeners. A channel is
 *
 *     (none) --first listener--> wanted --acknowledged--> live --connection lost--> wanted
 *       any state --last listener leaves--> (none)
 *
 * Only wanted and live channels are kept. The last listener's UNSUBSCRIBE and a SUBSCRIBE right after it are sent in that
 * order on one connection and Redis runs them in that order, so the race ends subscribed without a wait for the former.
 * Connections are numbered, and an acknowledgement counts for its own connection only: a late one is not mistaken for one
 * of the current connection, and a lost connection revokes all of them at once.
 */
export class RedisSubscriber {
  private readonly channels: Subscriptions<Channel>;
  /** The number of the connection, incremented when it is lost. */
  private generation = 1;

  constructor(
    private readonly connection: RedisConnection,
    private readonly prefix: string,
    private readonly timeoutMs: number,
    private readonly logger: Logger,
    metrics: Metrics,
  ) {
    this.channels = new Subscriptions<Channel>(logger, metrics);
    // ioredis types the events of its two clients apart.
    const emitter: NodeJS.EventEmitter = connection.client;
    emitter.on(this.sharded ? 'smessage' : 'message', (channel: string, message: string) =>
      this.channels.deliver(channel, message),
    );
  }

  private get sharded(): boolean {
    return this.connection.client.isCluster;
  }

  /**
   * Resolves when Redis has acknowledged.
   *
   * @throws {NotAcknowledgedError} if Redis is unavailable for longer than the timeout, or refuses.
   */
  async subscribe(feed: FeedKey, own: Listener): Promise<Unsubscribe> {
    const name = this.prefix + feedHash(feed);
    let channel = this.channels.get(name);
    if (channel === undefined) {
      channel = { name, feed, listeners: [], acknowledgement: new Acknowledgement(), acknowledgedBy: 0 };
      this.channels.add(channel);
      void this.send([channel]);
    }
    channel.listeners.push(own);
    const subscribed = channel;
    const unsubscribe = (): void => this.leave(subscribed, own);
    if (subscribed.acknowledgedBy === this.generation) return unsubscribe;
    try {
      await subscribed.acknowledgement.wait(this.timeoutMs);
    } catch (error) {
      unsubscribe();
      throw error;
    }
    return unsubscribe;
  }

  /** Subscribes to all channels again; `true` when this connection has acknowledged all of them. */
  async resume(): Promise<boolean> {
    const { generation } = this;
    const channels = this.channels.values();
    const chunks: Channel[][] = [];
    for (let start = 0; start < channels.length; start += CHUNK)
      chunks.push(channels.slice(start, start + CHUNK));
    await Promise.all(chunks.map((chunk) => this.send(chunk)));
    return generation === this.generation;
  }

  connectionLost(): void {
    this.generation++;
  }

  close(): void {
    const error = new NotAcknowledgedError('The live bus was closed');
    for (const channel of this.channels.values()) {
      channel.acknowledgement.settle(error);
    }
    this.channels.clear();
  }

  private leave(channel: Channel, listener: Listener): void {
    if (this.channels.remove(channel, listener)) this.unsubscribe(channel.name);
  }

  /** Sends SUBSCRIBE if the connection is up; otherwise {@link resume} does. Never rejects. */
  private async send(channels: readonly Channel[]): Promise<void> {
    if (!this.connection.connected || channels.length === 0) return;
    const { client } = this.connection;
    const { generation } = this;
    const names = channels.map(({ name }) => name);
    try {
      if (!this.sharded) await client.subscribe(...names);
      // Channels in different slots: one command each.
      else await Promise.all(names.map((name) => client.ssubscribe(name)));
      if (generation !== this.generation) return;
      for (const channel of channels) {
        channel.acknowledgedBy = generation;
        channel.acknowledgement.settle();
      }
    } catch (error) {
      // Any other error is a lost connection: the next one subscribes again.
      if (generation !== this.generation || !isReply(error)) return;
      this.logger.error(`Redis refused to subscribe: ${describeError(error)}`);
      for (const { acknowledgement } of channels) {
        acknowledgement.settle(
          new NotAcknowledgedError(`Redis refused to subscribe: ${describeError(error)}`),
        );
      }
    }
  }

  private unsubscribe(name: string): void {
    const { client } = this.connection;
    // A channel without listeners is not subscribed to again, except by ioredis on a cluster.
    if (!this.connection.connected && !this.sharded) return;
    // If this fails the connection is gone, and the subscription with it.
    (this.sharded ? client.sunsubscribe(name) : client.unsubscribe(name)).catch(() => {});
  }
}

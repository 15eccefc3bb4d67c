import type { Logger } from '@nestjs/common';
import { describeError } from '../platform/logging/describe-error.js';
import type { FeedKey } from '../contract/model/feed.js';
import type { Unsubscribe } from '../contract/ports/live.js';
import type { Metrics } from '../contract/ports/metrics.js';
import { Acknowledgement, NotAcknowledgedError } from './acknowledgement.js';
import { feedHash } from './channel.js';
import { outsideOfCalls } from '../platform/call-context.js';
import { backoffMs } from '../platform/time/backoff.js';
import type { RedisConnection } from '../platform/redis/redis-connection.js';
import { isReply } from '../platform/redis/redis-server.js';
import { Subscriptions, type Listener, type Subscription } from './subscriptions.js';

/** Channels of one SUBSCRIBE after a reconnect: a single command would block Redis, one for each channel is slow. */
const CHUNK = 500;
/** When a node of a cluster is asked again. */
const AGAIN = { firstMs: 100, longestMs: 5_000 };
/** Attempts, of about half a minute, for some of the channels, and for all of them; then the connection is replaced. */
const MOST_ATTEMPTS = 10;
const ATTEMPTS_OF_ALL = 3;
/** Replies of a server that will accept the command in a moment. */
const NOT_YET = /^(CLUSTERDOWN|LOADING|MASTERDOWN|TRYAGAIN)\b/;

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
  /** Channels of a cluster's nodes that were not there yet. */
  private readonly absent = new Set<Channel>();
  private again: NodeJS.Timeout | undefined;
  private attempts = 0;

  constructor(
    private readonly connection: RedisConnection,
    private readonly prefix: string,
    private readonly timeoutMs: number,
    private readonly logger: Logger,
    metrics: Metrics,
    /** Called when channels are live that were not when {@link resume} resolved: their messages may be lost. */
    private readonly late: () => void,
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

  /**
   * Subscribes to all channels again; `true` when this connection has answered for all of them. Those of a cluster's node that is not there
   * yet are tried again, and reported by `late`.
   */
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
    this.stopTrying();
  }

  close(): void {
    this.connectionLost();
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
    // On a cluster the channels are in different slots: one command each.
    const commands = this.sharded ? channels.map((channel) => [channel]) : [channels];
    await Promise.all(commands.map((command) => this.subscribeTo(command)));
  }

  private async subscribeTo(channels: readonly Channel[]): Promise<void> {
    const { client } = this.connection;
    const { generation } = this;
    const names = channels.map(({ name }) => name);
    try {
      await (this.sharded ? client.ssubscribe(...names) : client.subscribe(...names));
      if (generation !== this.generation) return;
      for (const channel of channels) {
        channel.acknowledgedBy = generation;
        channel.acknowledgement.settle();
      }
    } catch (error) {
      if (generation !== this.generation) return;
      if (isReply(error) && !NOT_YET.test(error.message)) this.refuse(channels, error);
      // A lost connection subscribes again when it is back. That of a cluster lives on without one of its nodes.
      else if (this.sharded || isReply(error)) this.tryAgainLater(channels);
    }
  }

  private tryAgainLater(channels: readonly Channel[]): void {
    for (const channel of channels) this.absent.add(channel);
    if (this.again) return;
    this.attempts++;
    this.again = outsideOfCalls(() =>
      setTimeout(() => void this.tryAgain(), backoffMs(this.attempts, AGAIN)).unref(),
    );
  }

  private async tryAgain(): Promise<void> {
    const { generation } = this;
    const channels = [...this.absent].filter((channel) => this.channels.get(channel.name) === channel);
    this.again = undefined;
    this.absent.clear();
    await this.send(channels);
    if (generation !== this.generation) return;
    const isLive = ({ acknowledgedBy }: Channel): boolean => acknowledgedBy === generation;
    if (channels.some(isLive)) this.late();
    if (!this.again) this.attempts = 0;
    // After a restart of a whole cluster ioredis may have no connection to any node that takes subscriptions, and never makes one.
    else if (this.attempts > (this.channels.values().some(isLive) ? MOST_ATTEMPTS : ATTEMPTS_OF_ALL))
      this.connection.drop(new Error('the nodes of the Redis Cluster take no subscriptions'));
  }

  private stopTrying(): void {
    clearTimeout(this.again);
    this.again = undefined;
    this.attempts = 0;
    this.absent.clear();
  }

  private refuse(channels: readonly Channel[], error: Error): void {
    const problem = `Redis refused to subscribe: ${describeError(error)}`;
    this.logger.error(problem);
    for (const { acknowledgement } of channels) acknowledgement.settle(new NotAcknowledgedError(problem));
  }

  private unsubscribe(name: string): void {
    const { client } = this.connection;
    // A channel without listeners is not subscribed to again, except by ioredis on a cluster.
    if (!this.connection.connected && !this.sharded) return;
    // If this fails the connection is gone, and the subscription with it.
    (this.sharded ? client.sunsubscribe(name) : client.unsubscribe(name)).catch(() => {});
  }
}

import type { FeedKey } from '../contract/model/feed.js';
import type { Announcement } from '../contract/ports/live.js';
import type { Metrics } from '../contract/ports/metrics.js';
import { feedHash } from './channel.js';
import { DISCONNECT, encodeMessage } from './message.js';
import type { Outage } from '../platform/logging/outage.js';
import type { RedisConnection } from '../platform/redis/redis-connection.js';

/** Larger entries travel as head only: thousands of instances would each get a copy that few of them want. */
export const MAX_ENTRY_BYTES = 16 * 1024;
/** What may be on its way to a Redis that has not answered yet, in UTF-16 code units; beyond it messages are dropped. */
const MAX_WAITING = 8 * 1024 * 1024;
/** What ioredis keeps for each command on its way, roughly. */
const COMMAND_SIZE = 256;

/**
 * The writing half of the bus on Redis: what is announced in one turn of the event loop goes out as one pipeline. Nobody
 * waits for it, and nothing waits for a Redis that is away.
 */
export class RedisPublisher {
  private gathered: [channel: string, message: string][] = [];
  private flushing: NodeJS.Immediate | undefined;
  private waiting = 0;

  /** Until then messages are kept: a process that has just started, such as a command line, may announce before it is connected. */
  private starting = true;

  constructor(
    private readonly connection: RedisConnection,
    private readonly prefix: string,
    private readonly outage: Outage,
    private readonly metrics: Metrics,
  ) {}

  announce(announcements: readonly Announcement[]): void {
    for (const announcement of announcements) {
      this.gather(announcement.feed, () => encodeMessage(announcement, MAX_ENTRY_BYTES));
    }
  }

  disconnect(feeds: readonly FeedKey[]): void {
    for (const feed of feeds) this.gather(feed, () => DISCONNECT);
  }

  /** Whether messages wait for the first connection. */
  get isHolding(): boolean {
    return this.starting && this.gathered.length > 0;
  }

  /** Sends what is gathered, now. */
  flush(): void {
    clearImmediate(this.flushing);
    this.flushing = undefined;
    const messages = this.gathered;
    if (messages.length === 0) return;
    this.gathered = [];
    const size = messages.reduce((sum, [, message]) => sum + message.length + COMMAND_SIZE, 0);
    void this.send(messages).finally(() => {
      this.waiting -= size;
    });
  }

  /** The connection is there, or its first attempt has failed. */
  started(): void {
    this.starting = false;
    if (this.connection.connected) this.flush();
    else this.drop();
  }

  private gather(feed: FeedKey, encode: () => string): void {
    const { connected } = this.connection;
    if (!connected && !this.starting) {
      this.metrics.busFailed();
      return;
    }
    const message = encode();
    const size = message.length + COMMAND_SIZE;
    if (this.waiting + size > MAX_WAITING) {
      this.failed(new Error('it takes messages more slowly than they come'));
      return;
    }
    this.waiting += size;
    this.gathered.push([this.prefix + feedHash(feed), message]);
    if (connected) this.flushing ??= setImmediate(() => this.flush());
  }

  private drop(): void {
    for (const [, message] of this.gathered) {
      this.waiting -= message.length + COMMAND_SIZE;
      this.metrics.busFailed();
    }
    this.gathered = [];
  }

  private async send(messages: readonly [string, string][]): Promise<void> {
    const { client } = this.connection;
    try {
      if (!client.isCluster) {
        const pipeline = client.pipeline();
        for (const [channel, message] of messages) pipeline.publish(channel, message);
        for (const [error] of (await pipeline.exec()) ?? []) this.count(error);
      } else {
        // The channels of a cluster are in many slots, and a pipeline must stay in one.
        const sent = messages.map(([channel, message]) =>
          client.spublish(channel, message).then(
            () => this.count(null),
            (error: unknown) => this.count(error),
          ),
        );
        await Promise.all(sent);
      }
    } catch (error) {
      this.failed(error);
    }
  }

  private count(error: unknown): void {
    if (error !== null) return this.failed(error);
    this.metrics.busMessage('sent');
    this.outage.end();
  }

  private failed(error: unknown): void {
    this.metrics.busFailed();
    this.outage.begin(error);
  }
}

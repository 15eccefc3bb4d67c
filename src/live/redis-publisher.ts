import type { FeedKey } from '../contract/model/feed.js';
import type { Announcement } from '../contract/ports/live.js';
import type { Metrics } from '../contract/ports/metrics.js';
import { feedHash } from './channel.js';
import { DISCONNECT, encodeMessage } from './message.js';
import { outsideOfCalls } from '../platform/call-context.js';
import type { Outage } from '../platform/logging/outage.js';
import type { RedisConnection } from '../platform/redis/redis-connection.js';

/** Larger entries are announced without their JSON: thousands of instances would each get a copy that few of them need. */
export const MAX_ENTRY_BYTES = 16 * 1024;
/** The unanswered messages that Redis may have, in UTF-16 code units; beyond that, messages are dropped. */
const MAX_WAITING = 8 * 1024 * 1024;
/** The memory that ioredis needs for each unanswered command, roughly. */
const COMMAND_SIZE = 256;

/**
 * The sending side of the bus on Redis: the messages of one turn of the event loop are one pipeline. No caller waits for
 * it, and no message waits for a Redis that is unavailable.
 */
export class RedisPublisher {
  private gathered: [channel: string, message: string][] = [];
  private flushing: NodeJS.Immediate | undefined;
  private waiting = 0;

  /** Messages are kept until the first connection: a process that has just started, such as a command line, may announce before it is connected. */
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

  /** Sends the collected messages now. */
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

  /** The first attempt to connect has succeeded or failed. */
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
      this.failed(new Error('Redis accepts messages more slowly than they are published'));
      return;
    }
    this.waiting += size;
    this.gathered.push([this.prefix + feedHash(feed), message]);
    if (connected) this.flushing ??= outsideOfCalls(() => setImmediate(() => this.flush()));
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
      if (!client.isCluster && messages.length > 1) {
        const pipeline = client.pipeline();
        for (const [channel, message] of messages) pipeline.publish(channel, message);
        for (const [error] of (await pipeline.exec()) ?? []) this.count(error);
      } else {
        // One needs no pipeline. On a cluster the channels are in many slots, and a pipeline must stay in one.
        const sent = messages.map(([channel, message]) =>
          (client.isCluster ? client.spublish(channel, message) : client.publish(channel, message)).then(
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

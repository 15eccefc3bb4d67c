import { Logger } from '@nestjs/common';
import type { Pool } from 'pg';
import type { FeedKey } from '../contract/model/feed.js';
import type { Unsubscribe } from '../contract/ports/live.js';
import { NO_METRICS, type Metrics } from '../contract/ports/metrics.js';
import { Outage } from '../platform/logging/outage.js';
import type { ListenClient } from '../platform/postgres/listen-client.js';
import { Acknowledgement, NotAcknowledgedError } from './acknowledgement.js';
import { BusAdapter } from './bus-adapter.js';
import { FEED_HASH_LENGTH, feedHash, postgresChannel } from './channel.js';
import { NotifyQueue } from './notify-queue.js';
import { unpack } from './payload.js';
import { Subscriptions, type Listener, type Subscription } from './subscriptions.js';

/** $1 the channel, $2 the payloads. */
const NOTIFY = 'SELECT pg_catalog.pg_notify($1, payload) FROM pg_catalog.unnest($2::text[]) AS payload';
/** A server that takes longer has frozen. */
const NOTIFY_TIMEOUT_MS = 5_000;
/** The last messages are not worth a longer wait: the check of heads finds their entries, too. */
const FLUSH_MS = 1_000;

export interface PostgresBusOptions {
  /** The identity of the database whose feeds these are, see {@link postgresChannel}. */
  incarnation: string;
  /** For the NOTIFY. The caller closes it. */
  pool: Pool;
  /** For the LISTEN. The caller closes it. */
  listener: Pick<ListenClient, 'listen'>;
  metrics?: Metrics;
  /** How long a subscription waits for a connection. Default 3,000. */
  subscribeTimeoutMs?: number;
}

/**
 * The bus on LISTEN/NOTIFY: one channel for all feeds, so every instance receives every message and discards most. While
 * the connection listens, every feed is subscribed to; its states are those of {@link ListenClient}.
 */
export class PostgresBus extends BusAdapter {
  protected readonly sender: NotifyQueue;
  private readonly subscriptions: Subscriptions<Subscription>;
  private readonly listening = new Acknowledgement();
  private readonly timeoutMs: number;
  private isListening = false;
  /** Whether messages may have been lost since the last {@link onReconnect}. */
  private interrupted = false;

  constructor(options: PostgresBusOptions) {
    super(new Logger(PostgresBus.name));
    const { pool, listener, metrics = NO_METRICS, subscribeTimeoutMs = 3_000 } = options;
    const channel = postgresChannel(options.incarnation);
    this.timeoutMs = subscribeTimeoutMs;
    this.subscriptions = new Subscriptions(this.logger, metrics);
    this.sender = new NotifyQueue(
      (payloads) => {
        // pg takes a timeout for one query; only its types do not know that.
        const query = { text: NOTIFY, values: [channel, payloads], query_timeout: NOTIFY_TIMEOUT_MS };
        return pool.query(query);
      },
      new Outage(this.logger, 'The sending side of the live bus (Postgres)'),
      metrics,
    );
    listener.listen(channel, {
      payload: (payload) => this.receive(payload),
      up: () => this.up(),
      down: () => this.down(),
    });
  }

  get connected(): boolean {
    return this.isListening && !this.closed;
  }

  protected async join(feed: FeedKey, listener: Listener): Promise<Unsubscribe> {
    const name = feedHash(feed);
    const subscription = this.subscriptions.get(name) ?? { name, feed, listeners: [] };
    if (subscription.listeners.length === 0) this.subscriptions.add(subscription);
    subscription.listeners.push(listener);
    const unsubscribe = (): void => void this.subscriptions.remove(subscription, listener);
    if (this.connected) return unsubscribe;
    try {
      await this.listening.wait(this.timeoutMs);
    } catch (error) {
      unsubscribe();
      throw error;
    }
    return unsubscribe;
  }

  protected async end(): Promise<void> {
    this.subscriptions.clear();
    this.listening.settle(new NotAcknowledgedError('The live bus was closed'));
    await this.sender.flush(FLUSH_MS);
  }

  private receive(payload: string): void {
    for (const message of unpack(payload)) {
      this.subscriptions.deliver(message.slice(0, FEED_HASH_LENGTH), message.slice(FEED_HASH_LENGTH));
    }
  }

  private up(): void {
    const { interrupted } = this;
    this.isListening = true;
    this.interrupted = false;
    this.listening.settle();
    if (interrupted) this.reconnected.fire();
  }

  private down(): void {
    this.isListening = false;
    this.interrupted = true;
  }
}

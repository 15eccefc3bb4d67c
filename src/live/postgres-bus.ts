import { Logger } from '@nestjs/common';
import type { ClientConfig, Pool } from 'pg';
import type { FeedKey } from '../contract/model/feed.js';
import type { Announcement, LiveBus, Unsubscribe } from '../contract/ports/live.js';
import { NO_METRICS, type Metrics } from '../contract/ports/metrics.js';
import { Acknowledgement, NotAcknowledgedError } from './acknowledgement.js';
import { FEED_HASH_LENGTH, feedHash, postgresChannel } from './channel.js';
import { ListenClient, type ListenTimings } from '../platform/postgres/listen-client.js';
import { NotifyQueue } from './notify-queue.js';
import { Outage } from '../platform/logging/outage.js';
import { unpack } from './payload.js';
import { Signal } from './signal.js';
import { listenerOf, Subscriptions, type Listener, type Subscription } from './subscriptions.js';

/** $1 the channel, $2 the payloads. */
const NOTIFY = 'SELECT pg_catalog.pg_notify($1, payload) FROM pg_catalog.unnest($2::text[]) AS payload';
/** A server that takes longer has frozen. */
const NOTIFY_TIMEOUT_MS = 5_000;
/** What is still to be announced at the end is not worth a longer wait: the check of heads says it, too. */
const FLUSH_MS = 1_000;

export interface PostgresBusOptions {
  /** The identity of the database whose feeds these are, see {@link postgresChannel}. */
  incarnation: string;
  /** For the NOTIFY; the caller's, never closed by the bus. */
  pool: Pool;
  /**
   * For the one connection that LISTENs: a url, or what `pg` takes. Not through a pooler in transaction mode, where a
   * LISTEN has no session to last in.
   */
  connection: string | ClientConfig;
  metrics?: Metrics;
  /** How long a subscription waits for a connection. Default 3,000. */
  subscribeTimeoutMs?: number;
  timings?: Partial<ListenTimings>;
}

/**
 * The bus on LISTEN/NOTIFY: one channel for all feeds, so every instance hears of every entry and passes over most. The
 * listening connection is the state of it, see {@link ListenClient}; while that listens, every feed is subscribed to.
 */
export class PostgresBus implements LiveBus {
  private readonly logger = new Logger(PostgresBus.name);
  private readonly outage = new Outage(this.logger, 'The live bus (Postgres)');
  private readonly subscriptions: Subscriptions<Subscription>;
  private readonly listening = new Acknowledgement();
  private readonly listener: ListenClient;
  private readonly queue: NotifyQueue;
  private readonly reconnected = new Signal(this.logger);
  private readonly timeoutMs: number;
  private closed = false;

  constructor(options: PostgresBusOptions) {
    const { pool, connection, metrics = NO_METRICS, subscribeTimeoutMs = 3_000 } = options;
    const channel = postgresChannel(options.incarnation);
    this.timeoutMs = subscribeTimeoutMs;
    this.subscriptions = new Subscriptions(this.logger, metrics);
    this.queue = new NotifyQueue(
      (payloads) => {
        // pg takes a timeout for one query; only its types do not know that.
        const query = { text: NOTIFY, values: [channel, payloads], query_timeout: NOTIFY_TIMEOUT_MS };
        return pool.query(query);
      },
      new Outage(this.logger, 'The sending side of the live bus (Postgres)'),
      metrics,
    );
    this.listener = new ListenClient(
      typeof connection === 'string' ? { connectionString: connection } : connection,
      channel,
      this.outage,
      { checkEveryMs: 15_000, answerMs: 5_000, ...options.timings },
      { payload: (payload) => this.receive(payload), up: () => this.up() },
    );
    this.listener.start();
  }

  get connected(): boolean {
    return this.listener.listening;
  }

  announce(announcements: readonly Announcement[]): void {
    if (!this.closed) this.queue.announce(announcements);
  }

  disconnect(feeds: readonly FeedKey[]): void {
    if (!this.closed) this.queue.disconnect(feeds);
  }

  /**
   * Resolves when the connection listens.
   *
   * @throws {NotAcknowledgedError} if it does not within the timeout.
   */
  async subscribe(
    feed: FeedKey,
    announced: Listener['announced'],
    disconnected?: Listener['disconnected'],
  ): Promise<Unsubscribe> {
    if (this.closed) throw new NotAcknowledgedError('The live bus is closed');
    const name = feedHash(feed);
    let subscription = this.subscriptions.get(name);
    if (subscription === undefined) {
      subscription = { name, feed, listeners: [] };
      this.subscriptions.add(subscription);
    }
    const joined = subscription;
    const own = listenerOf(announced, disconnected);
    joined.listeners.push(own);
    const unsubscribe = (): void => void this.subscriptions.remove(joined, own);
    if (this.connected) return unsubscribe;
    try {
      await this.listening.wait(this.timeoutMs);
    } catch (error) {
      unsubscribe();
      throw error;
    }
    return unsubscribe;
  }

  onReconnect(listener: () => void): Unsubscribe {
    return this.reconnected.on(listener);
  }

  async close(): Promise<void> {
    if (this.closed) return;
    this.closed = true;
    this.reconnected.clear();
    this.subscriptions.clear();
    this.listening.settle(new NotAcknowledgedError('The live bus was closed'));
    await Promise.all([this.queue.flush(FLUSH_MS), this.listener.close()]);
  }

  private receive(payload: string): void {
    for (const message of unpack(payload)) {
      this.subscriptions.deliver(message.slice(0, FEED_HASH_LENGTH), message.slice(FEED_HASH_LENGTH));
    }
  }

  private up(): void {
    const interrupted = this.outage.lasts;
    this.outage.end();
    this.listening.settle();
    if (interrupted) this.reconnected.fire();
  }
}

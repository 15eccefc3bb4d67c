import { Socket } from 'node:net';
import { Client, type ClientConfig, type QueryResult } from 'pg';
import type { Outage } from '../logging/outage.js';
import { backoffMs } from '../time/backoff.js';
import { watchdog } from '../time/watchdog.js';

/** How a server that does not answer is noticed. */
export interface ListenTimings {
  /** How often the server is asked for a sign of life. Default 15,000. */
  readonly checkEveryMs: number;
  /** A server that takes longer to answer, or to accept the connection, is given up. Default 5,000. */
  readonly answerMs: number;
}

/** The reader of one channel. */
export interface ChannelListener {
  readonly payload: (payload: string) => void;
  /** The server has acknowledged the LISTEN: notifications arrive from now on. */
  readonly up: () => void;
  /** The connection is lost, or an attempt to connect has failed. */
  readonly down?: () => void;
}

/**
 * The connection of this process that LISTENs, on any number of channels, and reconnects by itself:
 *
 *     new --first listen()--> connecting --each LISTEN answered--> listening --end, error, or no answer--> waiting --backoff--> connecting
 *       any state --close()--> closed
 *
 * A frozen server keeps its socket open and sends nothing, like a quiet one. So it is asked regularly, and a connection
 * without an answer is replaced.
 */
export class ListenClient {
  private readonly channels = new Map<string, ChannelListener>();
  private readonly timings: ListenTimings;
  private client: Client | null = null;
  /** The client's socket. pg's own end() waits for the server to close its side, which a frozen one never does. */
  private socket: Socket | null = null;
  private started = false;
  private isListening = false;
  private failures = 0;
  private timer: NodeJS.Timeout | undefined;

  constructor(
    private readonly config: ClientConfig,
    private readonly outage: Outage,
    timings: Partial<ListenTimings> = {},
  ) {
    this.timings = { checkEveryMs: 15_000, answerMs: 5_000, ...timings };
  }

  /** Listens on a channel until {@link close}. The first call opens the connection; each channel has one listener. */
  listen(channel: string, listener: ChannelListener): void {
    this.channels.set(channel, listener);
    const { client } = this;
    if (!this.started) {
      this.started = true;
      void this.connect();
    } else if (client !== null && this.isListening) {
      // While it connects, connect() comes to this channel, too.
      this.listenOn(client, channel, listener).catch((error: unknown) => this.lost(client, error));
    }
  }

  async close(): Promise<void> {
    this.started = true;
    this.channels.clear();
    clearTimeout(this.timer);
    const { client, socket, isListening } = this;
    this.client = null;
    this.isListening = false;
    if (client === null || socket === null) return;
    const closed = socket.destroyed
      ? Promise.resolve()
      : new Promise((resolve) => socket.once('close', resolve));
    const impatient = setTimeout(() => socket.destroy(), this.timings.answerMs).unref();
    if (isListening) void client.end();
    else socket.destroy();
    await closed;
    clearTimeout(impatient);
  }

  private async connect(): Promise<void> {
    const { answerMs } = this.timings;
    const socket = new Socket();
    const client = new Client({
      application_name: 'tidings listen',
      ...this.config,
      keepAlive: true,
      connectionTimeoutMillis: answerMs,
      stream: () => socket,
    });
    this.client = client;
    this.socket = socket;
    client.on('error', (error) => this.lost(client, error));
    client.on('end', () => this.lost(client, new Error('the connection ended')));
    client.on('notification', ({ channel, payload }) => {
      if (payload) this.channels.get(channel)?.payload(payload);
    });
    try {
      await client.connect();
      const checkEveryMs = await this.checkInterval(client);
      // Channels that are added meanwhile are at the end of the map, so none is left out.
      for (const [channel, listener] of this.channels) await this.listenOn(client, channel, listener);
      if (this.client !== client) return;
      this.isListening = true;
      this.failures = 0;
      this.outage.end();
      this.checkLater(client, checkEveryMs);
    } catch (error) {
      this.lost(client, error);
    }
  }

  private async listenOn(client: Client, channel: string, listener: ChannelListener): Promise<void> {
    await this.ask(client, `LISTEN ${client.escapeIdentifier(channel)}`);
    if (this.client === client) listener.up();
  }

  /** Shorter than the server's `idle_session_timeout`: a value that we set would stay on the session behind a pooler. */
  private async checkInterval(client: Client): Promise<number> {
    const { checkEveryMs } = this.timings;
    const { rows } = await this.ask(
      client,
      `SELECT setting AS ms FROM pg_catalog.pg_settings WHERE name = 'idle_session_timeout'`,
    );
    const idleMs = Number((rows[0] as { ms: string } | undefined)?.ms ?? 0);
    return idleMs > 0 ? Math.min(checkEveryMs, idleMs / 2) : checkEveryMs;
  }

  private checkLater(client: Client, checkEveryMs: number): void {
    this.timer = setTimeout(() => {
      this.ask(client, 'SELECT 1').then(
        () => {
          if (this.client === client) this.checkLater(client, checkEveryMs);
        },
        (error: unknown) => this.lost(client, error),
      );
    }, checkEveryMs).unref();
  }

  private async ask(client: Client, statement: string): Promise<QueryResult> {
    const { answerMs } = this.timings;
    let stopWaiting = (): void => {};
    const silence = new Promise<never>((_, reject) => {
      stopWaiting = watchdog(answerMs, () =>
        reject(new Error(`Postgres gave no answer within ${answerMs} ms`)),
      );
    });
    try {
      return await Promise.race([client.query(statement), silence]);
    } finally {
      stopWaiting();
    }
  }

  /** Every way to lose a connection ends here, some of them twice. */
  private lost(client: Client, problem: unknown): void {
    if (this.client !== client) return;
    this.client = null;
    this.isListening = false;
    clearTimeout(this.timer);
    this.outage.begin(problem);
    this.socket?.destroy();
    const pause = backoffMs(++this.failures, { firstMs: 50, longestMs: 5_000 });
    this.timer = setTimeout(() => void this.connect(), pause).unref();
    for (const { down } of this.channels.values()) down?.();
  }
}

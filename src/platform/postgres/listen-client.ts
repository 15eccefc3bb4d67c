import { Socket } from 'node:net';
import { Client, type ClientConfig, type QueryResult } from 'pg';
import type { Outage } from '../logging/outage.js';
import { backoffMs } from '../time/backoff.js';
import { watchdog } from '../time/watchdog.js';

/** How long a silent server is believed to be alive. */
export interface ListenTimings {
  /** How often the server is asked whether it is alive. Default 15,000. */
  checkEveryMs: number;
  /** A server that takes longer to answer, or to take us in, is given up. Default 5,000. */
  answerMs: number;
}

/**
 * A connection of its own that LISTENs on one channel and comes back by itself:
 *
 *     connecting --LISTEN answered--> listening --end, error, or no answer--> waiting --backoff--> connecting
 *       any state --close()--> closed
 *
 * A frozen server keeps its socket open and simply sends nothing, like a quiet one; so it is asked, and a server that
 * gives no answer is left for a new connection.
 */
export class ListenClient {
  private client: Client | null = null;
  /** The client's socket. pg's own end() waits for the server to close its side, which a frozen one never does. */
  private socket: Socket | null = null;
  private isListening = false;
  private failures = 0;
  private timer: NodeJS.Timeout | undefined;

  constructor(
    private readonly config: ClientConfig,
    private readonly channel: string,
    private readonly outage: Outage,
    private readonly timings: ListenTimings,
    private readonly on: { payload: (payload: string) => void; up: () => void },
  ) {}

  get listening(): boolean {
    return this.isListening;
  }

  start(): void {
    void this.connect();
  }

  async close(): Promise<void> {
    clearTimeout(this.timer);
    const { client, socket, isListening } = this;
    this.client = null;
    this.isListening = false;
    if (client === null || socket === null) return;
    const gone = socket.destroyed
      ? Promise.resolve()
      : new Promise((resolve) => socket.once('close', resolve));
    const impatient = setTimeout(() => socket.destroy(), this.timings.answerMs).unref();
    if (isListening) void client.end();
    else socket.destroy();
    await gone;
    clearTimeout(impatient);
  }

  private async connect(): Promise<void> {
    const { answerMs } = this.timings;
    const socket = new Socket();
    const client = new Client({
      application_name: 'tidings live bus',
      ...this.config,
      keepAlive: true,
      connectionTimeoutMillis: answerMs,
      stream: () => socket,
    });
    this.client = client;
    this.socket = socket;
    let checkEveryMs: number;
    client.on('error', (error) => this.lost(client, error));
    client.on('end', () => this.lost(client, new Error('the connection ended')));
    client.on('notification', ({ channel, payload }) => {
      if (channel === this.channel && payload) this.on.payload(payload);
    });
    try {
      await client.connect();
      await this.ask(client, `LISTEN ${client.escapeIdentifier(this.channel)}`);
      checkEveryMs = await this.shortEnough(client);
    } catch (error) {
      this.lost(client, error);
      return;
    }
    if (this.client !== client) return;
    this.isListening = true;
    this.failures = 0;
    this.checkLater(client, checkEveryMs);
    this.on.up();
  }

  /** Before the server ends a session that is idle (`idle_session_timeout`): a setting of ours would stay on the session behind a pooler. */
  private async shortEnough(client: Client): Promise<number> {
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
    let endWait = (): void => {};
    const silence = new Promise<never>((_, reject) => {
      endWait = watchdog(answerMs, () => reject(new Error(`Postgres gave no answer within ${answerMs} ms`)));
    });
    try {
      return await Promise.race([client.query(statement), silence]);
    } finally {
      endWait();
    }
  }

  /** Every way to lose a connection leads here, some of them twice. */
  private lost(client: Client, problem: unknown): void {
    if (this.client !== client) return;
    this.client = null;
    this.isListening = false;
    clearTimeout(this.timer);
    this.outage.begin(problem);
    this.socket?.destroy();
    const pause = backoffMs(++this.failures, { firstMs: 50, longestMs: 5_000 });
    this.timer = setTimeout(() => void this.connect(), pause).unref();
  }
}

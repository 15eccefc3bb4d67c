import { setTimeout as sleep } from 'node:timers/promises';
import type { PoolClient, QueryResult } from 'pg';
import type { PostgresPool } from '../../contract/options/connections.js';
import { sqlState } from './pg-error.js';

type ConnectCallback = (
  error: Error | undefined,
  client?: PoolClient,
  release?: PoolClient['release'],
) => void;

/**
 * The host's pool with the manners of ours: a connection is looked at before its first use, a server that does not answer is an outage, and
 * ending it does nothing, because it is the host's.
 */
export class BorrowedPool {
  private readonly verified = new WeakSet<PoolClient>();

  constructor(
    private readonly pool: PostgresPool,
    private readonly timeoutMs: number,
    /** Looks at a connection that we have not used before. */
    private readonly verify: (client: PoolClient) => Promise<void>,
  ) {}

  /** Its events are for the host to hear. */
  on(): this {
    return this;
  }

  async query(
    query: string | { text: string; values?: unknown[]; query_timeout?: number },
    values?: unknown[],
  ): Promise<QueryResult> {
    const client = await this.take();
    try {
      const config = typeof query === 'string' ? { text: query, values } : query;
      // pg takes a timeout for one query; only its types do not know that.
      const result = await client.query({ query_timeout: this.timeoutMs, ...config } as { text: string });
      client.release();
      return result;
    } catch (error) {
      // A statement that Postgres refused has not harmed the connection; anything else may have.
      client.release(sqlState(error) === null ? (error as Error) : undefined);
      throw error;
    }
  }

  /** As pg's: a promise, or a callback for TypeORM. */
  connect(): Promise<PoolClient>;
  connect(callback: ConnectCallback): void;
  connect(callback?: ConnectCallback): Promise<PoolClient> | void {
    const taken = this.take();
    if (!callback) return taken;
    taken.then(
      (client) => callback(undefined, client, (error) => client.release(error)),
      (error: unknown) => callback(error as Error),
    );
  }

  end(callback?: () => void): Promise<void> {
    callback?.();
    return Promise.resolve();
  }

  private async take(): Promise<PoolClient> {
    const client = await this.lent();
    if (this.verified.has(client)) return client;
    try {
      await this.verify(client);
      this.verified.add(client);
      return client;
    } catch (error) {
      client.release(error as Error);
      throw error;
    }
  }

  /** A pool without a limit of its own waits for ever when all its clients are in use. */
  private async lent(): Promise<PoolClient> {
    const impatient = new AbortController();
    let late = false;
    const client = this.pool.connect().then((connected) => {
      if (late) connected.release();
      // Described by the contract, which imports nothing; it is pg's.
      return connected as PoolClient;
    });
    const timeout = sleep(this.timeoutMs, null, { signal: impatient.signal, ref: false }).catch(() => null);
    try {
      const first = await Promise.race([client, timeout]);
      if (first) return first;
      late = true;
      client.catch(() => {});
      throw Object.assign(new Error(`the host's pool had no free connection for ${this.timeoutMs} ms`), {
        code: 'ETIMEDOUT',
      });
    } finally {
      impatient.abort();
    }
  }
}

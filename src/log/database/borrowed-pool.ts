import type { PoolClient, QueryResult } from 'pg';
import type { PostgresPool } from '../../contract/options/connections.js';
import { withTimeout } from '../../platform/time/with-timeout.js';
import { sqlState } from './pg-error.js';

type ConnectCallback = (
  error: Error | undefined,
  client?: PoolClient,
  release?: PoolClient['release'],
) => void;

/**
 * Gives the application's pool the behaviour of ours: new connections are verified, an unresponsive server
 * counts as unavailable, and closing it does
 * nothing, because the pool is the application's.
 */
export class BorrowedPool {
  private readonly verified = new WeakSet<PoolClient>();

  constructor(
    private readonly pool: PostgresPool,
    private readonly timeoutMs: number,
    /** Verifies a connection before we first use it. */
    private readonly verify: (client: PoolClient) => Promise<void>,
  ) {}

  /** The pool's events belong to the application. */
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
      // pg accepts a timeout per query; only its types lack the option.
      const result = await client.query({ query_timeout: this.timeoutMs, ...config } as { text: string });
      client.release();
      return result;
    } catch (error) {
      // A rejected statement leaves the connection intact; any other error may not.
      client.release(sqlState(error) === null ? (error as Error) : undefined);
      throw error;
    }
  }

  /** As in pg: returns a promise, or calls a callback (TypeORM). */
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

  /** A pool without a timeout waits forever when all its clients are in use. */
  private async lent(): Promise<PoolClient> {
    const connecting = this.pool.connect();
    const late = (): Error =>
      Object.assign(new Error(`database.pool had no free connection within ${this.timeoutMs} ms`), {
        code: 'ETIMEDOUT',
      });
    try {
      // The contract declares its own type, because it imports nothing; the client is pg's.
      return (await withTimeout(this.timeoutMs, connecting, late)) as PoolClient;
    } catch (error) {
      void connecting.then(
        (client) => client.release(),
        () => {},
      );
      throw error;
    }
  }
}

import type { PostgresAddress } from '../../contract/options/connections.js';
import type { HomeDatabase } from './postgres-outbox.js';

const ANSWER_MS = 5_000;

/**
 * Connects for each lookup: only a start, and a server that was restarted, need one, so a permanent connection does not pay. And a pool does
 * not do: the caller of each lookup holds a transaction, and with as many of them as the pool has connections they would wait for one another.
 */
export function homeAt(address: PostgresAddress, onError: (error: unknown) => void): HomeDatabase {
  return {
    query: async (text) => {
      const { default: pg } = await import('pg');
      const client = new pg.Client({
        ...address,
        connectionTimeoutMillis: ANSWER_MS,
        query_timeout: ANSWER_MS,
      });
      client.on('error', onError);
      try {
        await client.connect();
        return await client.query(text);
      } finally {
        await client.end();
      }
    },
  };
}

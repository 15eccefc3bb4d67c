import { Logger } from '@nestjs/common';
import pg from 'pg';
import { feedHash, postgresChannel } from '../../src/live/channel.js';
import { PostgresBus } from '../../src/live/postgres-bus.js';
import { Outage } from '../../src/platform/logging/outage.js';
import { ListenClient } from '../../src/platform/postgres/listen-client.js';
import { startPostgres } from '../support/postgres.js';
import { liveBusContract, type BusServer, type BusSettings } from './live-bus.contract.js';

/** A bus with a LISTEN connection of its own, which is closed after it as the module does. */
class ListeningBus extends PostgresBus {
  private readonly listener: ListenClient;

  constructor(pool: pg.Pool, connectionString: string, { timings, ...settings }: BusSettings) {
    const outage = new Outage(new Logger('Test'), 'The LISTEN connection');
    const listener = new ListenClient({ connectionString }, outage, timings);
    super({ pool, listener, ...settings });
    this.listener = listener;
  }

  override async close(): Promise<void> {
    await super.close();
    await this.listener.close();
  }
}

async function startServer(): Promise<BusServer> {
  const postgres = await startPostgres();
  const pool = new pg.Pool({ connectionString: postgres.url, max: 4, connectionTimeoutMillis: 1_000 });
  pool.on('error', () => {}); // idle connections end with the server, as the tests intend
  const administrator = async (sql: string, values: unknown[] = []): Promise<void> => {
    const client = new pg.Client(postgres.adminUrl);
    await client.connect();
    try {
      await client.query(sql, values);
    } finally {
      await client.end();
    }
  };
  return {
    port: postgres.port,
    create: (settings, port) => {
      const url = postgres.url.replace(`:${postgres.port}/`, `:${port}/`);
      return new ListeningBus(pool, url, settings);
    },
    inject: (incarnation, feed, text) =>
      administrator('SELECT pg_notify($1, $2)', [postgresChannel(incarnation), feedHash(feed) + text]),
    cutConnections: () =>
      administrator(
        `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
          WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()`,
      ),
    pause: () => postgres.pause(),
    resume: () => postgres.resume(),
    kill: () => postgres.stop('immediate'),
    start: () => postgres.start(),
    close: async () => {
      await pool.end();
      await postgres.stop();
    },
  };
}

liveBusContract('Postgres', startServer);

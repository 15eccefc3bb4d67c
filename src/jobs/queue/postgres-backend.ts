import type { Socket } from 'node:net';
import {
  createPostgresBackend,
  Queue,
  runMigrations,
  type createRedisBackend,
  type Processor,
  type WorkerOptions,
} from 'bullmq';
import { Client, Pool, type PoolClient } from 'pg';
import type { PostgresAddress } from '../../contract/options/connections.js';
import type { MigrateMode } from '../../contract/options/options.js';
import type { ErasureTarget } from '../../contract/ports/erase.js';
import type { QueueBackend, SearchPage } from './backend.js';
import { lookAtSession, SESSION_OPTIONS, StandbyError } from '../../platform/postgres/session.js';
import { settlesWithin } from '../../platform/time/with-timeout.js';
import { ResilientWorker } from './resilient-worker.js';

/** The schema of BullMQ's tables: its default, so that a producer with plain BullMQ finds the same queue. */
const SCHEMA = 'bullmq';
/** BullMQ commits jobs one by one, and Postgres flushes few commits at once: more connections would only wait. */
const PRODUCER_POOL = 4;
/** One of these connections only listens. */
const WORKER_POOL = 8;
const WORKER_QUERY_MS = 15_000;
const CONNECT_MS = 5_000;
const CLOSE_MS = 200;
const SEARCH_PAGE = 200;

/**
 * Parameters: queue, id to continue after, size of the page, tenant, recipient (null: the whole tenant). `?` finds a string as well as an
 * element of an array.
 */
const SEARCH = `
  WITH page AS (SELECT id, data FROM job WHERE queue = $1 AND id > $2 ORDER BY id LIMIT $3)
  SELECT max(id) AS last,
         coalesce(array_agg(id) FILTER (WHERE coalesce(data->>'tenant', '') = $4
                                          AND ($5::text IS NULL OR data->'to' ? $5)), '{}') AS ids
    FROM page`;

/** The types of Queue and Worker include their backend; everyone, `@InjectQueue` included, expects the default one. */
const factory = createPostgresBackend as unknown as typeof createRedisBackend;

/** BullMQ on the Postgres database of the log. */
export class PostgresBackend implements QueueBackend {
  readonly name = 'postgres';
  readonly waits = false;
  readonly trims = false;

  constructor(
    private readonly address: PostgresAddress,
    private readonly enqueueTimeoutMs: number,
    private readonly onError: (error: unknown) => void,
    private readonly migrate: MigrateMode = 'auto',
  ) {}

  /**
   * Creates or updates BullMQ's tables, unless a DBA manages them: then BullMQ reports missing ones. BullMQ
   * holds an advisory lock meanwhile, so
   * that a second process waits.
   */
  async prepare(): Promise<void> {
    if (this.migrate !== 'auto') return;
    const client = new Client({ ...ownSession(this.address), connectionTimeoutMillis: 10_000 });
    client.on('error', this.onError);
    try {
      await client.connect();
      await runMigrations(client, SCHEMA);
    } finally {
      await client.end();
    }
  }

  openQueue(name: string) {
    const { connection, usable, destroy } = this.connect(PRODUCER_POOL, this.enqueueTimeoutMs);
    // BullMQ reads jobs one by one, each with a query of its own.
    const search = async ({ tenant, recipient }: ErasureTarget, after: string): Promise<SearchPage> => {
      const values = [name, after, SEARCH_PAGE, tenant, recipient];
      const { rows } = await connection.query<SearchPage>(SEARCH, values);
      return rows[0]!;
    };
    return { instance: new Queue(name, { connection }, factory), usable, destroy, search };
  }

  openWorker(name: string, processor: Processor, options: Omit<WorkerOptions, 'connection'>) {
    const { connection, usable, destroy } = this.connect(WORKER_POOL, WORKER_QUERY_MS);
    const instance = new ResilientWorker(
      name,
      processor,
      { ...options, connection, autorun: false },
      factory,
    );
    return { instance, usable, destroy };
  }

  private connect(max: number, queryMs: number) {
    const pool = new Pool({
      // The server cancels the query as well, so that an enqueue reported as failed does not happen later.
      ...ownSession(this.address, queryMs),
      max,
      keepAlive: true,
      keepAliveInitialDelayMillis: 10_000,
      connectionTimeoutMillis: Math.min(queryMs, CONNECT_MS),
      query_timeout: queryMs,
      // pg-pool verifies a new connection before it lends it; only its types lack the option.
      ...{ verify: refuseStandby },
    });
    const clients = new Set<PoolClient>();
    pool.on('error', this.onError);
    pool.on('connect', (client) => {
      clients.add(client);
      // The pool listens to idle clients only; a lent one that breaks would end the process.
      client.on('error', this.onError);
    });
    let emptied = (): void => {};
    pool.on('remove', (client) => {
      clients.delete(client);
      if (clients.size === 0) emptied();
    });

    const destroy = async (): Promise<void> => {
      const empty = new Promise<void>((resolve) => {
        emptied = resolve;
      });
      const ended = pool.ending ? Promise.resolve() : pool.end();
      // The pool forgets its clients before the server has closed them; an unresponsive server never does.
      await settlesWithin(CLOSE_MS, clients.size === 0 ? ended : Promise.all([ended, empty]));
      for (const client of clients) {
        // BullMQ removes all listeners from the listening client.
        client.on('error', this.onError);
        socketOf(client)?.destroy();
      }
    };
    return { connection: pool, usable: () => true, destroy };
  }
}

/** Adds server options for the start of a session; later ones win (libpq, `options`). */
export function withServerOptions(url: string, options: string): string {
  const encoded = encodeURIComponent(options);
  const given = /([?&]options=)([^&#]*)/;
  if (given.test(url)) {
    return url.replace(given, (_, name: string, theirs: string) => `${name}${theirs}%20${encoded}`);
  }
  return `${url}${url.includes('?') ? '&' : '?'}options=${encoded}`;
}

/**
 * The address for BullMQ's sessions, independent of the server's defaults. A `statementMs` of 0 disables the
 * statement timeout.
 */
export function ownSession(address: PostgresAddress, statementMs = 0): PostgresAddress {
  return withSession(
    address,
    `${SESSION_OPTIONS} -c search_path=${SCHEMA} -c statement_timeout=${statementMs}`,
  );
}

/** The same for either form of address. */
function withSession(address: PostgresAddress, options: string): PostgresAddress {
  const { connectionString } = address;
  // Parameters in the URL win over separate ones.
  if (connectionString !== undefined) {
    return { ...address, connectionString: withServerOptions(connectionString, options) };
  }
  return { ...address, options: address.options ? `${address.options} ${options}` : options };
}

/** Rejects a standby: the pool drops the connection, and the next attempt may reach the primary. */
function refuseStandby(client: PoolClient, done: (error?: Error) => void): void {
  lookAtSession(client).then(({ standby }) => done(standby ? new StandbyError() : undefined), done);
}

/** pg declares the stream as an event emitter only. */
function socketOf(client: PoolClient): Socket | undefined {
  return (client.connection as unknown as { stream?: Socket }).stream;
}

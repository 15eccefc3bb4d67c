import pg from 'pg';
import { settlesWithin, withTimeout } from '../platform/time/with-timeout.js';
import { SUPERUSER } from './cluster.js';
import type { Passwords } from './home.js';

/** The role and the database of the application. The role is not a superuser, as on any hosted Postgres. */
export const APPLICATION = 'tidings';

/** Two advisory lock keys in the database `postgres`, which nothing else uses. */
const KEEP = [0x7469, 1] as const;
const PREPARE = [0x7469, 2] as const;

const CONNECT_TIMEOUT_MS = 5_000;
const RELEASE_MS = 1_500;
const CLOSE_MS = 1_000;

/**
 * A connection that registers this process as a user of the server, and detects the server's end.
 *
 * Several live processes may use one data directory, and the last one stops the server. Files cannot tell
 * which processes are alive, because SIGKILL leaves them behind. So each process holds a shared advisory lock
 * on a connection, and the kernel closes a dead process's connections. A process that stops releases its
 * shared lock and tries to get the exclusive one: if it succeeds, it is the last and stops the server while
 * holding the lock. A process that starts at that moment waits for the shared lock, is disconnected by the
 * shutdown, and starts the server again.
 */
export class Keeper {
  /** Resolves when the connection ends, for any reason. */
  readonly ended: Promise<void>;

  private constructor(private readonly client: pg.Client) {
    this.ended = new Promise((resolve) => {
      client.once('end', () => resolve());
      // Without a listener an 'error' event ends the process. The following 'end' is what counts.
      client.on('error', () => resolve());
    });
  }

  /** Connects, takes the shared lock, and creates the application's role and database if needed. */
  static async connect(port: number, passwords: Passwords): Promise<Keeper> {
    const { superuser, application } = passwords;
    try {
      return await Keeper.open(port, superuser, passwords);
    } catch (error) {
      if (!isWrongPassword(error)) throw error;
    }
    try {
      // Earlier versions gave both roles one password.
      const keeper = await Keeper.open(port, application, passwords);
      const { client } = keeper;
      await client.query(`ALTER ROLE ${SUPERUSER} PASSWORD ${client.escapeLiteral(superuser)}`);
      return keeper;
    } catch (error) {
      if (!isWrongPassword(error)) throw error;
    }
    // Another process has changed it between the two attempts.
    return Keeper.open(port, superuser, passwords);
  }

  private static async open(port: number, password: string, passwords: Passwords): Promise<Keeper> {
    const client = new pg.Client({
      host: '127.0.0.1',
      port,
      user: SUPERUSER,
      password,
      database: 'postgres',
      application_name: 'tidings keeper',
      ssl: false,
      connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
      query_timeout: 15_000,
    });
    const keeper = new Keeper(client);
    try {
      await client.connect();
      await client.query('SELECT pg_advisory_lock_shared($1, $2)', [...KEEP]);
      await prepare(client, passwords.application);
      return keeper;
    } catch (error) {
      await keeper.close();
      throw error;
    }
  }

  /**
   * Releases this process's shared lock. `true`: no other process needs the server, and none can get the lock
   * until this connection ends.
   *
   * @throws if the server does not answer within 1.5 s.
   */
  async release(): Promise<boolean> {
    const answer = (async () => {
      await this.client.query('SELECT pg_advisory_unlock_shared($1, $2)', [...KEEP]);
      const { rows } = await this.client.query<{ last: boolean }>(
        'SELECT pg_try_advisory_lock($1, $2) AS last',
        [...KEEP],
      );
      return rows[0]?.last === true;
    })();
    return withTimeout(
      RELEASE_MS,
      answer,
      () => new Error(`Postgres did not answer within ${RELEASE_MS} ms`),
    );
  }

  /** Closes the connection without waiting for an unresponsive server. */
  async close(): Promise<void> {
    await settlesWithin(CLOSE_MS, this.client.end());
  }
}

/** Whether a connection error is temporary: the server is starting, recovering, stopping, or was just stopped. */
export function isPassing(error: unknown): boolean {
  const code = (error as { code?: unknown }).code;
  if (typeof code !== 'string') return /terminated|timeout/i.test(String((error as Error).message));
  return ['ECONNREFUSED', 'ECONNRESET', 'EPIPE', '57P01', '57P02', '57P03', '08006'].includes(code);
}

function isWrongPassword(error: unknown): boolean {
  return (error as { code?: unknown }).code === '28P01';
}

async function prepare(client: pg.Client, password: string): Promise<void> {
  const name = client.escapeIdentifier(APPLICATION);
  // Two processes that start at once would both find nothing and both create.
  await client.query('SELECT pg_advisory_lock($1, $2)', [...PREPARE]);
  const { rows } = await client.query<{ role: boolean; database: boolean; superuser: boolean }>(
    `SELECT EXISTS (SELECT FROM pg_roles WHERE rolname = $1) AS role,
            EXISTS (SELECT FROM pg_roles WHERE rolname = $1 AND rolsuper) AS superuser,
            EXISTS (SELECT FROM pg_database WHERE datname = $1) AS database`,
    [APPLICATION],
  );
  if (!rows[0]?.role)
    await client.query(`CREATE ROLE ${name} LOGIN PASSWORD ${client.escapeLiteral(password)}`);
  // Somebody may have raised it by hand.
  if (rows[0]?.superuser) await client.query(`ALTER ROLE ${name} NOSUPERUSER`);
  if (!rows[0]?.database) await client.query(`CREATE DATABASE ${name} OWNER ${name}`);
  await client.query('SELECT pg_advisory_unlock($1, $2)', [...PREPARE]);
}

import { Client } from 'pg';
import type { PostgresAddress } from '../../contract/options/connections.js';
import { describeAddress } from '../../platform/addresses.js';
import { StandbyError } from '../../platform/postgres/session.js';

const OLDEST = 14;
const ANSWER_MS = 5_000;

/** The database can never hold the log; raised before anything is written. */
export class UnsuitableDatabaseError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'UnsuitableDatabaseError';
  }
}

interface Facts {
  readonly version: string;
  readonly number: number;
  readonly encoding: string;
  readonly database: string;
  readonly standby: boolean;
}

/**
 * Checks whether the database can hold the log, without changing anything.
 *
 * @returns The server's version.
 * @throws {UnsuitableDatabaseError} {StandbyError}
 */
export async function requireSuitable(address: PostgresAddress): Promise<string> {
  const client = new Client({ ...address, connectionTimeoutMillis: ANSWER_MS, query_timeout: ANSWER_MS });
  // The failing statement reports a broken connection.
  client.on('error', () => {});
  try {
    await client.connect();
    const { rows } = await client.query<Facts>(
      `SELECT pg_catalog.current_setting('server_version') AS version, pg_catalog.current_setting('server_version_num')::int AS number,
              pg_catalog.current_setting('server_encoding') AS encoding, pg_catalog.current_database() AS database,
              pg_catalog.pg_is_in_recovery() AS standby`,
    );
    refuse(rows[0]!, address);
    return rows[0]!.version;
  } finally {
    await client.end();
  }
}

function refuse({ version, number, encoding, database, standby }: Facts, address: PostgresAddress): void {
  const place = `Postgres at ${describeAddress(address)}`;
  if (number < OLDEST * 10_000) {
    throw new UnsuitableDatabaseError(
      `${place} runs version ${version}; version ${OLDEST} or newer is required.`,
    );
  }
  if (encoding !== 'UTF8') {
    throw new UnsuitableDatabaseError(
      `${place} has the encoding ${encoding}, which cannot hold every character of a notification; UTF8 is required. An encoding cannot be ` +
        `changed: make another database, such as CREATE DATABASE ${database}_utf8 ENCODING 'UTF8' LOCALE 'C' TEMPLATE template0 ` +
        `(or with a locale of UTF-8), and give its name.`,
    );
  }
  if (standby) throw new StandbyError();
}

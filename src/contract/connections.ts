/** What we need of a `pg.Pool` of the host: one of any copy of `pg` 8, so that it is described and not imported. */
export interface PostgresPool {
  readonly options: object;
  connect(): Promise<PostgresClient>;
}

/** A client of a {@link PostgresPool}. */
export interface PostgresClient {
  query(query: { text: string; values?: unknown[] }): Promise<unknown>;
  release(error?: Error | boolean): void;
}

/** What we need of an ioredis connection of the host, of any copy of `ioredis` 5. */
export interface RedisConnectionLike {
  readonly options: object;
  readonly isCluster: boolean;
}

/** Where Postgres is and as whom, as `pg` takes it. */
export interface PostgresAddress {
  connectionString?: string;
  host?: string;
  port?: number;
  user?: string;
  database?: string;
  /** A function is asked for each new connection (tokens that expire). */
  password?: string | (() => string | Promise<string>);
  ssl?: boolean | object;
  /** Options that the server gets at the start of a session. */
  options?: string;
}

/** Where Redis is and as whom: a url, or what `ioredis` takes. */
export type RedisAddress = string | Readonly<Record<string, unknown>>;

const POSTGRES_ADDRESS = [
  'connectionString',
  'host',
  'port',
  'user',
  'database',
  'password',
  'ssl',
  'options',
] as const;

// Not: what is about the host's own commands (keyPrefix, commandTimeout, retries, lazyConnect, autoPipelining ...).
const REDIS_ADDRESS = [
  'host',
  'port',
  'path',
  'family',
  'username',
  'password',
  'db',
  'tls',
  'name',
  'role',
  'sentinels',
  'sentinelUsername',
  'sentinelPassword',
  'sentinelTLS',
  'enableTLSForSentinelMode',
  'natMap',
  'connectionName',
] as const;

/** Where connections of our own go that cannot be the host's: LISTEN, BullMQ and migrations need sessions with settings of their own. */
export function postgresAddress(database: {
  readonly url: string | null;
  readonly pool?: PostgresPool | null;
}): PostgresAddress {
  // Property by property: pg hides the password from enumeration.
  if (database.pool) return picked(database.pool.options, POSTGRES_ADDRESS);
  return { connectionString: database.url ?? undefined };
}

/** Host and database for a message, never the password. */
export function describeAddress({ connectionString, host, port, database }: PostgresAddress): string {
  if (connectionString && URL.canParse(connectionString)) {
    const url = new URL(connectionString);
    return `${url.host}${url.pathname}`;
  }
  return `${host ?? 'localhost'}:${port ?? 5432}/${database ?? ''}`;
}

/** As {@link postgresAddress}, for Redis: the host's connection says where, ours have settings of their own. */
export function redisAddress(redis: {
  readonly url: string | null;
  readonly connection?: RedisConnectionLike | null;
}): RedisAddress {
  if (redis.connection) return picked(redis.connection.options, REDIS_ADDRESS);
  return redis.url ?? '';
}

function picked(options: object, names: readonly string[]): Record<string, unknown> {
  const values = options as Record<string, unknown>;
  return Object.fromEntries(
    names
      .filter((name) => values[name] !== undefined && values[name] !== null)
      .map((name) => [name, values[name]]),
  );
}

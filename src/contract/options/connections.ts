/**
 * The part of the application's `pg.Pool` that we use. Described rather than imported, so that any copy of
 * `pg` 8 fits.
 */
export interface PostgresPool {
  readonly options: object;
  connect(): Promise<PostgresClient>;
}

/** A client of a {@link PostgresPool}. */
export interface PostgresClient {
  query(query: { text: string; values?: unknown[] }): Promise<unknown>;
  release(error?: Error | boolean): void;
}

/**
 * The part of the application's ioredis connection that we use, a `Redis` or a `Cluster`, of any copy of
 * `ioredis` 5.
 */
export interface RedisConnectionLike {
  readonly options: object;
  readonly isCluster: boolean;
}

/** The address and credentials of Postgres, as `pg` accepts them. */
export interface PostgresAddress {
  connectionString?: string;
  host?: string;
  port?: number;
  user?: string;
  database?: string;
  /** A function is called for each new connection, for tokens that expire. */
  password?: string | (() => string | Promise<string>);
  ssl?: boolean | object;
  /** Server options for the start of a session. */
  options?: string;
}

/** The address of Redis: a URL, or options of `ioredis`. */
export type RedisAddress = string | Readonly<Record<string, unknown>> | RedisClusterAddress;

/** A Redis Cluster, as options of `ioredis`. */
export interface RedisClusterAddress {
  /** Some of its nodes, from which it discovers the others. */
  readonly nodes: readonly (string | number | Readonly<Record<string, unknown>>)[];
  /** The options of the cluster client. */
  readonly options: Readonly<Record<string, unknown>>;
  /** The options for each node, including credentials. */
  readonly redisOptions: Readonly<Record<string, unknown>>;
}

/** The address of Redis in resolved options. */
export interface RedisPlace {
  readonly url: string | null;
  readonly nodes?: readonly string[] | null;
  readonly connection?: RedisConnectionLike | null;
}

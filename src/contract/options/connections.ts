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

/** What we need of an ioredis connection of the host, a `Redis` or a `Cluster`, of any copy of `ioredis` 5. */
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
export type RedisAddress = string | Readonly<Record<string, unknown>> | RedisClusterAddress;

/** A Redis Cluster, as `ioredis` takes it. */
export interface RedisClusterAddress {
  /** Some of its nodes, to learn of the others from. */
  readonly nodes: readonly (string | number | Readonly<Record<string, unknown>>)[];
  /** How all of them are reached. */
  readonly options: Readonly<Record<string, unknown>>;
  /** As whom, on each node. */
  readonly redisOptions: Readonly<Record<string, unknown>>;
}

/** Where Redis is, as the options say it once they are resolved. */
export interface RedisPlace {
  readonly url: string | null;
  readonly nodes?: readonly string[] | null;
  readonly connection?: RedisConnectionLike | null;
}

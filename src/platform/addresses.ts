import type {
  PostgresAddress,
  PostgresPool,
  RedisAddress,
  RedisClusterAddress,
  RedisConnectionLike,
  RedisPlace,
} from '../contract/options/connections.js';
import { readPostgresUrl } from '../contract/options/postgres-url.js';
import { startupNodesOf } from '../contract/options/redis.js';

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

// Without the options for the host's own commands (keyPrefix, commandTimeout, retries, lazyConnect, autoPipelining ...).
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

// A Cluster has no databases but 0, and finds its nodes itself.
const CLUSTER_NODE = ['family', 'username', 'password', 'tls', 'connectionName'] as const;
const CLUSTER_ADDRESS = [
  'natMap',
  'dnsLookup',
  'useSRVRecords',
  'resolveSrv',
  'slotsRefreshTimeout',
] as const;

export function isClusterAddress(address: RedisAddress): address is RedisClusterAddress {
  return typeof address === 'object' && Array.isArray(address['nodes']);
}

/** The address for connections that cannot be the host's: migrations and others need sessions with their own settings. */
export function postgresAddress(database: {
  readonly url: string | null;
  readonly pool?: PostgresPool | null;
}): PostgresAddress {
  // Property by property: pg makes the password non-enumerable.
  if (database.pool) return picked(database.pool.options, POSTGRES_ADDRESS);
  const { url } = database;
  // The form "/directory database" has no room for the options of a session.
  if (url?.startsWith('/')) {
    const place = readPostgresUrl(url);
    return { host: place?.host, database: place?.database };
  }
  return { connectionString: url ?? undefined };
}

/** The address for sessions that a pooler in transaction mode cannot give: LISTEN, and BullMQ with its `search_path`. */
export function directPostgresAddress(
  database: Parameters<typeof postgresAddress>[0] & { readonly directUrl?: string | null },
): PostgresAddress {
  return postgresAddress(database.directUrl ? { url: database.directUrl } : database);
}

/** Host and database for a message, never the password, with pg's defaults. */
export function describeAddress(address: PostgresAddress): string {
  const { connectionString } = address;
  const place = connectionString === undefined ? address : readPostgresUrl(connectionString);
  if (!place) return 'an address that cannot be read';
  const { PGHOST, PGPORT, PGDATABASE } = process.env;
  const host = place.host || PGHOST || 'localhost';
  const port = place.port || PGPORT || 5432;
  const database = place.database || PGDATABASE || '';
  if (host.startsWith('/')) return `${host}/.s.PGSQL.${port} (database ${database})`;
  return `${host.includes(':') ? `[${host}]` : host}:${port}/${database}`;
}

/** The address for Redis connections: the host's connection gives the place, not the settings. */
export function redisAddress({ url, nodes, connection }: RedisPlace): RedisAddress {
  if (connection) {
    return connection.isCluster ? addressOfCluster(connection) : picked(connection.options, REDIS_ADDRESS);
  }
  return nodes ? addressOfNodes(nodes) : (url ?? '');
}

/** The options for a text with one URL, or with the comma-separated URLs of several nodes of a cluster. */
export function redisOptionsOf(text: string): { url: string } | { nodes: string[] } {
  // A password may have commas.
  const urls = text.split(/,\s*(?=rediss?:\/\/)/);
  return urls.length > 1 ? { nodes: urls } : { url: text };
}

function addressOfCluster(cluster: RedisConnectionLike): RedisClusterAddress {
  const { redisOptions } = cluster.options as { redisOptions?: object };
  return {
    nodes: (startupNodesOf(cluster) ?? []).map((node) =>
      typeof node === 'object' ? picked(node, REDIS_ADDRESS) : node,
    ),
    options: picked(cluster.options, CLUSTER_ADDRESS),
    redisOptions: picked(redisOptions ?? {}, CLUSTER_NODE),
  };
}

function addressOfNodes(nodes: readonly string[]): RedisClusterAddress {
  const urls = nodes.map((node) => new URL(node));
  const { protocol, username, password } = urls[0]!;
  const tls = protocol === 'rediss:';
  return {
    nodes: urls.map(({ hostname, port }) => ({
      host: hostname.replace(/^\[(.*)\]$/, '$1'),
      port: Number(port || 6379),
    })),
    // A certificate is for a name: ioredis would connect to its IP address.
    options: tls
      ? { dnsLookup: (host: string, done: (error: null, address: string) => void) => done(null, host) }
      : {},
    // For each node: ioredis uses those of a URL for the listed nodes only.
    redisOptions: {
      ...(username && { username: decodeURIComponent(username) }),
      ...(password && { password: decodeURIComponent(password) }),
      ...(tls && { tls: {} }),
    },
  };
}

function picked(options: object, names: readonly string[]): Record<string, unknown> {
  const values = options as Record<string, unknown>;
  return Object.fromEntries(
    names
      .filter((name) => values[name] !== undefined && values[name] !== null)
      .map((name) => [name, values[name]]),
  );
}

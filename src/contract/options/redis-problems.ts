import type { RedisClusterAddress, RedisConnectionLike, RedisPlace } from './connections.js';
import type { InvalidField } from '../errors.js';
import { nameProblem } from '../model/feed.js';
import { choiceProblems } from './options-shape.js';

/** BullMQ's scripts touch several keys of a queue, which a Cluster only takes if they are in one slot: that of what is in braces. */
export function defaultPrefix(redis: RedisPlace | null): string {
  return onCluster(redis) ? '{bull}' : 'bull';
}

/** What is wrong with `queue.prefix`; `null` if nothing is. */
export function prefixProblem(redis: RedisPlace | null, prefix: string): string | null {
  const problem = nameProblem(prefix);
  if (problem || !onCluster(redis)) return problem;
  // The rule of Redis: what is between the first `{` and the first `}` after it, if anything is.
  if (/^[^{]*\{[^}]+\}/.test(prefix)) return null;
  return `must have a hash tag on a Redis Cluster, such as "{bull}", is ${JSON.stringify(prefix)}`;
}

/** What is wrong with `redis`, as it was given. */
export function redisProblems(
  redis: {
    readonly url?: string | null;
    readonly nodes?: readonly string[] | null;
    readonly connection?: RedisConnectionLike | null;
  } | null,
): InvalidField[] {
  if (redis === null) return [];
  const { url, nodes, connection } = redis;
  const choice = choiceProblems('redis', redis, ['url', 'nodes', 'connection']);
  if (choice.length > 0) return choice;
  if (typeof url === 'string' && !/^rediss?:\/\//.test(url)) {
    return [{ field: 'redis.url', problem: 'must begin with redis:// or rediss://' }];
  }
  if (nodes) {
    const problem = nodesProblem(nodes);
    return problem ? [{ field: 'redis.nodes', problem }] : [];
  }
  if (connection && typeof connection.options !== 'object') {
    return [{ field: 'redis.connection', problem: 'must be a connection of ioredis' }];
  }
  if (connection?.isCluster && !startupNodesOf(connection)) {
    return [{ field: 'redis.connection', problem: 'must be a Cluster of ioredis that was made with nodes' }];
  }
  return [];
}

/** What is wrong with the urls of a cluster's nodes; never says a password. */
export function nodesProblem(nodes: readonly string[]): string | null {
  const given: unknown = nodes;
  if (!Array.isArray(given) || nodes.length === 0) return 'must be the urls of some nodes of the cluster';
  if (!nodes.every((node) => /^rediss?:\/\/./.test(node) && URL.canParse(node))) {
    return 'must be urls that begin with redis:// or rediss://';
  }
  const urls = nodes.map((node) => new URL(node));
  if (!urls.every(({ pathname }) => /^\/?0?$/.test(pathname))) {
    return 'must not name a database: a cluster has 0 alone';
  }
  const identities = urls.map(({ protocol, username, password }) => [protocol, username, password].join(' '));
  if (new Set(identities).size > 1) {
    return 'must all have the same scheme, user and password, which count for the other nodes, too';
  }
  return null;
}

function onCluster(redis: RedisPlace | null): boolean {
  return Boolean(redis?.nodes ?? redis?.connection?.isCluster);
}

/** The nodes that a `Cluster` was made with; `null` if it does not tell. They are no part of its types. */
export function startupNodesOf(cluster: RedisConnectionLike): RedisClusterAddress['nodes'] | null {
  const { startupNodes } = cluster as { startupNodes?: unknown };
  return Array.isArray(startupNodes) && startupNodes.length > 0 ? startupNodes : null;
}

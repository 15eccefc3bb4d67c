import { z } from 'zod';
import { nameProblem } from '../model/feed.js';
import type { RedisClusterAddress, RedisConnectionLike, RedisPlace } from './connections.js';
import { across, exactlyOne, group, isObject, list, maskPassword, quote, text, urlOf } from './fields.js';
import type { QUEUE } from './groups.js';
import type { QueueOptions, RedisOptions } from './tidings-options.js';

export const REDIS = group<RedisOptions>()({
  url: urlOf(['redis', 'rediss'], 'redis://localhost:6379').nullish(),
  nodes: list(text(), 'urls').readonly().superRefine(checkNodes).nullish(),
  connection: z
    .custom<RedisConnectionLike>((value) => isObject(value) && isObject(value['options']), {
      error: 'must be a connection of ioredis',
    })
    .refine((connection) => !connection.isCluster || startupNodesOf(connection) !== null, {
      error: 'must be a Cluster of ioredis that was made with nodes',
    })
    .nullish(),
}).check(exactlyOne('redis', ['url', 'nodes', 'connection']));

/** Whether a key prefix is valid depends on the Redis. */
export const CHECK_PREFIX = across<{ redis?: unknown; queue?: QueueOptions }>(({ redis, queue }, wrong) => {
  const prefix = queue?.prefix;
  // Redis' rule: the hash tag is the text between the first `{` and the next `}`, unless empty.
  if (typeof prefix !== 'string' || nameProblem(prefix) || /^[^{]*\{[^}]+\}/.test(prefix)) return;
  if (!isObject(redis) || !onCluster(redis)) return;
  wrong(
    ['queue', 'prefix'],
    `must have a hash tag on a Redis Cluster, such as "{bull}", is ${quote(prefix)}`,
  );
});

/** The address of Redis, from validated options. */
export function redisPlace(redis: z.output<typeof REDIS> | null | undefined): RedisPlace | null {
  return redis ? { url: redis.url ?? null, nodes: redis.nodes, connection: redis.connection } : null;
}

/**
 * The queue options with the prefix. BullMQ's scripts use several keys of a queue, which a Cluster accepts
 * only if all are in one slot: that of the text in braces.
 */
export function resolvedQueue(queue: z.output<typeof QUEUE>, redis: RedisPlace | null) {
  return { ...queue, prefix: queue.prefix ?? (redis && onCluster(redis) ? '{bull}' : 'bull') };
}

/** The startup nodes of a `Cluster`; `null` if they are unknown, because they are not part of its types. */
export function startupNodesOf(cluster: RedisConnectionLike): RedisClusterAddress['nodes'] | null {
  const { startupNodes } = cluster as { startupNodes?: unknown };
  return Array.isArray(startupNodes) && startupNodes.length > 0 ? startupNodes : null;
}

function checkNodes(nodes: readonly string[], context: z.core.$RefinementCtx): void {
  const wrong = (message: string): void => context.addIssue({ code: 'custom', message });
  const malformed = nodes.find((node) => !/^rediss?:\/\/./.test(node) || !URL.canParse(node));
  if (nodes.length === 0) return wrong('must be the urls of some nodes of the cluster');
  if (malformed !== undefined) {
    return wrong(
      `must be urls such as redis://localhost:6379 (percent-encode special characters of the password), one is ${quote(maskPassword(malformed))}`,
    );
  }
  const urls = nodes.map((node) => new URL(node));
  if (!urls.every(({ pathname }) => /^\/?0?$/.test(pathname))) {
    return wrong('must not name a database: a Redis Cluster has 0 alone');
  }
  const identities = urls.map(({ protocol, username, password }) => [protocol, username, password].join(' '));
  if (new Set(identities).size > 1) {
    wrong(
      'must all have the same scheme, user and password, which also apply to the other nodes of the Redis Cluster',
    );
  }
}

function onCluster(redis: { readonly nodes?: unknown; readonly connection?: unknown }): boolean {
  return Boolean(redis.nodes ?? (redis.connection as RedisConnectionLike | null | undefined)?.isCluster);
}

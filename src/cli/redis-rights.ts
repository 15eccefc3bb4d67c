import type { Redis } from 'ioredis';

/**
 * The minimal rules of a Redis user, in the order that `ACL SETUSER` needs, besides its password and the
 * keys. All but the last row are limited to keys or channels.
 */
export const REDIS_RULES: readonly string[] = [
  '-@all',
  ...['+@hash', '+@list', '+@set', '+@sortedset', '+@stream', '+@string', '-@dangerous'],
  ...['+del', '+exists', '+persist', '+pexpire', '+pttl', '+eval', '+evalsha'],
  ...['+publish', '+subscribe', '+unsubscribe'],
  ...['+ping', '+time', '+info', '+client|setname'],
];

/** The additional rules for a Redis Cluster. */
export const CLUSTER_RULES: readonly string[] = [
  '+cluster|slots',
  '+cluster|info',
  '+spublish',
  '+ssubscribe',
  '+sunsubscribe',
];

/** The commands of BullMQ's scripts and of Tidings, by their arguments. */
const ON_KEYS = (
  'get hdel hexists hget hgetall hincrby hlen hmget hmset hset incr lindex llen lpop lpos lpush lrange lrem lset ltrim persist ' +
  'pexpire pttl rpop rpush sadd scard set sismember smembers srem xadd xtrim zadd zcard zcount zpopmin zrange zrangebyscore zrem ' +
  'zremrangebyrank zremrangebyscore zrevrange zrevrangebyscore zscore'
).split(' ');
/** Every argument is a key. */
const ON_KEYS_ALONE = ['del', 'exists', 'bzpopmin'];
const ON_TWO_KEYS = ['rpoplpush'];
const ON_CHANNELS = ['publish', 'subscribe'];
const ON_SHARD_CHANNELS = ['spublish', 'ssubscribe'];
const OTHERS = ['info', 'ping', 'time', 'evalsha', 'client setname'];
const CLUSTER_OTHERS = ['cluster slots', 'cluster info'];

/** All required commands. */
export const REDIS_COMMANDS: readonly string[] = [
  ...ON_KEYS,
  ...ON_KEYS_ALONE,
  ...ON_TWO_KEYS,
  ...ON_CHANNELS,
  ...OTHERS,
];

/**
 * Lets the server (Redis 7) check the commands without running them. Arguments: one string per command, with
 * its arguments.
 */
const CHECK = `
  if not redis.acl_check_cmd then return {'unknown'} end
  local lacking = {}
  for _, text in ipairs(ARGV) do
    local words = {}
    for word in string.gmatch(text, '%S+') do words[#words + 1] = word end
    if not redis.acl_check_cmd(unpack(words)) then lacking[#lacking + 1] = text end
  end
  return lacking`;

/** @throws if the Redis user lacks a privilege. */
export async function redisRights(
  client: Redis,
  { prefix, queue, cluster }: { prefix: string; queue: string; cluster: boolean },
): Promise<string> {
  const key = `${prefix}:${queue}:wait`;
  const channel = 'tidings:doctor';
  const asked = [
    ...ON_KEYS.map((command) => `${command} ${key} 1 1 1`),
    ...ON_KEYS_ALONE.map((command) => (command === 'bzpopmin' ? `${command} ${key} 1` : `${command} ${key}`)),
    ...ON_TWO_KEYS.map((command) => `${command} ${key} ${prefix}:${queue}:active`),
    ...[...ON_CHANNELS, ...(cluster ? ON_SHARD_CHANNELS : [])].map((command) =>
      command.endsWith('publish') ? `${command} ${channel} 1` : `${command} ${channel}`,
    ),
    ...[...OTHERS, ...(cluster ? CLUSTER_OTHERS : [])].map((command) => `${command} 1`),
  ];
  const lacking = (await client.eval(CHECK, 0, ...asked)) as string[];
  if (lacking[0] === 'unknown') return 'unknown: a Redis older than 7 cannot check them';
  if (lacking.length === 0) return 'complete';
  const named = lacking.slice(0, 5).map((text) => text.replace(/ 1( 1)*$/, ''));
  const more = lacking.length > 5 ? ` and ${lacking.length - 5} more` : '';
  const rules = [`~${prefix}:*`, '&tidings:*', ...REDIS_RULES, ...(cluster ? CLUSTER_RULES : [])];
  throw new Error(`the user may not ${named.join(', ')}${more}: ACL SETUSER <user> ${rules.join(' ')}`);
}

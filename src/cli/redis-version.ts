import { Cluster, Redis } from 'ioredis';
import type { RedisAddress } from '../contract/options/connections.js';
import { isClusterAddress } from '../platform/addresses.js';

const ANSWER_MS = 5_000;
/** The first with sharded pub/sub. */
const CLUSTER_MIN = 7;

const OPTIONS = { connectTimeout: ANSWER_MS, commandTimeout: ANSWER_MS, maxRetriesPerRequest: 0 };

/** Version and durability of the Redis at this address, of all masters if it is a cluster. @throws what is wrong with it. */
export async function redisVersion(address: RedisAddress): Promise<string> {
  const client = clientOf(address);
  let reason: Error | undefined;
  client.on('error', (error: Error) => (reason = error));
  try {
    await client.connect().catch((error: unknown) => {
      throw reason ?? error;
    });
    if (!(client instanceof Cluster)) return verdict(await client.info());
    const masters = client.nodes('master');
    const verdicts = await Promise.all(
      masters.map(async (master) => {
        const info = await master.info();
        const version = field(info, 'redis_version');
        if (Number.parseInt(version) >= CLUSTER_MIN) return verdict(info);
        throw new Error(`a cluster must be Redis ${CLUSTER_MIN} or newer, is ${version}`);
      }),
    );
    return `a cluster of ${masters.length}: ${[...new Set(verdicts)].join('; ')}`;
  } finally {
    client.disconnect();
  }
}

function clientOf(address: RedisAddress): Redis | Cluster {
  if (isClusterAddress(address)) {
    return new Cluster([...address.nodes], {
      ...address.options,
      lazyConnect: true,
      clusterRetryStrategy: () => null,
      redisOptions: { ...address.redisOptions, ...OPTIONS },
    });
  }
  const options = { ...OPTIONS, lazyConnect: true, retryStrategy: () => null };
  return typeof address === 'string' ? new Redis(address, options) : new Redis({ ...address, ...options });
}

function verdict(info: string): string {
  const policy = field(info, 'maxmemory_policy');
  if (policy && policy !== 'noeviction') {
    throw new Error(`maxmemory-policy is ${policy}: full, it would throw jobs away; set noeviction`);
  }
  const durable =
    field(info, 'aof_enabled') === '1' ? 'appendonly' : 'no appendonly: what is queued is lost with it';
  return `${field(info, 'redis_version')}, ${durable}`;
}

function field(info: string, name: string): string {
  return new RegExp(`^${name}:(.*?)\r?$`, 'm').exec(info)?.[1] ?? '';
}

import { Cluster, Redis } from 'ioredis';
import type { RedisAddress } from '../contract/options/connections.js';
import { isClusterAddress } from '../platform/addresses.js';
import { withTimeout } from '../platform/time/with-timeout.js';
import { redisRights } from './redis-rights.js';

const ANSWER_MS = 5_000;
/** The first version with sharded pub/sub. */
const CLUSTER_MIN = 7;

// Without the ready check: it is a command that the user may not be allowed to run, which is what this
// checks.
const OPTIONS = {
  connectTimeout: ANSWER_MS,
  commandTimeout: ANSWER_MS,
  maxRetriesPerRequest: 0,
  enableReadyCheck: false,
};

/**
 * Version and durability of the Redis at this address, or of all masters of a cluster. @throws if something
 * is wrong with it.
 */
export async function redisVersion(address: RedisAddress): Promise<string> {
  return onRedis(address, async (nodes, cluster) => {
    const verdicts = await Promise.all(
      nodes.map(async (node) => {
        const info = await node.info();
        const version = field(info, 'redis_version');
        if (!cluster || Number.parseInt(version) >= CLUSTER_MIN) return verdict(info);
        throw new Error(`a cluster must be Redis ${CLUSTER_MIN} or newer, is ${version}`);
      }),
    );
    return cluster ? `a cluster of ${nodes.length}: ${[...new Set(verdicts)].join('; ')}` : verdicts[0]!;
  });
}

/** The privileges of the user, on every master. @throws if it lacks one. */
export async function redisUser(
  address: RedisAddress,
  place: { prefix: string; queue: string },
): Promise<string> {
  return onRedis(address, async (nodes, cluster) => {
    const answers = await Promise.all(nodes.map((node) => redisRights(node, { ...place, cluster })));
    return answers[0]!;
  });
}

/** Calls `use` with the server, or with the masters of a cluster. */
async function onRedis(
  address: RedisAddress,
  use: (nodes: readonly Redis[], cluster: boolean) => Promise<string>,
): Promise<string> {
  const client = clientOf(address);
  let reason: Error | undefined;
  client.on('error', (error: Error & { lastNodeError?: Error }) => (reason = error.lastNodeError ?? error));
  try {
    // A cluster that does not reveal its slots never settles.
    const late = (): Error => reason ?? new Error(`no answer within ${2 * ANSWER_MS} ms`);
    await withTimeout(2 * ANSWER_MS, client.connect(), late).catch((error: unknown) => {
      throw reason ?? error;
    });
    return client instanceof Cluster ? await use(client.nodes('master'), true) : await use([client], false);
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
      enableReadyCheck: false,
      redisOptions: { ...address.redisOptions, ...OPTIONS },
    });
  }
  const options = { ...OPTIONS, lazyConnect: true, retryStrategy: () => null };
  return typeof address === 'string' ? new Redis(address, options) : new Redis({ ...address, ...options });
}

function verdict(info: string): string {
  if (field(info, 'role') === 'slave') {
    const primary = `${field(info, 'master_host')}:${field(info, 'master_port')}`;
    throw new Error(
      `it is a replica of ${primary}, where nothing can be written: give the address of the primary`,
    );
  }
  const policy = field(info, 'maxmemory_policy');
  if (policy && policy !== 'noeviction') {
    throw new Error(`maxmemory-policy is ${policy}: a full Redis would evict jobs; set noeviction`);
  }
  const durable =
    field(info, 'aof_enabled') === '1' ? 'appendonly' : 'no appendonly: queued jobs are lost in a crash';
  return `${field(info, 'redis_version')}, ${durable}`;
}

function field(info: string, name: string): string {
  return new RegExp(`^${name}:(.*?)\r?$`, 'm').exec(info)?.[1] ?? '';
}

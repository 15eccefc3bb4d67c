import { Cluster, Command, type ClusterOptions, type Redis } from 'ioredis';
import type { RedisClusterAddress } from '../../contract/options/connections.js';
import { NODE, retryMs, type RedisLink } from './redis-link.js';
import { pingRegularly } from './redis-pings.js';

const END_MS = 1_000;

/**
 * As with a single Redis, what a producer was told has failed must not happen later: nothing is kept while the cluster is away, and nothing is
 * sent again when a node is lost or has lost its slots. Only what a node passes on (MOVED) is sent to the other.
 */
const PRODUCER: ClusterOptions = {
  clusterRetryStrategy: retryMs,
  enableOfflineQueue: false,
  retryDelayOnFailover: 0,
  retryDelayOnClusterDown: 0,
};

/** Half a minute, in which a replica takes over; a job whose end cannot be told by then is found stalled by another worker anyway. */
const WORKER: ClusterOptions = {
  clusterRetryStrategy: retryMs,
  retryDelayOnFailover: 500,
  retryDelayOnClusterDown: 500,
  maxRedirections: 60,
};

/**
 * Connects to a Redis Cluster. All keys of the queue are in one slot, so that one node has them, the **owner** here:
 *
 *     away --ready--> there is an owner --its connection is lost--> none --MOVED, or the slots are read again--> there is an owner
 *       ^---------------- no node is left ----------------------------'
 *
 * ioredis connects to a node with the first command for it and refuses a producer's others meanwhile; hence {@link RedisLink.reach}.
 *
 * @param key A key of the queue.
 */
export function linkToCluster(
  address: RedisClusterAddress,
  patient: boolean,
  key: string,
  onError: (error: unknown) => void,
): RedisLink<Cluster> {
  const slot = new Command('get', [key]).getSlot();
  const clusters: Cluster[] = [];
  const own = (cluster: Cluster): Cluster => {
    clusters.push(cluster);
    // For as long as it lives, see the link to a single Redis.
    cluster.on('error', onError);
    return cluster;
  };
  const client = own(
    new Cluster([...address.nodes], {
      ...address.options,
      ...(patient ? WORKER : PRODUCER),
      // BullMQ requires `null` of blocking connections; the nodes of a cluster do not try again at all.
      redisOptions: { ...address.redisOptions, ...NODE, maxRetriesPerRequest: null },
    }),
  );
  const duplicate = client.duplicate.bind(client);
  client.duplicate = (nodes, options) => own(duplicate(nodes, options));

  const owner = (): Redis | undefined => {
    if (client.status !== 'ready') return undefined;
    const address = client.slots[slot]?.[0];
    return client.nodes().find(({ options: { host, port } }) => `${host}:${port}` === address);
  };
  const usable = (): boolean => owner()?.status === 'ready';
  const reach = async (): Promise<void> => {
    if (usable()) return;
    if (client.status !== 'ready') throw new Error('the cluster is not connected');
    if (!owner()) await readSlots(client);
    // It waits for the connection, and is refused if there will be none.
    await owner()?.ping();
  };
  const stopPinging = pingRegularly(() => {
    const node = owner();
    if (!node && client.status === 'ready') readSlots(client).catch(onError);
    // One that still loads its data takes longer than a ping may, and one that waits for its first use is connected by it.
    return node?.status === 'ready' || node?.status === 'wait' ? node : undefined;
  });
  const destroy = async (): Promise<void> => {
    stopPinging();
    await Promise.all(clusters.map(ended));
  };
  return { client, usable, reach, destroy };
}

/** Asks some node which has which slots. */
async function readSlots(cluster: Cluster): Promise<void> {
  const problem = await new Promise<Error | null | undefined>((resolve) =>
    cluster.refreshSlotsCache((error) => resolve(error)),
  );
  if (!problem) return;
  // Of the nodes that it knows none answers, also not those to which it was never connected: it begins again with the first ones.
  if (cluster.status === 'ready') cluster.disconnect(true);
  throw problem;
}

/** Ends a connection in whatever state it is; what still waits for an answer is rejected. */
async function ended(cluster: Cluster): Promise<void> {
  if (cluster.status === 'end') return;
  const end = new Promise<void>((resolve) => {
    cluster.once('end', resolve);
    setTimeout(resolve, END_MS).unref();
  });
  const abandoned = cluster.nodes().length === 0;
  cluster.disconnect();
  if (abandoned) {
    // ioredis ends with the last of its nodes, and between two attempts to connect it has none: it would keep its commands for ever. So it
    // gets an attempt to break off.
    cluster.once('+node', () => setImmediate(() => cluster.disconnect()));
    cluster.connect().catch(() => {});
  }
  await end;
}
